# SPDX-License-Identifier: Apache-2.0
"""What the kiosk sees and says right now, for a program that asks."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any

from flask import Flask, jsonify

from kiosk.api.replies import PREFIX, Reply
from kiosk.board import Board, Shown, State
from kiosk.orders.values import OrderState

Json = dict[str, Any]


def add_state(app: Flask, board: Board) -> None:
    """GET /api/v1/state."""

    @app.get(f"{PREFIX}/state")
    def state() -> Reply:
        return jsonify(state_json(board.state()))


def state_json(state: State) -> Json:
    """The state in plain JSON values; the same words as in the journal."""
    shown = [state.shown, *(each.shown for each in state.beside)]
    return {
        "version": state.version,
        "phase": state.phase.value,
        "hint": str(state.hint or ""),
        "camera": {"ok": state.camera.ok, "message": state.camera.message},
        "catalog": {
            "ok": state.catalog.ok,
            "message": state.catalog.message,
            "release": state.catalog.release,
        },
        "decisions": [decision_json(each) for each in shown if each is not None],
        "order": None if state.order is None else _order(state.order),
    }


def decision_json(shown: Shown) -> Json:
    """A decision with its candidates, and what a person said of it."""
    made = shown.decision
    return {
        "decision_id": made.decision_id,
        "visit_id": made.visit_id,
        "at": made.at,
        "outcome": made.outcome.value,
        "rule": made.rule.value,
        "sku": made.sku,
        "category": made.category,
        "confirmed": shown.confirmed,
        "similarity": round(float(made.similarity), 4),
        "margin": round(float(made.margin), 4),
        "box": made.box.as_list(),
        "codes": [code.text for code in made.codes],
        "candidates": [
            {
                "sku": match.sku,
                "name": record.name,
                "category": record.category,
                "similarity": round(float(match.similarity), 4),
                "custom_content": custom,
            }
            for match, record, custom in zip(
                made.matches, shown.records, chain(shown.custom, repeat("")), strict=False
            )
        ],
        "release": made.hashes.release,
    }


def _order(order: OrderState) -> Json:
    last = order.last
    return {
        "id": order.order_id,
        "number": order.number,
        "expecting": order.expecting,
        "complete": order.complete,
        "trouble": order.trouble,
        "last": None
        if last is None
        else {
            "verdict": last.verdict.value,
            "sku": last.sku,
            "name": last.name,
            "by": last.by.value,
            "line": last.line,
            "reason": last.reason,
            "decision_id": last.decision_id,
        },
        "lines": [
            {
                "line": each.line.number,
                "sku": each.line.sku,
                "barcode": each.line.barcode,
                "name": each.name,
                "quantity": each.line.quantity,
                "counted": each.counted,
                "over": each.over,
                "known": each.known,
            }
            for each in order.lines
        ],
    }
