# SPDX-License-Identifier: Apache-2.0
"""The WSGI app that takes events: any server can run it, `kiosk receive serve` runs waitress.

An answer that names an event says that it is stored for good, or will never be.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from kiosk.errors import StateError
from kiosk.event import MAX_BYTES, MAX_PARCEL_BYTES, MOST_EVENTS, Event, is_kiosk, parse
from kiosk.receive.database import EventStore
from kiosk.receive.tokens import ANY

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = MAX_PARCEL_BYTES
_MOST = 2 * MOST_EVENTS

Reply = Response | tuple[Response, int]
KioskOf = Callable[[str], str | None]


def create_receiver(store: EventStore, kiosk_of: KioskOf) -> Flask:
    """`kiosk_of(token)` says for which kiosk a token may send (`*`: for any), None for nobody."""
    app = Flask("kiosk.receive", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    _add_events(app, store, kiosk_of)
    _add_parcels(app, store, kiosk_of)

    @app.get("/v1/health")
    def health() -> Reply:
        return jsonify(ok=True)

    @app.errorhandler(HTTPException)
    def explain(error: HTTPException) -> Reply:
        return _trouble("http", error.description or error.name, error.code or 500)

    return app


def _add_events(app: Flask, store: EventStore, kiosk_of: KioskOf) -> None:

    @app.post("/v1/events")
    def take() -> Reply:
        allowed = kiosk_of(_token())
        if allowed is None:
            return _trouble("unknown_token", "this token is not known here", 401)
        body = _body()
        if not isinstance(body, dict) or not isinstance(body.get("events"), list):
            return _trouble("bad_request", 'send {"events": [...]} as application/json', 400)
        if len(body["events"]) > _MOST:
            return _trouble("too_many", f"send at most {_MOST} events at once", 413)
        events, refused = _read(body["events"])
        strange = {event.kiosk for event in events} - {allowed}
        if strange and allowed != ANY:
            return _trouble("other_kiosk", f"this token is not for {sorted(strange)[0]}", 403)
        try:
            new = store.put(events)
        except StateError as error:
            _log.error("%s", error)
            return _trouble("not_stored", str(error), 503)
        taken = [event.event_id for event in events]
        return jsonify(taken=taken, refused=refused, new=new)


def _add_parcels(app: Flask, store: EventStore, kiosk_of: KioskOf) -> None:

    @app.put("/v1/parcels/<kiosk>/<sha256>")
    def keep(kiosk: str, sha256: str) -> Reply:
        allowed = kiosk_of(_token())
        if allowed is None:
            return _trouble("unknown_token", "this token is not known here", 401)
        if not is_kiosk(kiosk) or allowed not in (ANY, kiosk):
            return _trouble("other_kiosk", f"this token is not for {kiosk}", 403)
        parcel = request.get_data()
        if hashlib.sha256(parcel).hexdigest() != sha256:
            return _trouble("damaged", "the parcel is not what its sha256 says; send it again", 422)
        try:
            return jsonify(kept=store.keep(kiosk, parcel))
        except StateError as error:
            _log.error("%s", error)
            return _trouble("not_stored", str(error), 503)


def _body() -> object:
    """What was sent, decoded; None when it is no JSON."""
    try:
        return request.get_json(silent=True)
    except RecursionError:  # a bracket in a bracket in a bracket …
        return None


def _read(bodies: list[Any]) -> tuple[list[Event], dict[str, str]]:
    """The events in a batch, and why others of it will never be taken."""
    events: list[Event] = []
    refused: dict[str, str] = {}
    for body in bodies:
        try:
            if len(json.dumps(body)) > MAX_BYTES:
                raise ValueError(f"an event may have {MAX_BYTES} bytes")
            events.append(parse(body))
        except ValueError as error:
            name = body.get("event_id") if isinstance(body, dict) else None
            refused[str(name)[:64]] = str(error)
    return events, refused


def _token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _trouble(code: str, message: str, status: int) -> tuple[Response, int]:
    return jsonify(code=code, message=message), status
