# SPDX-License-Identifier: Apache-2.0
"""The pages and the API, put together and bound to their port."""

from __future__ import annotations

from kiosk import __version__
from kiosk.api.app import add_api
from kiosk.board import Board
from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.config import Config
from kiosk.orders.articles import Articles
from kiosk.orders.desk import OrderDesk
from kiosk.service.adding import Adding
from kiosk.service.gallery import Gallery
from kiosk.service.refusing import Refusing
from kiosk.station import Answers, Station
from kiosk.web import Server, create_app


def pages(
    config: Config,
    board: Board,
    slot: SnapshotSlot,
    answers: Answers,
    station: Station,
    refusing: Refusing,
    adding: Adding,
    orders: OrderDesk,
    articles: Articles,
) -> Server:
    """Raises BusyError when the port is taken."""
    web = config.web
    asked = config.barcode.mode == "asked"  # otherwise they are read without a button
    app = create_app(
        board=board,
        gallery=Gallery(slot),
        confirm=answers.confirm,
        refuse=answers.refuse,
        focus=answers.focus,
        read_codes=station.read_codes if asked else None,
        undo_refusal=refusing.undo,
        enrol=adding.enrolling,
        undo_addition=adding.undo,
        streams=web.streams,
        host=web.host,
        version=__version__,
    )
    add_api(app, board=board, desk=orders, articles=articles, version=__version__)
    return Server(app, host=web.host, port=web.port, streams=web.streams)
