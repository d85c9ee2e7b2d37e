# SPDX-License-Identifier: Apache-2.0
"""Who may talk to the pages. There is no login: the kiosk trusts the browser on its own screen.

Two attacks come from other pages in a browser: a foreign name that resolves to this address (DNS
rebinding), stopped by the Host header; and a foreign page that sends a request (CSRF), stopped by
Origin and by taking nothing but JSON.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, request

from kiosk.web import words

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
MAX_BODY_BYTES = 4096

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def protect(app: Flask, host: str) -> None:
    """Refuse foreign callers of `app`, which listens on `host`; add the protective headers."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES

    @app.before_request
    def refuse_strangers() -> None:
        name = host_name(request.headers.get("Host", ""))
        if not known(name, host):
            abort(403, words.WRONG_HOST.format(host=name or "?"))
        # What no route takes is answered by the routing: not found, or not by this method.
        if request.routing_exception is None and request.method not in ("GET", "HEAD"):
            _refuse_forged(request)

    @app.after_request
    def harden(response: Response) -> Response:
        for header, value in HEADERS.items():
            response.headers.setdefault(header, value)
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response


def host_name(header: str) -> str:
    """The name in a Host header or an origin, without port and brackets, lower case."""
    try:
        return (urlsplit(f"//{header.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def known(name: str, host: str) -> bool:
    """`name` may be used for a kiosk that listens on `host`.

    On loopback only loopback's names; elsewhere also the configured one and any bare address: an
    address cannot be rebound.
    """
    if name in LOOPBACK or (name and name == host_name(host if ":" not in host else f"[{host}]")):
        return True
    if host in LOOPBACK:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _refuse_forged(call: Request) -> None:
    origin = call.headers.get("Origin")
    if origin is not None and _place(origin) != call.headers["Host"].lower():
        abort(403, words.WRONG_ORIGIN)
    if call.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, words.WRONG_ORIGIN)
    if call.mimetype != "application/json":
        abort(415, words.WRONG_TYPE)


def _place(origin: str) -> str | None:
    """Name and port of an origin as a Host header has them; None when it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None
