# SPDX-License-Identifier: Apache-2.0
"""The order page: from the board's state to what it shows, and the page itself.

Rule: as on the operator's page, the page decides nothing; it shows what is written here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask, render_template

from kiosk.board import Phase, State
from kiosk.orders.values import Checked, LineState, OrderState, Verdict
from kiosk.web import order_words, words
from kiosk.web.shown import picture_url

OFFERS = 4

Json = dict[str, Any]


def add_order_page(app: Flask) -> None:
    """`/order`: check what is shown against an expected list."""

    @app.get("/order")
    def order() -> str:
        return render_template("order.html", words=words, order=order_words)


def order_view(state: State, now: datetime) -> Json:
    """Everything the order page shows; `order` is null when none is open."""
    return {
        "live": state.camera.ok,
        "order": None if state.order is None else _rendered(state.order),
        "verdict": _verdict(state),
    }


class _Rendered:
    """The last order that was rendered: pages ask ten times a second, a list may be long."""

    def __init__(self) -> None:
        self._last: tuple[OrderState | None, Json] = (None, {})

    def __call__(self, order: OrderState) -> Json:
        last, page = self._last
        if last is not order:
            page = _order(order)
            self._last = order, page
        return page


_rendered = _Rendered()


def _order(order: OrderState) -> Json:
    lines = [_line(each, order.expecting) for each in order.lines]
    counted = sum(min(each.counted, each.line.quantity) for each in order.lines)
    quantity = sum(each.line.quantity for each in order.lines)
    return {
        "id": order.order_id,
        "number": order.number,
        "progress": order_words.OF.format(counted=counted, quantity=quantity),
        "share": counted / quantity if quantity else 0,
        "missing": order_words.MISSING.format(missing=quantity - counted)
        if counted < quantity
        else "",
        "lines": lines,
        "expecting": order.expecting,
        "extras": [
            {
                "count": count.number,
                "name": name or count.sku,
                "why": order_words.HEADLINES[count.verdict],
            }
            for count, name in order.extras
        ],
        "complete": order.complete,
        "can_undo": order.can_undo,
        "trouble": order.trouble,
    }


def _line(each: LineState, expecting: int) -> Json:
    left = each.line.quantity - each.counted
    notes = [
        each.line.sku or each.line.barcode,
        "" if each.known else order_words.NEVER_SEEN,
        order_words.TOO_MANY.format(over=each.over) if each.over else "",
    ]
    return {
        "line": each.line.number,
        "name": each.name,
        "note": " · ".join(note for note in notes if note and note != each.name),
        "counted": each.counted,
        "quantity": each.line.quantity,
        "state": "over" if each.over else "open" if left > 0 else "full",
        "left": left,
        "expected": each.line.number == expecting,
    }


def _verdict(state: State) -> Json:
    """The large panel: trouble first, then what is in view, then what was there last."""
    order = state.order
    last = order.last if order is not None else None
    kind: str = "ready"
    detail = order_words.DETAILS["ready"]
    if not state.camera.ok:
        kind, detail = "nocamera", state.camera.message
    elif state.phase is Phase.LOOKING:
        kind, detail = "looking", order_words.DETAILS["looking"]
        if state.hint:
            headline = words.HINTS.get(state.hint, str(state.hint))
            return _panel("hint", headline, words.HINT_DETAILS.get(state.hint, ""))
    elif last is not None and order is not None:
        return _of_last(state, order, last)
    if kind == "ready" and order is not None and order.expecting:
        name = next(each.name for each in order.lines if each.line.number == order.expecting)
        detail = order_words.EXPECTING.format(name=name)
    return _panel(kind, order_words.HEADLINES[kind], detail)


def _of_last(state: State, order: OrderState, last: Checked) -> Json:
    line = next((each for each in order.lines if each.line.number == last.line), None)
    detail = order_words.DETAILS.get(last.verdict, last.reason[:1].upper() + last.reason[1:])
    offers: list[Json] = []
    if last.verdict is Verdict.MATCH:
        facts = [order_words.BY[last.by]]
        if line is not None:
            facts.append(
                order_words.LINE_OF.format(counted=line.counted, quantity=line.line.quantity)
            )
        if order.complete:
            facts.append(order_words.COMPLETE)
        detail = " · ".join(fact for fact in facts if fact)
    if last.verdict is Verdict.UNSURE:
        there = (state.shown, *(each.shown for each in state.beside))
        present = any(each and each.decision.decision_id == last.decision_id for each in there)
        detail = order_words.UNKNOWN if present else order_words.GONE
        if present and last.offers:
            detail = order_words.WHICH
            offers = [
                {
                    "sku": offer.sku,
                    "name": offer.name,
                    "note": order_words.LISTED if offer.listed else "",
                    "picture": picture_url(last.release, offer),
                }
                for offer in last.offers[:OFFERS]
            ]
    name = line.name if line is not None else last.name
    panel = _panel(last.verdict.value, order_words.HEADLINES[last.verdict], detail)
    return panel | {"name": name, "offers": offers, "decision": last.decision_id}


def _panel(kind: str, headline: str, detail: str) -> Json:
    return {
        "kind": kind,
        "headline": headline,
        "name": "",
        "detail": detail,
        "offers": [],
        "decision": "",
    }
