# SPDX-License-Identifier: Apache-2.0
"""The Flask app, put together from its parts. It reads the board and changes nothing but taps."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, render_template

from kiosk.board import Board
from kiosk.web import words
from kiosk.web.answers import add_confirm, add_health, add_thumbnails
from kiosk.web.gallery import Gallery
from kiosk.web.guard import protect
from kiosk.web.live import add_events, add_preview
from kiosk.web.streams import Streams

FRESH_S = 5.0
"""A frame older than this means that the kiosk does not recognise anything."""


def create_app(
    *,
    board: Board,
    gallery: Gallery,
    confirm: Callable[[str, str], bool],
    streams: int,
    version: str,
    host: str = "127.0.0.1",
    fresh_s: float = FRESH_S,
) -> Flask:
    """The pages over `board`.

    confirm(decision_id, sku) records a tap and says whether it was saved; `streams` is the most
    pages that may follow events; `host` is the address listened on (see `guard`).
    """
    app = Flask("kiosk.web")
    places = Streams(streams)
    app.extensions["kiosk_streams"] = places
    protect(app, host)
    add_events(app, board, places, version)
    add_preview(app, board, places)
    add_thumbnails(app, gallery)
    add_confirm(app, confirm)
    add_health(app, board, version, fresh_s)
    _add_pages(app)
    return app


def _add_pages(app: Flask) -> None:

    @app.get("/")
    def operator() -> str:
        return render_template("operator.html", words=words)

    @app.get("/status")
    def status() -> str:
        return render_template("status.html", words=words)

    @app.get("/favicon.ico")
    def icon() -> Response:
        return app.send_static_file("icon.svg")
