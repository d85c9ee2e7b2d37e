# SPDX-License-Identifier: Apache-2.0
"""How far head office has the journal, as the journal itself tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

PATIENCE = timedelta(days=1)
"""Entries that wait longer, and nobody said why: nothing sends them."""


class SendingState(StrEnum):
    """None of these stops the kiosk, and none of them loses anything by itself."""

    DONE = "done"
    """Head office has everything."""
    WAITING = "waiting"
    """Something waits for the next pass."""
    SILENT = "silent"
    """Something has waited for long, and no pass has tried to send it."""
    OFFLINE = "offline"
    """The last pass met nobody who takes it: it is tried again."""
    HELD = "held"
    """The last pass was turned away: a person has to do something."""


@dataclass(frozen=True, slots=True)
class Sending:
    """Times are UTC, ISO 8601, by this kiosk's clock."""

    waiting: int = 0
    """Entries that head office has not confirmed."""
    oldest: str = ""
    """When the oldest of them was written; empty: nothing waits."""
    confirmed: str = ""
    """When head office last confirmed a batch; empty: it never did."""
    held: bool = False
    """What stopped the last pass is not mended by trying again."""
    code: str = ""
    """Stable name of what stopped it; empty: nothing did."""
    message: str = ""
    since: str = ""
    """When that was met first."""
    lost: int = 0
    """Entries that were forgotten before head office had them."""
    parcels: int = 0
    """What belongs to entries and was too large for head office, such as pictures of additions; the
    entries went without."""
    parcels_message: str = ""

    def state(self, now: datetime) -> SendingState:
        """How it stands at `now` (aware)."""
        if not self.waiting:
            return SendingState.DONE
        if self.code:
            return SendingState.HELD if self.held else SendingState.OFFLINE
        return SendingState.SILENT if self._waits_long(now) else SendingState.WAITING

    def _waits_long(self, now: datetime) -> bool:
        try:
            oldest, confirmed = (
                datetime.fromisoformat(at or self.oldest) for at in (self.oldest, self.confirmed)
            )
        except ValueError:
            return False
        last = max(at if at.tzinfo else at.replace(tzinfo=UTC) for at in (oldest, confirmed))
        return now - last > PATIENCE
