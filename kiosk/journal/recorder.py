# SPDX-License-Identifier: Apache-2.0
"""What the rest of the kiosk needs of a journal, whether it writes a file or forgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from kiosk.values import Decision


class Status(NamedTuple):
    """What the board shows of the journal; the fields of `kiosk.board.JournalStatus`."""

    ok: bool
    message: str
    entries: int
    waiting: int


class Recorder(Protocol):
    """What the rest of the kiosk needs of a journal."""

    def start(self) -> None: ...

    def decision(self, decision: Decision) -> None:
        """Record a decision."""

    def confirmation(self, decision_id: str, sku: str) -> bool:
        """Record that a person tapped `sku`. False, and nothing is recorded, when the decision is
        not known or did not offer that SKU."""

    def note(
        self,
        kind: str,
        body: Mapping[str, Any],
        decision_id: str = "",
        visit_id: str = "",
        sku: str | None = None,
    ) -> None:
        """Record anything else worth keeping, such as "refusal" or "signed".

        `body` holds what JSON can say; "decision" and "confirmation" are no kinds of a note.
        """

    def flush(self, timeout_s: float) -> bool:
        """True once everything recorded so far is safe; False when `timeout_s` passed before."""

    def status(self) -> Status: ...

    def close(self) -> None: ...
