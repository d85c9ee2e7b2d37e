# SPDX-License-Identifier: Apache-2.0
"""The API described for programs: one OpenAPI 3.1 document, held against the routes by a test."""

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify

from kiosk.api import schemas
from kiosk.api.replies import PREFIX, Reply
from kiosk.orders.desk import LISTED

Json = dict[str, Any]


def add_document(app: Flask, version: str) -> None:
    """GET /api/v1/openapi.json."""

    @app.get(f"{PREFIX}/openapi.json")
    def openapi() -> Reply:
        return jsonify(document(version))


def document(version: str) -> Json:
    """The whole document; `version` is the kiosk's."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SKU kiosk",
            "version": version,
            "description": "On the kiosk's own machine only: it answers to loopback names. "
            "Every call with a body needs Content-Type: application/json.",
        },
        "paths": {
            f"{PREFIX}/openapi.json": {"get": _call("This document", "object")},
            f"{PREFIX}/state": {"get": _call("What the kiosk sees and says now", "State")},
            f"{PREFIX}/compare": {
                "post": _call(
                    "Is what lies there this SKU? yes, no or unsure",
                    "Comparison",
                    body="Asked",
                    wrong=(400, 409),
                )
            },
            **_orders(),
        },
        "components": {"schemas": schemas.SCHEMAS},
    }


def _orders() -> Json:
    one = f"{PREFIX}/orders/{{order_id}}"
    return {
        f"{PREFIX}/orders": {
            "get": _call(f"The newest orders, at most {LISTED}", "Orders", wrong=(503,)),
            "post": _call(
                "A new expected list; sent twice it stays one order",
                "Order",
                body="NewOrder",
                status=201,
                wrong=(400, 409, 413, 503),
            ),
        },
        one: {"get": _of_order("One order with everything counted", "Order", wrong=(404, 503))},
        f"{one}/lines": {"put": _of_order("Another list for this order", "Order", body="List")},
        f"{one}/open": {"post": _of_order("Check this order from now on", "Order", body="Nothing")},
        f"{one}/expect": {
            "post": _of_order("Expect one line now, or any (0)", "Order", body="Expect")
        },
        f"{one}/count": {"post": _of_order("Count by hand", "Order", body="ByHand")},
        f"{one}/undo": {"post": _of_order("Undo a count, or the last", "Order", body="Undo")},
        f"{one}/close": {
            "post": _of_order("Close and sign, complete or not", "Result", body="Sign")
        },
        f"{one}/result": {
            "get": _of_order(
                "The signed result: the very bytes whose sha256 was signed",
                "SignedResult",
                wrong=(400, 404, 503),
            )
        },
    }


def _of_order(
    summary: str, answer: str, *, body: str = "", wrong: tuple[int, ...] = (400, 404, 409, 503)
) -> Json:
    known = {"name": "order_id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {**_call(summary, answer, body=body, wrong=wrong), "parameters": [known]}


def _call(
    summary: str, answer: str, *, body: str = "", status: int = 200, wrong: tuple[int, ...] = ()
) -> Json:
    good = {"type": "object"} if answer == "object" else _named(answer)
    call: Json = {
        "summary": summary,
        "responses": {
            str(status): {"description": summary, "content": _json(good)},
            **{
                str(each): {"description": _WRONG[each], "content": _json(_named("Error"))}
                for each in wrong
            },
        },
    }
    if body:
        call["requestBody"] = {"required": body != "Nothing", "content": _json(_named(body))}
    return call


_WRONG = {
    400: "The request itself is wrong: change it",
    404: "There is no such thing",
    409: "Not possible as things stand: the code says why",
    413: "Too large",
    503: "Not on the disk yet, or not readable: try again",
}


def _named(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
