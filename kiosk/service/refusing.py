# SPDX-License-Identifier: Apache-2.0
""" "Not this", put together: the desk, what looks are held against, whoever counted the answer, and
the board.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kiosk.board import Board
from kiosk.journal import Recorder
from kiosk.models import Models
from kiosk.orders.articles import Articles
from kiosk.refusals import REFUSALS_FILE, RefusalDesk, Refusals, RefusalStore
from kiosk.service.statuses import refusal_status
from kiosk.values import Decision


class Refusing:
    """`start` it before the first look, `beat` about once a second."""

    def __init__(
        self,
        state: Path,
        own: Models,
        *,
        board: Board,
        journal: Recorder,
        articles: Articles,
        refused: Callable[[Decision], object],
    ) -> None:
        """`own`: what is looked with until `follow`; `refused` hears of every answer that a person
        said is wrong.
        """
        self._embedder = own.embedder.card.sha256
        self._board = board
        self._articles = articles
        self._refused = refused
        self.held = Refusals(self._embedder, own.embedder.dimension)
        """What every look is held against."""
        self._desk = RefusalDesk(RefusalStore(state / REFUSALS_FILE), self.held, journal)

    def start(self) -> None:
        """Read what was refused before."""
        self._desk.start()

    def beat(self) -> None:
        """Write what waits, hear what another process undid; may wait for the disk."""
        self._desk.beat()
        self.post()

    def post(self) -> None:
        """What the pages show of the refusals; also after another release came."""
        self._board.post(refused=refusal_status(self._desk, self._name_of))

    def follow(self, models: Models) -> None:
        """What was refused counts for looks with the same embedder only."""
        if models.embedder.card.sha256 != self._embedder:
            self._embedder = models.embedder.card.sha256
            self._desk.follow(self._embedder, models.embedder.dimension)

    def refuse(self, decision: Decision) -> bool:
        """A person says that an answer is wrong: kept, and whoever counted it is told."""
        if not self._desk.refuses(decision):
            return False
        self._refused(decision)
        self.post()
        return True

    def undo(self, refusal_id: str) -> bool:
        done = self._desk.undo(refusal_id)
        self.post()
        return done

    def close(self) -> None:
        self._desk.close()

    def _name_of(self, sku: str) -> str:
        record = self._articles.record(sku)
        return record.name if record else ""
