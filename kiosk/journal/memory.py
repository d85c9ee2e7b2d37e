# SPDX-License-Identifier: Apache-2.0
"""A journal that forgets: the stand-in where nothing may be written, with the same contract."""

from __future__ import annotations

import threading
from typing import Any

from kiosk.journal.entries import as_dict, of_confirmation, of_decision, of_note
from kiosk.journal.recent import Recent
from kiosk.journal.recorder import Status
from kiosk.journal.waiting import CAPACITY, MAX_BYTES, Waiting
from kiosk.values import Clock, Decision, Note


class MemoryJournal:
    """Keeps the last entries in memory; every method returns at once."""

    def __init__(self, capacity: int = CAPACITY, max_bytes: int = MAX_BYTES) -> None:
        self._lock = threading.Lock()
        self._entries = Waiting(capacity, max_bytes)
        self._clock = Clock()
        self._recent = Recent()

    def start(self) -> None:
        """Nothing to start."""

    def decision(self, decision: Decision) -> None:
        with self._lock:
            self._recent.add(decision)
            self._entries.append(of_decision(decision))

    def confirmation(self, decision_id: str, sku: str) -> bool:
        with self._lock:
            decision = self._recent.offering(decision_id, sku)
            if decision is None:
                return False
            self._entries.append(of_confirmation(decision, sku, self._clock.now()))
            return True

    def note(self, note: Note) -> None:
        with self._lock:
            entry = of_note(note, self._clock.now())
            if all(entry.key != other.key for other in self._entries.entries()):
                self._entries.append(entry)

    def flush(self, timeout_s: float) -> bool:
        return True

    def status(self) -> Status:
        with self._lock:
            return Status(True, "Decisions are kept in memory only.", len(self._entries), 0)

    def close(self) -> None:
        """Nothing to close."""

    def entries(self) -> list[dict[str, Any]]:
        """What was recorded, as `read` gives it."""
        with self._lock:
            return [as_dict(n, entry.row()) for n, entry in enumerate(self._entries.entries(), 1)]
