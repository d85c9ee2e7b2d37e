# SPDX-License-Identifier: Apache-2.0
"""The page that adds an item: what it shows, and what its taps do.

Rule: as on every page, it decides nothing; it shows what is written here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from flask import Flask, Response, abort, jsonify, render_template, request

from kiosk.additions.values import FEWEST_VIEWS, MOST_VIEWS, EnrolState, Rival, Stage
from kiosk.board import State
from kiosk.errors import AdditionError, EmbeddingError, ImageError
from kiosk.values import Record
from kiosk.web import enrol_words, words
from kiosk.web.asked import asked
from kiosk.web.shown import added_url, thumbnail_url

SHORT_NAME = 60
"""Characters of a name that leave the words around it in sight."""
_VIEW = re.compile(r"[0-9]{1,9}")
"""Number of a view, far below the digits that Python reads no number beyond."""

Json = dict[str, Any]
Undo = Callable[[str], bool]


class Enrol(Protocol):
    """The enrolment that is going on. Methods raise AdditionError: why not, in words."""

    def start(self, record: Record) -> None: ...

    def barcode(self) -> tuple[str, str]: ...

    def take(self) -> None: ...

    def drop(self, number: int) -> None: ...

    def again(self) -> None: ...

    def finish(self) -> None: ...

    def cancel(self) -> None: ...

    def view(self, session: str, number: int) -> bytes | None: ...

    def picture(self, sku: str) -> bytes | None: ...


class NoEnrol:
    """A kiosk that cannot add items."""

    def start(self, record: Record) -> None:
        raise AdditionError("off", enrol_words.OFF)

    def barcode(self) -> tuple[str, str]:
        raise AdditionError("off", enrol_words.OFF)

    def take(self) -> None:
        raise AdditionError("off", enrol_words.OFF)

    def drop(self, number: int) -> None:
        raise AdditionError("off", enrol_words.OFF)

    again = finish = cancel = take

    def view(self, session: str, number: int) -> bytes | None:
        return None

    def picture(self, sku: str) -> bytes | None:
        return None


def add_enrol(app: Flask, enrol: Enrol, undo: Undo) -> None:
    """`/enrol`, its pictures and its taps: 200 done, 409 not done and why, 400 badly asked."""

    @app.get("/enrol")
    def enrol_page() -> str:
        return render_template("enrol.html", words=words, enrol=enrol_words)

    @app.get("/enrol/<session>/<int:number>.jpg")
    def enrol_view_picture(session: str, number: int) -> Response:
        return _jpeg(enrol.view(session, number))

    @app.get("/added.jpg")
    def added_picture() -> Response:
        return _jpeg(enrol.picture(request.args.get("sku", "")))

    @app.post("/enrol/<what>")
    def enrol_tap(what: str) -> tuple[Response, int]:
        taps: dict[str, Callable[[], Json | None]] = {
            "start": lambda: enrol.start(_record()),
            "barcode": lambda: _barcode(enrol),
            "take": enrol.take,
            "drop": lambda: enrol.drop(int(asked("view"))),
            "again": enrol.again,
            "finish": enrol.finish,
            "cancel": enrol.cancel,
        }
        if what not in taps:
            abort(404)
        if what == "drop" and not _VIEW.fullmatch(asked("view")):
            return jsonify(saved=False, message=enrol_words.WRONG_VIEW), 400
        try:
            answer = taps[what]() or {}
        except AdditionError as error:
            return jsonify(saved=False, message=str(error), code=error.code), 409
        except (ImageError, EmbeddingError) as error:
            return jsonify(saved=False, message=str(error), code="unusable"), 409
        return jsonify(saved=True, message="", **answer), 200

    @app.post("/undo-addition")
    def addition_undone() -> tuple[Response, int]:
        addition_id = asked("id")
        if not addition_id:
            return jsonify(saved=False, message=enrol_words.WRONG_UNDO), 400
        if not undo(addition_id):
            return jsonify(saved=False, message=enrol_words.NOT_UNDONE), 409
        return jsonify(saved=True, message=enrol_words.UNDONE), 200


def enrol_view(state: State, now: datetime) -> Json:
    """Everything the page shows; `texts` by the ids of the page's elements."""
    going = state.enrol
    stage = going.stage
    texts = {"say": "", "detail": "", "left": "", "hint": ""}
    if stage is Stage.VIEWS:
        texts = _views(going)
    elif stage is Stage.TRYING:
        texts |= {"say": enrol_words.TRYING, "detail": enrol_words.TRYING_DETAIL}
    elif stage is Stage.REFUSED and going.rival is not None:
        texts |= _refused(going.rival)
    elif stage is Stage.DONE:
        texts |= _done(state)
    if not state.camera.ok:
        texts["hint"] = state.camera.message
    named = going.record.name or going.record.sku
    return {
        "view": stage.value,
        "live": state.camera.ok,
        "ready": state.catalog.ok or bool(state.catalog.release),
        "trouble": "" if state.catalog.release else state.catalog.message,
        "name": enrol_words.MORE.format(name=named) if going.more else named,
        "sku": going.record.sku,
        "texts": texts,
        "good": going.good and state.camera.ok,
        "full": len(going.views) >= MOST_VIEWS,
        "enough": len(going.views) >= FEWEST_VIEWS,
        "views": [
            {"view": str(number), "picture": f"/enrol/{quote(going.session)}/{number}.jpg"}
            for number in going.views
        ],
        "yours": "" if going.rival is None else f"/enrol/{going.session}/{going.rival.view}.jpg",
        "theirs": _theirs(going.rival),
        "theirs_label": enrol_words.THEIRS_ADDED
        if going.rival is not None and going.rival.added
        else enrol_words.THEIRS,
        "addition": going.addition_id,
    }


def _views(going: EnrolState) -> dict[str, str]:
    say, detail = enrol_words.STEPS[min(len(going.views), len(enrol_words.STEPS) - 1)]
    left = FEWEST_VIEWS - len(going.views)
    hint = enrol_words.GOOD if going.good else enrol_words.NO_ITEM
    if going.hint is not None:
        hint = enrol_words.HINTS.get(going.hint, str(going.hint))
    return {
        "say": say,
        "detail": detail,
        "left": enrol_words.LEFT.format(left=left)
        if left > 0
        else enrol_words.COUNT.format(count=len(going.views), most=MOST_VIEWS),
        "hint": hint,
    }


def _refused(rival: Rival) -> dict[str, str]:
    say, detail = enrol_words.STEALS, enrol_words.STEALS_DETAIL
    if rival.already:
        say, detail = enrol_words.ALREADY, enrol_words.ALREADY_DETAIL
    percent = f"{100 * min(max(rival.similarity, 0.0), 1.0):.0f} %"
    return {
        "say": say.format(name=_short(rival.name)),
        "detail": detail.format(name=rival.name, sku=rival.sku, percent=percent),
    }


def _short(name: str) -> str:
    return name if len(name) <= SHORT_NAME else f"{name[: SHORT_NAME - 1].rstrip()}…"


def _done(state: State) -> dict[str, str]:
    detail = enrol_words.DONE_DETAIL.format(seconds=f"{max(state.enrol.took_s, 0.1):.1f}")
    if not state.added.ok:
        detail = enrol_words.NOT_KEPT.format(reason=state.added.message)
    return {"say": enrol_words.DONE, "detail": detail}


def _theirs(rival: Rival | None) -> str:
    if rival is None:
        return ""
    return added_url(rival.sku) if rival.added else thumbnail_url(rival.release, rival.reference)


def _record() -> Record:
    code = asked("barcode").strip()
    return Record(asked("sku"), asked("name"), asked("category"), (code,) if code else ())


def _barcode(enrol: Enrol) -> Json:
    code, sku = enrol.barcode()
    return {"barcode": code, "sku": sku, "note": enrol_words.FILED.format(sku=sku) if sku else ""}


def _jpeg(data: bytes | None) -> Response:
    if data is None:
        abort(404)
    return Response(data, mimetype="image/jpeg")
