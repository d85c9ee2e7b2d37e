# SPDX-License-Identifier: Apache-2.0
"""The Flask app, put together from its parts. It reads the board and changes nothing but taps."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, render_template

from kiosk.board import Board
from kiosk.web import words
from kiosk.web.answers import (
    add_confirm,
    add_focus,
    add_health,
    add_read_codes,
    add_thumbnails,
)
from kiosk.web.enrol import Enrol, NoEnrol, add_enrol
from kiosk.web.gallery import Gallery
from kiosk.web.guard import protect
from kiosk.web.live import add_events, add_preview
from kiosk.web.orders import add_order_page
from kiosk.web.refused import add_refusals
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
    refuse: Callable[[str], bool] = lambda decision_id: False,
    focus: Callable[[str], bool] = lambda visit_id: False,
    read_codes: Callable[[], None] | None = None,
    undo_refusal: Callable[[str], bool] = lambda refusal_id: False,
    enrol: Enrol | None = None,
    undo_addition: Callable[[str], bool] = lambda addition_id: False,
    host: str = "127.0.0.1",
    fresh_s: float = FRESH_S,
) -> Flask:
    """The pages over `board`.

    confirm(decision_id, sku) records a tap and says whether it was saved, refuse(decision_id) that
    an answer is wrong, undo_refusal(refusal_id) takes that back; `enrol` adds items (None: it
    cannot), undo_addition(addition_id) takes one back; focus(visit_id) turns to another item,
    read_codes() looks for its barcode (None: no button for it); `streams` is the most
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
    add_focus(app, focus)
    add_read_codes(app, read_codes)
    add_refusals(app, refuse, undo_refusal)
    add_enrol(app, enrol or NoEnrol(), undo_addition)
    add_health(app, board, version, fresh_s)
    _add_pages(app, reads_codes=read_codes is not None)
    add_order_page(app)
    return app


def _add_pages(app: Flask, *, reads_codes: bool) -> None:

    @app.get("/")
    def operator() -> str:
        return render_template("operator.html", words=words, reads_codes=reads_codes)

    @app.get("/status")
    def status() -> str:
        return render_template("status.html", words=words)

    @app.get("/favicon.ico")
    def icon() -> Response:
        return app.send_static_file("icon.svg")
