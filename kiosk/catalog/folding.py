# SPDX-License-Identifier: Apache-2.0
"""Keeping the Annoy file up with the release: folded in a child process, proven, then swapped in.

No search waits for it and none is lost. A fold that fails changes nothing; it is tried again after
a while, or with the next release.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.search.fold import Fold

_log = logging.getLogger(__name__)

RETRY_S = 600.0


class Folding:
    """Call `look` now and then, or `run` in a thread of its own."""

    def __init__(
        self,
        slot: SnapshotSlot,
        *,
        poll_s: float = 2.0,
        retry_s: float = RETRY_S,
        idle: bool = True,
    ) -> None:
        """`idle`: folds run only while nothing else wants to."""
        self._slot = slot
        self._idle = idle
        self._poll_s = poll_s
        self._retry_s = retry_s
        self._fold: Fold | None = None
        self._release = ""
        """The release that the fold is of, or the last one was."""
        self._retry_at_s = 0.0
        self._stop = threading.Event()

    def run(self) -> None:
        """Look every `poll_s` seconds until `stop`; then end what is at work."""
        while not self._stop.wait(self._poll_s):
            self.look()
        self._end()

    def stop(self) -> None:
        """Returns at once."""
        self._stop.set()

    def look(self) -> None:
        """Start a fold where one is due, or swap in what one has made."""
        with self._slot.borrow_release() as release:
            if release is None:
                return
            if self._fold is not None:
                code = self._fold.ended()
                if code is None:
                    return
                self._fold = None
                self._swap(release, code)
            elif release.due and self._may(release):
                self._start(release)

    def _may(self, release: Snapshot) -> bool:
        return release.release != self._release or time.monotonic() >= self._retry_at_s

    def _start(self, release: Snapshot) -> None:
        self._release = release.release
        self._retry_at_s = time.monotonic() + self._retry_s
        try:
            self._fold = release.fold(idle=self._idle)
        except OSError as error:
            _log.warning("index: cannot be built anew (%s); the old one answers", error)

    def _swap(self, release: Snapshot, code: int) -> None:
        if code != 0:
            _log.warning("index: building it anew ended with code %d; the old one answers", code)
            return
        anew = release.reindexed()
        if anew.due:
            _log.warning("index: what was built anew does not prove itself; the old one answers")
            anew.close()
        elif self._slot.replace(release, anew):
            _log.info("index: %s", anew.engine)
        else:  # another release came meanwhile, with an index of its own
            anew.close()

    def _end(self) -> None:
        if self._fold is not None:
            with contextlib.suppress(OSError):
                self._fold.stop()
            self._fold = None
