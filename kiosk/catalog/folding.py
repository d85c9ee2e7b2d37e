# SPDX-License-Identifier: Apache-2.0
"""Keeping the Annoy file up with the release: folded in a child process, proven, then swapped in.

No search waits for it and none is lost. A fold that fails changes nothing; it is tried again after
a while, which doubles each time, or with the next release.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.search.fold import Fold

_log = logging.getLogger(__name__)

RETRY_S = 600.0
MOST_RETRY_S = 86_400.0
LONG_S = 600.0
"""From then on the status page says how long it has been at work, in steps of as much."""
BUSY = "being built anew for {minutes} min now, behind all other work"
FAILED = "building it anew failed {times} and is tried again later"


class Folding:
    """Call `look` now and then, or `run` in a thread of its own."""

    def __init__(
        self,
        slot: SnapshotSlot,
        *,
        poll_s: float = 2.0,
        retry_s: float = RETRY_S,
        gently: bool = True,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`gently`: folds run behind whatever else wants to."""
        self._slot = slot
        self._gently = gently
        self._poll_s = poll_s
        self._retry_s = retry_s
        self._now_s = now_s
        self._fold: Fold | None = None
        self._release = ""
        """The release that the fold is of, or the last one was."""
        self._started_s = 0.0
        self._failures = 0
        """Of that release, one after the other."""
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

    def said(self) -> str:
        """What a technician should know of it; empty while nothing takes long or fails."""
        if self._fold is not None:
            steps = int((self._now_s() - self._started_s) // LONG_S)
            return BUSY.format(minutes=round(steps * LONG_S / 60)) if steps else ""
        if self._failures:
            times = "once" if self._failures == 1 else f"{self._failures} times"
            return FAILED.format(times=times)
        return ""

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
            elif not release.due:
                self._failures = 0
            elif self._may(release):
                self._start(release)

    def _may(self, release: Snapshot) -> bool:
        return release.release != self._release or self._now_s() >= self._retry_at_s

    def _start(self, release: Snapshot) -> None:
        if release.release != self._release:
            self._failures = 0
        self._release = release.release
        self._started_s = self._now_s()
        try:
            self._fold = release.fold(gently=self._gently)
        except OSError as error:
            self._failed(f"cannot be started ({error})")

    def _swap(self, release: Snapshot, code: int) -> None:
        if code != 0:
            self._failed(f"ended with code {code}")
            return
        anew = release.reindexed()
        if anew.due:
            anew.close()
            if release.release == self._release:
                self._failed("made what does not prove itself")
        elif self._slot.replace(release, anew):
            self._failures = 0
            _log.info("index: %s", anew.engine)
        else:  # another release came meanwhile, with an index of its own
            anew.close()

    def _failed(self, why: str) -> None:
        """Not at once again: what kills a child may be what the kiosk needs, such as memory."""
        wait_s = min(MOST_RETRY_S, self._retry_s * 2**self._failures)
        self._failures += 1
        self._retry_at_s = self._now_s() + wait_s
        _log.warning(
            "index: building it anew %s; the old one answers, again in %.0f s", why, wait_s
        )

    def _end(self) -> None:
        if self._fold is not None:
            with contextlib.suppress(OSError):
                self._fold.stop()
            self._fold = None
