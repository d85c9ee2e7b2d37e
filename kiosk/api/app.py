# SPDX-License-Identifier: Apache-2.0
"""The API as one call, on the app that serves the pages: its guard keeps strangers out of both."""

from __future__ import annotations

from flask import Flask

from kiosk.api.compare import add_compare
from kiosk.api.openapi import add_document
from kiosk.api.orders import add_orders
from kiosk.api.replies import add_errors
from kiosk.api.state import add_state
from kiosk.board import Board
from kiosk.orders.articles import Articles
from kiosk.orders.desk import OrderDesk


def add_api(app: Flask, *, board: Board, desk: OrderDesk, articles: Articles, version: str) -> None:
    """Everything below /api/v1. Call it before the app serves anybody."""
    add_errors(app)
    add_orders(app, desk, articles)
    add_state(app, board)
    add_compare(app, board)
    add_document(app, version)
