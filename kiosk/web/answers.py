# SPDX-License-Identifier: Apache-2.0
"""The calls that answer at once: reference pictures, a person's tap, and whether all is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response, abort, jsonify

from kiosk.board import Board
from kiosk.web import enrol_words, words
from kiosk.web.asked import asked
from kiosk.web.gallery import Gallery
from kiosk.web.sending import sending_health


def add_thumbnails(app: Flask, gallery: Gallery) -> None:
    """`/thumbnail/<release>/<reference>.jpg`: 404 when the release is not open or has no such."""

    @app.get("/thumbnail/<release>/<int:reference>.jpg")
    def thumbnail(release: str, reference: int) -> Response:
        jpeg = gallery.thumbnail(release, reference)
        if jpeg is None:
            abort(404)
        response = Response(jpeg, mimetype="image/jpeg")
        # A release never changes, so neither does a picture in it.
        response.headers["Cache-Control"] = "private, max-age=86400, immutable"
        return response


def add_confirm(app: Flask, confirm: Callable[[str, str], bool]) -> None:
    """POST `/confirm` {"decision_id", "sku"}: 200 saved, 409 not saved, 400 badly asked."""

    @app.post("/confirm")
    def confirmation() -> tuple[Response, int]:
        decision_id, sku = asked("decision_id"), asked("sku")
        if not decision_id or not sku:
            return jsonify(saved=False, message=words.WRONG_CONFIRMATION), 400
        if not confirm(decision_id, sku):
            return jsonify(saved=False, message=words.NOT_SAVED), 409
        return jsonify(saved=True, message=words.CONFIRMED), 200


def add_focus(app: Flask, focus: Callable[[str], bool]) -> None:
    """POST `/focus` {"visit"}: 200 that item is shown, 409 it has left, 400 badly asked."""

    @app.post("/focus")
    def turn() -> tuple[Response, int]:
        visit = asked("visit")
        if not visit:
            return jsonify(saved=False, message=words.WRONG_FOCUS), 400
        if not focus(visit):
            return jsonify(saved=False, message=words.NOT_THERE), 409
        return jsonify(saved=True, message=""), 200


def add_read_codes(app: Flask, read_codes: Callable[[], None] | None) -> None:
    """POST `/read-barcode`: 200 it is looked for, 409 this kiosk reads none."""

    @app.post("/read-barcode")
    def read() -> tuple[Response, int]:
        if read_codes is None:
            return jsonify(saved=False, message=words.NO_CODES), 409
        read_codes()
        return jsonify(saved=True, message=words.READING), 200


def add_health(app: Flask, board: Board, version: str, fresh_s: float) -> None:
    """`/healthz`: 200 when frames go through and every part is ok, else 503 with the reasons."""

    @app.get("/healthz")
    def health() -> tuple[Response, int]:
        reasons = unwell(board, fresh_s)
        state = board.state()
        releases = state.releases
        # However it stands with head office, the kiosk answers: that is no reason to restart it.
        sync = {"state": releases.state.value, "ok": releases.ok, "message": releases.message}
        upload = sending_health(state.sending, datetime.now(UTC))
        answer = jsonify(ok=not reasons, reasons=reasons, sync=sync, upload=upload, version=version)
        return answer, 503 if reasons else 200


def unwell(board: Board, fresh_s: float) -> list[str]:
    """Why the kiosk is not well; empty when a frame went through lately and every part is ok."""
    state = board.state()
    reasons = []
    if board.frame_age_s() > fresh_s:
        reasons.append(words.NO_FRAME.format(seconds=fresh_s))
    for label, part in (
        (words.CAMERA, state.camera),
        (words.CATALOG, state.catalog),
        (words.JOURNAL, state.journal),
        (words.REFUSALS, state.refused),
        (enrol_words.ADDITIONS, state.added),
    ):
        if not part.ok:
            reasons.append(f"{label}: {part.message}")
    if state.order is not None and state.order.trouble:
        reasons.append(f"{words.ORDER}: {state.order.trouble}")
    return reasons
