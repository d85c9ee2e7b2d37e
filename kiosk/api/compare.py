# SPDX-License-Identifier: Apache-2.0
"""One item against one SKU: is what lies there this one? Yes, no or unsure."""

from __future__ import annotations

from flask import Flask, jsonify

from kiosk.api.replies import PREFIX, Reply, asked, explained
from kiosk.board import Board, Shown
from kiosk.decide import Answer, Said, fuse, same
from kiosk.errors import OrderError
from kiosk.orders.draft import MAX_TEXT
from kiosk.values import Outcome


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
        answer = answered(shown, sku)
        found = next((match for match in made.matches if match.sku == sku), None)
        return jsonify(
            sku=sku,
            answer=answer.said.value,
            reason=answer.reason,
            evidence=None if found is None else round(float(found.evidence), 4),
            decision_id=made.decision_id,
            release=made.hashes.release,
        )


def answered(shown: Shown, sku: str) -> Answer:
    """yes, no or unsure, and why: a person's tap first, then a barcode, then appearance."""
    made = shown.decision
    if shown.confirmed is not None:
        return _sure(shown.confirmed == sku, "a person said which SKU it is")
    if made.outcome is Outcome.MISMATCH:
        return Answer(Said.UNSURE, made.rule.value)
    if made.sku is not None:
        return _sure(made.sku == sku, made.rule.value)
    # A decision keeps only the candidates worth offering; its looks tell of the others, too.
    looks = [look.matches for look in made.looks if look.matches]
    return same(fuse(looks) if looks else made.matches, sku, made.thresholds)


def _sure(is_it: bool, reason: str) -> Answer:
    return Answer(Said.YES if is_it else Said.NO, reason)
