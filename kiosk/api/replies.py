# SPDX-License-Identifier: Apache-2.0
"""What the API answers when it cannot do what was asked: JSON with a code that stays the same.

Rule: a caller acts on `code` and status, a person reads `message`; nothing is an HTML page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from kiosk.errors import OrderError, StateError

PREFIX = "/api/v1"
MAX_BODY_BYTES = 256 * 1024
"""Of a list; other calls are far below it."""

STATUS = {
    "no_such_order": 404,
    "no_such_line": 404,
    "order_exists": 409,
    "order_closed": 409,
    "line_full": 409,
    "counted_lines": 409,
    "nothing_to_undo": 409,
    "too_many_orders": 409,
    "nothing_there": 409,
    "not_saved": 503,
    "unreadable": 503,
}
"""Every other code of ours is 400: the request itself is wrong."""
HTTP_CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "wrong_method",
    413: "too_large",
    415: "wrong_type",
    500: "fault",
}

Reply = Response | tuple[Response, int]
P = ParamSpec("P")


def trouble(code: str, message: str, mistakes: tuple[str, ...] = ()) -> tuple[Response, int]:
    """The answer for one of our codes."""
    return _told(code, message, mistakes), STATUS.get(code, 400)


def explained(view: Callable[P, Reply]) -> Callable[P, Reply]:
    """A view whose OrderErrors and StateErrors are answers."""

    @wraps(view)
    def body(*args: P.args, **kwargs: P.kwargs) -> Reply:
        try:
            return view(*args, **kwargs)
        except OrderError as error:
            return trouble(error.code, error.message, error.mistakes)
        except StateError as error:
            return trouble("unreadable", str(error))

    return body


def add_errors(app: Flask) -> None:
    """Refusals of calls below PREFIX are JSON, whoever refuses them."""

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Any:  # noqa: ANN401 - what Flask calls a response
        if not request.path.startswith(f"{PREFIX}/"):
            return error
        status = error.code or 500
        message = error.description or "the kiosk cannot do that"
        answer = _told(HTTP_CODES.get(status, "bad_request"), message, ())
        if isinstance(allowed := getattr(error, "valid_methods", None), list):
            answer.headers["Allow"] = ", ".join(allowed)
        return answer, status


def asked(**kinds: type) -> dict[str, Any]:
    """The JSON object of the request; empty when there is no body.

    `kinds`: the fields there may be, each with its type; all may be left out. Raises OrderError:
    bad_request; the size is refused before anything is decoded.
    """
    request.max_content_length = MAX_BODY_BYTES
    try:
        body = request.get_json(silent=True) if request.get_data(cache=True) else {}
    except RecursionError:  # brackets within brackets: no JSON of ours
        body = None
    if not isinstance(body, dict):
        raise OrderError("bad_request", "send one JSON object")
    for name, value in body.items():
        kind = kinds.get(name)
        if kind is None:
            known = ", ".join(sorted(kinds)) or "no fields at all"
            raise OrderError("bad_request", f"{name[:80]!r} means nothing here; send {known}")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise OrderError("bad_request", f"{name} must be {_KINDS[kind]}")
    return body


_KINDS = {str: "a text", int: "a whole number", bool: "true or false", list: "an array"}


def _told(code: str, message: str, mistakes: tuple[str, ...]) -> Response:
    return jsonify(error={"code": code, "message": message, "mistakes": list(mistakes)})
