# SPDX-License-Identifier: Apache-2.0
"""From the board's state to what the operator's page shows: plain JSON values, words filled in.

Rule: the page decides nothing; it shows what is written here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from kiosk.board import CatalogStatus, Phase, Shown, State
from kiosk.capture.status import CameraStatus
from kiosk.values import Match, Outcome, Record
from kiosk.web import words

CARDS = 5


def operator_view(state: State, now: datetime) -> dict[str, Any]:
    """Everything the operator's page shows. `now` is aware; it only ages the catalog."""
    view = view_of(state)
    page: dict[str, Any] = {
        "view": view,
        "headline": words.HEADLINES.get(view, ""),
        "detail": words.DETAILS.get(view, ""),
        "decision": "",
        "name": "",
        "sku": "",
        "category": "",
        "confirmed": "",
        "cards": [],
        "evidence": _aside(view, state),
        "others": words.others(len(state.live.others)) if state.camera.ok else "",
        "camera": _camera(state.camera),
        "bar": _bar(state, now),
    }
    if view == "hint":
        page["headline"] = words.HINTS.get(state.hint, state.hint)
        page["detail"] = words.HINT_DETAILS.get(state.hint, "")
    if view == "nocatalog":
        page["detail"] = f"{state.catalog.message} {words.CATALOG_HELP}"
    if state.shown is not None and view == state.shown.decision.outcome:
        page |= _decision(state.shown)
    return page


def view_of(state: State) -> str:
    """Which of the page's views the state calls for: trouble first, then what is in view."""
    if state.phase is Phase.STARTING and _starting(state.camera):
        return "starting"
    if not state.catalog.ok and not state.catalog.release and not _unread(state):
        return "nocatalog"
    if not state.camera.ok:
        return "nocamera"
    if state.shown is not None and state.phase is Phase.DECIDED:
        return state.shown.decision.outcome.value
    if state.phase is Phase.STARTING:
        return "starting"
    if state.phase is Phase.READY:
        return "ready"
    return "hint" if state.hint else "looking"


def thumbnail_url(release: str, reference: int) -> str:
    """Where the page finds a reference picture."""
    return f"/thumbnail/{quote(release, safe='')}/{reference}.jpg"


def _starting(camera: CameraStatus) -> bool:
    """Nothing is known of the camera yet."""
    return not camera.ok and camera.message == CameraStatus().message


def _unread(state: State) -> bool:
    """Nobody has looked for a catalog yet."""
    return state.phase is Phase.STARTING and CatalogStatus() == state.catalog


def _decision(shown: Shown) -> dict[str, Any]:
    decision = shown.decision
    fields: dict[str, Any] = {
        "decision": decision.decision_id,
        "confirmed": shown.confirmed or "",
    }
    pairs = list(zip(decision.matches, shown.records, strict=False))
    if decision.outcome is Outcome.CHOOSE:
        release = decision.hashes.release
        fields["cards"] = [_card(match, record, release) for match, record in pairs[:CARDS]]
        why = words.WHY_ASKED.get(decision.rule, "")
        fields["evidence"] = _evidence(why, words.COMPARE)
        if shown.confirmed:
            fields["headline"] = words.CONFIRMED
            fields["evidence"] = _evidence("", words.COMPARE_DONE)
    elif pairs:
        match, record = pairs[0]
        name = record.name or record.sku
        if decision.outcome is Outcome.ACCEPTED:
            fields |= {"name": name, "sku": record.sku, "category": record.category}
            fields["evidence"] = _evidence(words.REFERENCE, "", shown, match)
        else:
            fields["evidence"] = _evidence(words.NEAREST_LABEL, name, shown, match)
    else:
        fields["evidence"] = _evidence("", "")
    return fields


def _aside(view: str, state: State) -> dict[str, str]:
    """The strip while there is no decision: the last item, or what is going on."""
    if view == "ready" and state.last is not None:
        return _last(state.last)
    label, text = words.ASIDES.get(view, ("", ""))
    return _evidence(label, text.format(skus=f"{state.catalog.skus:,}"))


def _last(shown: Shown) -> dict[str, str]:
    outcome = shown.decision.outcome
    said = shown.confirmed or shown.decision.sku
    for match, record in zip(shown.decision.matches, shown.records, strict=False):
        if match.sku == said:
            name = record.name or record.sku
            return _evidence(words.LAST, name, shown, match) | {"percent": "", "sku": record.sku}
    text = words.HEADLINES["unknown"] if outcome is Outcome.UNKNOWN else words.LAST_OPEN
    return _evidence(words.LAST, text)


def _card(match: Match, record: Record, release: str) -> dict[str, str]:
    return {
        "sku": match.sku,
        "name": record.name or record.sku,
        "category": record.category,
        "picture": thumbnail_url(release, match.reference),
    }


def _evidence(
    label: str, text: str, shown: Shown | None = None, match: Match | None = None
) -> dict[str, str]:
    """The strip: a label, a text and, of one match, its picture and similarity."""
    strip = {"label": label, "text": text, "sku": "", "picture": "", "percent": ""}
    if shown is None or match is None:
        return strip
    percent = 100 * min(max(match.similarity, 0.0), 1.0)
    picture = thumbnail_url(shown.decision.hashes.release, match.reference)
    return strip | {"picture": picture, "percent": f"{percent:.0f}%"}


def _camera(camera: CameraStatus) -> dict[str, Any]:
    starting = _starting(camera)
    return {
        "ok": camera.ok,
        "title": words.HEADLINES["starting"] if starting else words.CAMERA_TROUBLE,
        "message": camera.message,
        "after": "" if starting else words.CAMERA_RETRIES,
    }


def _bar(state: State, now: datetime) -> list[dict[str, Any]]:
    catalog = " · ".join(
        part for part in (words.age(state.catalog.built_at, now), state.catalog.release) if part
    )
    return [
        {"id": "camera", "ok": state.camera.ok, "text": ""},
        {"id": "catalog", "ok": state.catalog.ok, "text": catalog},
        {"id": "journal", "ok": state.journal.ok, "text": ""},
    ]
