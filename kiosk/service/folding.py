# SPDX-License-Identifier: Apache-2.0
"""When the index covers too little, a child builds it anew at idle priority; then it is swapped in.

Until then, and whatever becomes of the child, what answers goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.search.fold import Fold

_log = logging.getLogger(__name__)

AGAIN_S = 3600.0
"""After a child that brought nothing."""


class Folding:
    """Call `look` about once a second, from one thread."""

    def __init__(self, slot: SnapshotSlot, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._slot = slot
        self._clock_s = clock_s
        self._fold: Fold | None = None
        self._over: Snapshot | None = None
        """What it was begun for."""
        self._not_before_s = 0.0
        self._failed = ""

    def look(self) -> bool:
        """Begin a fold that is due, or swap in what one has built: then True."""
        with self._slot.borrow_release() as snapshot:
            if self._fold is not None:
                return self._awaited(self._fold, snapshot)
            if snapshot is None or not snapshot.due or self._waits(snapshot):
                return False
            try:
                self._fold, self._over = snapshot.fold(), snapshot
            except OSError as error:
                self._gave_up(snapshot, str(error))
            return False

    def stop(self) -> None:
        """The child ends with the kiosk."""
        if self._fold is not None:
            self._fold.stop()

    def _waits(self, snapshot: Snapshot) -> bool:
        return snapshot.release == self._failed and self._clock_s() < self._not_before_s

    def _awaited(self, fold: Fold, snapshot: Snapshot | None) -> bool:
        code = fold.ended()
        if code is None:
            if snapshot is not self._over:  # another release answers by now
                fold.stop()
            return False
        over, self._fold, self._over = self._over, None, None
        if snapshot is None or snapshot is not over:
            return False
        if code != 0:
            self._gave_up(snapshot, f"its process ended with {code}")
            return False
        fresh = snapshot.reindexed()
        if fresh.due:
            self._gave_up(snapshot, fresh.engine)
        if not self._slot.replace(snapshot, fresh):
            fresh.close()
            return False
        return True

    def _gave_up(self, snapshot: Snapshot, reason: str) -> None:
        _log.warning("index: not built anew (%s); tried again in an hour", reason)
        self._failed, self._not_before_s = snapshot.release, self._clock_s() + AGAIN_S
