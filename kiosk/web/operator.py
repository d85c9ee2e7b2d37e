# SPDX-License-Identifier: Apache-2.0
"""From the board's state to what the operator's page shows: plain JSON values, words filled in.

Rule: the page decides nothing; it shows what is written here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kiosk.board import Beside, CatalogStatus, Phase, State
from kiosk.capture.status import CameraStatus
from kiosk.web import words
from kiosk.web.shown import show_decision, show_evidence, show_last

RELEASE_CHARACTERS = 12
"""Of a release's name in the status bar; the status page has it whole."""


def operator_view(state: State, now: datetime) -> dict[str, Any]:
    """Everything the operator's page shows. `now` is aware; it only ages the catalog.

    `texts` and `parts` (well or not) are keyed by the ids of the page's elements.
    """
    view = view_of(state)
    texts = {
        "headline": words.HEADLINES.get(view, ""),
        "detail": words.DETAILS.get(view, ""),
        "name": "",
        "sku": "",
        "category": "",
        "others": words.others(_uncounted(state)) if state.camera.ok else "",
        **_trouble(state.camera),
        "bar-catalog-text": _catalog(state, now),
    }
    if view == "hint":
        texts["headline"] = words.HINTS.get(state.hint or "", state.hint or "")
        texts["detail"] = words.HINT_DETAILS.get(state.hint or "", "")
    if view == "nocatalog":
        texts["detail"] = f"{state.catalog.message} {words.CATALOG_HELP}"
    parts = {"camera": state.camera.ok, "catalog": state.catalog.ok, "journal": state.journal.ok}
    page: dict[str, Any] = {
        "view": view,
        "icon": words.HINT_ICON.format(state.hint) if view == "hint" else f"i-{view}",
        "refuse": "",
        "beside": [_chip(one) for one in state.beside] if state.camera.ok else [],
        "texts": texts,
        "parts": {f"bar-{part}": ok for part, ok in parts.items()},
        "live": state.camera.ok,
        "picture": "",
        "decision": "",
        "cards": [],
        "confirmed": "",
    }
    if state.shown is not None and view == state.shown.decision.outcome:
        show_decision(page, state.shown)
    elif view == "ready" and state.last is not None:
        show_last(page, state.last)
    else:
        label, text = words.ASIDES.get(view, ("", ""))
        show_evidence(page, label, text.format(skus=f"{state.catalog.skus:,}"))
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


def _uncounted(state: State) -> int:
    """Items in view that get no answer of their own."""
    return max(0, len(state.live.others) - len(state.beside))


def _chip(beside: Beside) -> dict[str, str]:
    """Another item in view, to be tapped: what was said of it, in a word."""
    shown = beside.shown
    outcome = shown.decision.outcome.value if shown else "looking"
    said = (shown.confirmed or shown.decision.sku) if shown else None
    names = {record.sku: record.name or record.sku for record in shown.records} if shown else {}
    text = names.get(said, said) if said else words.CHIPS.get(outcome, "")
    return {"visit": beside.visit_id, "outcome": outcome, "text": text}


def _starting(camera: CameraStatus) -> bool:
    """Nothing is known of the camera yet."""
    return not camera.ok and camera.message == CameraStatus().message


def _unread(state: State) -> bool:
    """Nobody has looked for a catalog yet."""
    return state.phase is Phase.STARTING and CatalogStatus() == state.catalog


def _trouble(camera: CameraStatus) -> dict[str, str]:
    starting = _starting(camera)
    return {
        "trouble-title": words.HEADLINES["starting"] if starting else words.CAMERA_TROUBLE,
        "trouble-message": camera.message,
        "trouble-after": "" if starting else words.CAMERA_RETRIES,
    }


def _catalog(state: State, now: datetime) -> str:
    facts = (words.age(state.catalog.built_at, now), state.catalog.release[:RELEASE_CHARACTERS])
    return " · ".join(fact for fact in facts if fact)
