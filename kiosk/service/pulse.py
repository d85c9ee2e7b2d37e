# SPDX-License-Identifier: Apache-2.0
"""What systemd is told of the station."""

from __future__ import annotations

from kiosk.board import Board
from kiosk.notify import Notifier

PATIENCE_S = 30.0
"""Start-up time asked of systemd again and again while no camera is there."""


class Pulse:
    """Tells systemd: ready after the first frame, alive with every turn, patient until then."""

    def __init__(self, notifier: Notifier, board: Board) -> None:
        self._notifier = notifier
        self._board = board
        self._ready = False
        self._status = ""

    def turn(self, *, frame: bool) -> None:
        if frame and not self._ready:
            self._ready = self._notifier.ready()
        self._notifier.alive()
        camera = self._board.state().camera
        status = "recognising" if frame else camera.message
        if not self._ready:
            self._notifier.still_starting(PATIENCE_S)
        if status != self._status:
            self._status = status
            self._notifier.status(status)
