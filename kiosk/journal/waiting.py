# SPDX-License-Identifier: Apache-2.0
"""What waits to be written: in order, and never more than fits in memory.

Rule: when there is no room, the oldest give up their local features first, then the oldest are
lost, and both are counted. Not thread-safe: its owner holds a lock.
"""

from __future__ import annotations

import itertools
from collections import deque

from kiosk.journal.entries import Entry

CAPACITY = 10_000
MAX_BYTES = 32 * 1024 * 1024
"""A journal that cannot be written must not take the memory that recognising needs."""


class Waiting:
    """Entries with their numbers, which count up from 1."""

    def __init__(self, capacity: int = CAPACITY, max_bytes: int = MAX_BYTES) -> None:
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._queue: deque[tuple[int, Entry]] = deque()
        self._thin = 0
        """Number of the newest entry that has given up its features."""
        self.recorded = 0
        """Number of the newest entry."""
        self.bytes = 0
        self.dropped = 0
        self.thinned = 0
        """Decisions that lost their local features for want of space."""

    def __len__(self) -> int:
        return len(self._queue)

    def append(self, entry: Entry) -> None:
        """Let one more wait; the oldest make room for it."""
        self.recorded += 1
        self._queue.append((self.recorded, entry))
        self.bytes += entry.bytes
        while len(self._queue) > self._capacity:
            self._drop()
        while self.bytes > self._max_bytes and self._thin < self.recorded:
            self._give_up_features()
        while self.bytes > self._max_bytes and len(self._queue) > 1:
            self._drop()

    def oldest(self, most: int, max_bytes: int) -> list[tuple[int, Entry]]:
        """The oldest entries, at least one, at most `most` and about `max_bytes`."""
        found: list[tuple[int, Entry]] = []
        total = 0
        for number, entry in itertools.islice(self._queue, most):
            total += entry.bytes
            if found and total > max_bytes:
                break
            found.append((number, entry))
        return found

    def entries(self) -> list[Entry]:
        """All that wait, the oldest first."""
        return [entry for _, entry in self._queue]

    def written(self, last: int) -> None:
        """Forget the entries up to number `last`."""
        while self._queue and self._queue[0][0] <= last:
            self.bytes -= self._queue.popleft()[1].bytes

    def _drop(self) -> None:
        self.bytes -= self._queue.popleft()[1].bytes
        self.dropped += 1

    def _give_up_features(self) -> None:
        """Of the oldest entry that has not done so yet."""
        first = self._queue[0][0]
        self._thin = max(self._thin + 1, first)
        at = self._thin - first
        number, entry = self._queue[at]
        thin = entry.without_features()
        self._queue[at] = (number, thin)
        self.bytes -= entry.bytes - thin.bytes
        self.thinned += thin.bytes < entry.bytes
