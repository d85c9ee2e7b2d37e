# SPDX-License-Identifier: Apache-2.0
"""How far head office has the journal, posted for the pages; the sending is another process's."""

from __future__ import annotations

import logging
from pathlib import Path

from kiosk.board import Board
from kiosk.config.sections import UploadConfig
from kiosk.errors import StateError
from kiosk.journal.outbox import Outbox

_log = logging.getLogger(__name__)


class SendingWatch:
    """Call `beat` about once a second."""

    def __init__(self, options: UploadConfig, journal: Path, board: Board) -> None:
        self._outbox = Outbox(journal) if options.url or options.mqtt else None
        self._board = board

    def beat(self) -> None:
        """Look whether a pass has changed anything; nothing is written."""
        if self._outbox is None:
            return
        try:
            self._board.post(sending=self._outbox.look())
        except StateError as error:  # the journal says itself what is wrong with it
            _log.debug("how far the journal was sent is not known: %s", error)
