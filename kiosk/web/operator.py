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
        "others": words.others(len(state.live.others)) if state.camera.ok else "",
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
        "texts": texts,
        "parts": {f"bar-{part}": ok for part, ok in parts.items()},
        "live": state.camera.ok,
        "picture": "",
        "decision": "",
        "cards": [],
        "confirmed": "",
    }
    if state.shown is not None and view == state.shown.decision.outcome:
        _show_decision(page, state.shown)
    elif view == "ready" and state.last is not None:
        _show_last(page, state.last)
    else:
        label, text = words.ASIDES.get(view, ("", ""))
        _show_evidence(page, label, text.format(skus=f"{state.catalog.skus:,}"))
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


def _show_decision(page: dict[str, Any], shown: Shown) -> None:
    decision = shown.decision
    page["decision"] = decision.decision_id
    page["confirmed"] = shown.confirmed or ""
    pairs = list(zip(decision.matches, shown.records, strict=False))
    if decision.outcome is Outcome.CHOOSE:
        release = decision.hashes.release
        page["cards"] = [_card(match, record, release) for match, record in pairs[:CARDS]]
        if shown.confirmed:
            page["texts"]["headline"] = words.CONFIRMED
            _show_evidence(page, "", words.COMPARE_DONE)
        else:
            _show_evidence(page, words.WHY_ASKED.get(decision.rule, ""), words.COMPARE)
    elif pairs:
        match, record = pairs[0]
        name = record.name or record.sku
        if decision.outcome is Outcome.ACCEPTED:
            page["texts"] |= {"name": name, "sku": record.sku, "category": record.category}
            _show_evidence(page, words.REFERENCE, "", shown, match)
        else:
            _show_evidence(page, words.NEAREST_LABEL, name, shown, match)
    else:
        _show_evidence(page, "", "")


def _show_last(page: dict[str, Any], shown: Shown) -> None:
    outcome = shown.decision.outcome
    said = shown.confirmed or shown.decision.sku
    for match, record in zip(shown.decision.matches, shown.records, strict=False):
        if match.sku == said:
            _show_evidence(page, words.LAST, record.name or record.sku, shown, match)
            page["texts"] |= {"evidence-sku": record.sku, "evidence-percent": ""}
            return
    text = words.HEADLINES["unknown"] if outcome is Outcome.UNKNOWN else words.LAST_OPEN
    _show_evidence(page, words.LAST, text)


def _show_evidence(
    page: dict[str, Any],
    label: str,
    text: str,
    shown: Shown | None = None,
    match: Match | None = None,
) -> None:
    """Fill the strip: a label, a text and, of one match, its picture and evidence."""
    percent = found = ""
    if shown is not None and match is not None:
        percent = f"{100 * min(max(match.similarity, 0.0), 1.0):.0f}%"
        if match.verified is not None and match.verified.points:
            found = words.PRINT.format(count=match.verified.points)
        page["picture"] = thumbnail_url(shown.decision.hashes.release, match.reference)
    page["texts"] |= {
        "evidence-label": label,
        "evidence-text": text,
        "evidence-sku": found,
        "evidence-percent": percent,
    }


def _card(match: Match, record: Record, release: str) -> dict[str, str]:
    return {
        "sku": match.sku,
        "name": record.name or record.sku,
        "category": record.category,
        "picture": thumbnail_url(release, match.reference),
    }


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
