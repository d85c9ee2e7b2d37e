# SPDX-License-Identifier: Apache-2.0
"""What changes while a page is open: the events and the live picture.

Rule: nothing here waits without end. Streams and waiting previews are counted; the live picture is
pulled by the page, so a viewer that stalls holds nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, abort, request

from kiosk.board import Board, Preview, State
from kiosk.web import words
from kiosk.web.enrol import enrol_view
from kiosk.web.operator import operator_view
from kiosk.web.orders import order_view
from kiosk.web.preview import PreviewPicture
from kiosk.web.streams import Streams
from kiosk.web.technician import status_view, versions

SLICE_S = 0.5
"""Longest wait before a reader looks whether it should end."""
SPACING_S = 0.06
"""After a state is sent; with SETTLE_S at most ten a second."""
SETTLE_S = 0.04
"""After a change: writers post what belongs together one by one."""
BEAT_S = 3.0
"""A stream says at least this often that it lives; the page shows "Connecting…" after three."""
STREAM_S = 300.0
"""A stream ends after this; the browser opens the next. Bounds what a stalled reader can hold."""
PREVIEW_WAIT_S = 1.0

View = Callable[[State, datetime], dict[str, Any]]


def add_events(app: Flask, board: Board, streams: Streams, version: str) -> None:
    """`/events?page=operator|order|enrol|status`: the page as JSON, now and on each change."""
    rows = versions(version)
    views: dict[str, View] = {
        "operator": operator_view,
        "order": order_view,
        "enrol": enrol_view,
        "status": lambda state, now: status_view(state, now, rows),
    }

    @app.get("/events")
    def events() -> Response:
        view = views.get(request.args.get("page", "operator"))
        if view is None:
            abort(404)
        give_back = streams.events.take()
        if give_back is None:
            return _busy()
        # waitress tells whether the reader has left; other servers notice at the next beat.
        gone = request.environ.get("waitress.client_disconnected", lambda: False)

        def ended() -> bool:
            return board.closed or streams.closing.is_set() or gone()

        stream = events_of(board, view, version, ended, streams.closing.wait)
        response = Response(stream, mimetype="text/event-stream")
        response.call_on_close(give_back)
        return response


def add_preview(app: Flask, board: Board, streams: Streams) -> None:
    """`/preview.jpg?after=SEQ`: a picture other than frame SEQ, or 204 when none comes."""
    picture = PreviewPicture()

    @app.get("/preview.jpg")
    def preview() -> Response:
        after = request.args.get("after", -1, type=int)
        newest = board.preview()
        if newest is None or newest.sequence == after:
            give_back = streams.previews.take()
            if give_back is None:
                return _busy()
            try:
                newest = _next_preview(board, streams, after)
            finally:
                give_back()
        if newest is None or newest.sequence == after:
            return Response(status=204)
        response = Response(picture.jpeg(newest), mimetype="image/jpeg")
        response.headers["X-Sequence"] = str(newest.sequence)
        return response


def events_of(
    board: Board,
    view: View,
    version: str,
    ended: Callable[[], bool],
    pause: Callable[[float], object],
) -> Iterator[str]:
    """The whole page as one event, again whenever it differs."""
    end = time.monotonic() + STREAM_S
    state, sent, beat = board.state(), "", time.monotonic() + BEAT_S
    yield "retry: 1000\n\n"
    while not ended() and time.monotonic() < end:
        page = view(state, datetime.now(UTC)) | {"build": version}
        data = json.dumps(page, separators=(",", ":"))
        now = time.monotonic()
        if data != sent:
            sent, beat = data, now + BEAT_S
            yield f"data: {data}\n\n"
        elif now >= beat:
            beat = now + BEAT_S
            yield "event: beat\ndata:\n\n"
        pause(SPACING_S)
        if board.wait(state.version, SLICE_S).version != state.version:
            pause(SETTLE_S)
        state = board.state()


def _next_preview(board: Board, streams: Streams, after: int) -> Preview | None:
    end = time.monotonic() + PREVIEW_WAIT_S
    while True:
        newest = board.wait_preview(after, SLICE_S)
        fresh = newest is not None and newest.sequence != after
        if fresh or board.closed or streams.closing.is_set() or time.monotonic() > end:
            return newest


def _busy() -> Response:
    response = Response(words.TOO_MANY, status=503, mimetype="text/plain")
    response.headers["Retry-After"] = "2"
    return response
