# SPDX-License-Identifier: Apache-2.0
"""One item against one SKU: is what lies there this one? Yes, no or unsure."""

from __future__ import annotations

from flask import Flask, jsonify

from kiosk.api.replies import PREFIX, Reply, asked, explained
from kiosk.board import Board, Shown
from kiosk.errors import OrderError
from kiosk.orders.draft import MAX_TEXT
from kiosk.values import Decision, Outcome

YES, NO, UNSURE = "yes", "no", "unsure"


def add_compare(app: Flask, board: Board) -> None:
    """POST /api/v1/compare {"sku"}."""

    @app.post(f"{PREFIX}/compare")
    @explained
    def compare() -> Reply:
        sku = asked(sku=str).get("sku", "")
        if not sku or len(sku) > MAX_TEXT:
            raise OrderError("bad_request", 'send {"sku": "..."}')
        shown = board.state().shown
        if shown is None:
            raise OrderError(
                "nothing_there", "nothing is decided yet: put the item down and ask again"
            )
        made = shown.decision
        answer, reason = answered(shown, sku)
        found = next((match for match in made.matches if match.sku == sku), None)
        return jsonify(
            sku=sku,
            answer=answer,
            reason=reason,
            evidence=None if found is None else round(float(found.evidence), 4),
            decision_id=made.decision_id,
            release=made.hashes.release,
        )


def answered(shown: Shown, sku: str) -> tuple[str, str]:
    """yes, no or unsure, and why: a person's tap first, then a barcode, then appearance."""
    made = shown.decision
    if shown.confirmed is not None:
        return (YES if shown.confirmed == sku else NO), "a person said which SKU it is"
    if made.outcome is Outcome.MISMATCH:
        return UNSURE, made.rule.value
    if made.sku is not None:
        return (YES if made.sku == sku else NO), made.rule.value
    return _alike(made, sku)


def _alike(made: Decision, sku: str) -> tuple[str, str]:
    limits = made.thresholds
    found = next((match for match in made.matches if match.sku == sku), None)
    if found is None:
        return NO, "not among the candidates"
    if found.evidence < limits.differs:
        return NO, "not similar enough to be this one"
    if found.evidence >= limits.same and not found.contested and not found.refused:
        return YES, "similar enough to be this one"
    return UNSURE, made.rule.value
