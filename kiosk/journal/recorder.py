# SPDX-License-Identifier: Apache-2.0
"""What the rest of the kiosk needs of a journal, whether it writes a file or forgets."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from kiosk.values import Decision, Notebook


class Status(NamedTuple):
    """What the board shows of the journal; the fields of `kiosk.board.JournalStatus`."""

    ok: bool
    message: str
    entries: int
    waiting: int


class Recorder(Notebook, Protocol):
    """What the rest of the kiosk needs of a journal."""

    def start(self) -> None: ...

    def decision(self, decision: Decision) -> None:
        """Record a decision."""

    def confirmation(self, decision_id: str, sku: str) -> bool:
        """Record that a person tapped `sku`. False, and nothing is recorded, when the decision is
        not known or did not offer that SKU."""

    def status(self) -> Status: ...

    def close(self) -> None: ...
