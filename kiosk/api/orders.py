# SPDX-License-Identifier: Apache-2.0
"""Expected lists over HTTP: made, opened, counted by hand, undone, closed and shown."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, jsonify

from kiosk.api.replies import PREFIX, Reply, asked, explained
from kiosk.errors import OrderError
from kiosk.orders import changes, result
from kiosk.orders.articles import Articles
from kiosk.orders.desk import OrderDesk
from kiosk.orders.draft import lines_of, rows_of
from kiosk.orders.table import rows_of_text
from kiosk.orders.values import Line, Order, Signed, Verdict

MAX_REASON = 200
BY_HAND = "counted by hand"
NOTHING_STATED: dict[str, list[object]] = {"missing": [], "over": [], "not_on_list": []}
"""By a result that was altered: nobody signed what it says now."""

Json = dict[str, Any]


def add_orders(app: Flask, desk: OrderDesk, articles: Articles) -> None:
    """The routes below /api/v1/orders."""
    _add_lists(app, desk, articles)
    _add_checking(app, desk)


def _add_lists(app: Flask, desk: OrderDesk, articles: Articles) -> None:

    @app.get(f"{PREFIX}/orders")
    @explained
    def list_orders() -> Reply:
        return jsonify(orders=[_summary(order, outcome) for order, outcome in desk.orders()])

    @app.post(f"{PREFIX}/orders")
    @explained
    def create_order() -> Reply:
        body = asked(number=str, lines=list, csv=str, open=bool)
        order = desk.create(body.get("number", ""), _lines(body, articles))
        if body.get("open", False):
            order = desk.open(order.order_id)
        return jsonify(order_json(order, None)), 201

    @app.get(f"{PREFIX}/orders/<order_id>")
    @explained
    def show_order(order_id: str) -> Reply:
        return jsonify(order_json(*desk.order(order_id)))

    @app.put(f"{PREFIX}/orders/<order_id>/lines")
    @explained
    def change_lines(order_id: str) -> Reply:
        lines = _lines(asked(lines=list, csv=str), articles)
        changed = desk.change(order_id, lambda order: changes.amended(order, lines))
        return jsonify(order_json(changed, None))


def _add_checking(app: Flask, desk: OrderDesk) -> None:

    @app.post(f"{PREFIX}/orders/<order_id>/open")
    @explained
    def open_order(order_id: str) -> Reply:
        asked()
        return jsonify(order_json(desk.open(order_id), None))

    @app.post(f"{PREFIX}/orders/<order_id>/expect")
    @explained
    def expect_line(order_id: str) -> Reply:
        line = asked(line=int).get("line", 0)
        changed = desk.change(order_id, lambda order: changes.expect(order, line))
        return jsonify(order_json(changed, None))

    @app.post(f"{PREFIX}/orders/<order_id>/count")
    @explained
    def count_by_hand(order_id: str) -> Reply:
        body = asked(line=int, quantity=int, reason=str)
        line, quantity = body.get("line", 0), body.get("quantity", 1)
        reason = body.get("reason", "").strip() or BY_HAND
        if len(reason) > MAX_REASON or not reason.isprintable():
            raise OrderError(
                "bad_request", f"reason must be one line of at most {MAX_REASON} characters"
            )
        at = desk.at()
        changed = desk.change(
            order_id, lambda order: changes.count_by_hand(order, line, quantity, reason, at)
        )
        return jsonify(order_json(changed, None))

    @app.post(f"{PREFIX}/orders/<order_id>/undo")
    @explained
    def undo_count(order_id: str) -> Reply:
        number = asked(count=int).get("count", 0)
        changed = desk.change(order_id, lambda order: changes.undo(order, number))
        return jsonify(order_json(changed, None))

    @app.post(f"{PREFIX}/orders/<order_id>/close")
    @explained
    def close_order(order_id: str) -> Reply:
        signed = desk.close_order(order_id, asked(name=str).get("name", ""))
        return jsonify(_signed(signed))

    @app.get(f"{PREFIX}/orders/<order_id>/result")
    @explained
    def signed_result(order_id: str) -> Reply:
        """The very bytes that were hashed."""
        _, signed = desk.order(order_id)
        if signed is None:
            raise OrderError("not_closed", "this order is not closed: close it to get a result")
        response = Response(signed.canonical, mimetype="application/json")
        response.headers["X-Content-SHA256"] = signed.sha256
        return response


def order_json(order: Order, signed: Signed | None) -> Json:
    """An order with everything that was counted; `result`: null until it is closed."""
    tally = order.tally
    return {
        "id": order.order_id,
        "number": order.number,
        "stage": order.stage.value,
        "created_at": order.created_at,
        "closed_at": order.closed_at,
        "expecting": order.expecting,
        "complete": order.complete,
        "lines": [
            {
                **_line(line),
                "counted": tally.get((line.number, Verdict.MATCH), 0),
                "over": tally.get((line.number, Verdict.ALREADY_COUNTED), 0),
            }
            for line in order.lines
        ],
        "differences": result.differences(order),
        "counts": [_count(asdict(count)) for count in order.counts],
        "result": _signed(signed) if signed is not None else None,
    }


def _line(line: Line) -> Json:
    fields = asdict(line)
    fields["line"] = fields.pop("number")
    return fields


def _count(fields: Json) -> Json:
    fields["count"] = fields.pop("number")
    fields["quantity"] = fields.pop("amount")
    return fields


def _summary(order: Order, outcome: str) -> Json:
    return {
        "id": order.order_id,
        "number": order.number,
        "stage": order.stage.value,
        "created_at": order.created_at,
        "closed_at": order.closed_at,
        "lines": len(order.lines),
        "quantity": sum(line.quantity for line in order.lines),
        "outcome": outcome,
    }


def _signed(signed: Signed) -> Json:
    unchanged = result.unchanged(signed)
    stated = json.loads(signed.canonical)["differences"] if unchanged else NOTHING_STATED
    return {
        "outcome": signed.outcome,
        "signed_by": signed.signed_by,
        "closed_at": signed.closed_at,
        "sha256": signed.sha256,
        "unchanged": unchanged,
        "differences": stated,
    }


def _lines(body: Json, articles: Articles) -> tuple[Line, ...]:
    """The list in a request: `lines` or `csv`. Raises OrderError."""
    if ("lines" in body) == ("csv" in body):
        raise OrderError("bad_request", "send the list as lines (an array) or as csv (a text)")
    rows = rows_of(body["lines"]) if "lines" in body else rows_of_text(body["csv"])
    return lines_of(rows, lambda sku: articles.record(sku) is not None)
