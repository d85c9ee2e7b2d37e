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
    shown = state.shown if view in ("accepted", "choose", "unknown") else None
    page: dict[str, Any] = {
        "view": view,
        "headline": words.HEADLINES[view],
        "detail": words.DETAILS[view],
        "decision": "",
        "name": "",
        "sku": "",
        "category": "",
        "confirmed": "",
        "cards": [],
        "evidence": _evidence("", words.READY_EVIDENCE),
        "others": words.others(len(state.live.others)),
        "camera": _camera(state.camera),
        "bar": _bar(state, now),
    }
    if view == "looking" and state.hint:
        page["view"] = "hint"
        page["headline"] = words.HINTS.get(state.hint, state.hint)
        page["detail"] = words.HINT_DETAIL if state.hint == "move_into_view" else ""
    if view == "nocatalog":
        page["detail"] = f"{state.catalog.message} {words.CATALOG_HELP}"
    if shown is not None:
        page |= _decision(shown)
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
    return {Phase.STARTING: "starting", Phase.READY: "ready"}.get(state.phase, "looking")


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
    release = decision.hashes.release
    pairs = list(zip(decision.matches, shown.records, strict=False))
    fields: dict[str, Any] = {
        "decision": decision.decision_id,
        "confirmed": shown.confirmed or "",
    }
    if decision.outcome is Outcome.CHOOSE:
        fields["cards"] = [_card(match, record, release) for match, record in pairs[:CARDS]]
        fields["evidence"] = _evidence("", words.COMPARE)
        if shown.confirmed:
            fields["headline"] = words.CONFIRMED
            fields["evidence"] = _evidence("", words.COMPARE_DONE)
        return fields
    if not pairs:
        return fields
    match, record = pairs[0]
    picture = thumbnail_url(release, match.reference)
    if decision.outcome is Outcome.UNKNOWN:
        hint = words.NEAREST.format(name=record.name or record.sku)
        fields["evidence"] = _evidence(words.NEAREST_LABEL, hint, picture, match.similarity)
        return fields
    fields["evidence"] = _evidence(words.REFERENCE, "", picture, match.similarity)
    return fields | {
        "name": record.name or record.sku,
        "sku": record.sku,
        "category": record.category,
    }


def _card(match: Match, record: Record, release: str) -> dict[str, str]:
    return {
        "sku": match.sku,
        "name": record.name or record.sku,
        "category": record.category,
        "picture": thumbnail_url(release, match.reference),
    }


def _evidence(
    label: str, text: str, picture: str = "", similarity: float | None = None
) -> dict[str, str]:
    percent = "" if similarity is None else f"{100 * min(max(similarity, 0.0), 1.0):.0f}%"
    return {"label": label, "text": text, "picture": picture, "percent": percent}


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
        part for part in (state.catalog.release, words.age(state.catalog.built_at, now)) if part
    )
    return [
        {"id": "camera", "ok": state.camera.ok, "text": ""},
        {"id": "catalog", "ok": state.catalog.ok, "text": catalog},
        {"id": "journal", "ok": state.journal.ok, "text": ""},
    ]
