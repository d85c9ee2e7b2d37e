# SPDX-License-Identifier: Apache-2.0
"""Watching the release folder: a new release is opened beside the old one and swapped in whole.

A release that cannot be used never takes the place of one that works. It is looked at again after
a while: a folder that is being copied in has its manifest before it has the rest.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from kiosk.catalog.manifest import NAME
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.errors import CatalogError, EmbeddingError, ModelError
from kiosk.stamp import stamp

_log = logging.getLogger(__name__)

RETRY_S = 10.0
"""Building an index can take minutes and cannot be interrupted; left behind it does no harm."""


class CatalogWatch:
    """Call `look` to check once, or `run` in a thread of its own."""

    def __init__(
        self,
        path: Path,
        slot: SnapshotSlot,
        *,
        open_snapshot: Callable[[Path], Snapshot],
        on_change: Callable[[Snapshot | None, str], None],
        poll_s: float,
        retry_s: float = RETRY_S,
    ) -> None:
        """`on_change(current snapshot or None, trouble or "")` hears of every change."""
        self._path = path
        self._slot = slot
        self._open = open_snapshot
        self._on_change = on_change
        self._poll_s = poll_s
        self._retry_s = retry_s
        self._stamp: object = ()
        self._trouble = ""
        self._retry_at_s = 0.0
        self._stop = threading.Event()

    def run(self) -> None:
        """Look every `poll_s` seconds until `stop`."""
        while True:
            self.look()
            if self._stop.wait(self._poll_s):
                return

    def stop(self) -> None:
        """Returns at once; from here on nothing is swapped in any more."""
        self._stop.set()

    def forget(self) -> None:
        """Something else was swapped in: what lies in the folder is news again."""
        self._stamp = ()

    def look(self) -> None:
        """Open and swap when the folder holds something else than last time, or nothing good."""
        seen = stamp(self._path / NAME)
        again = bool(self._trouble) and time.monotonic() >= self._retry_at_s
        if seen == self._stamp and not again:
            return
        self._stamp = seen
        try:
            snapshot = self._open(self._path)
        except (CatalogError, ModelError, EmbeddingError) as error:
            self._retry_at_s = time.monotonic() + self._retry_s
            self._report(str(error))
            return
        if self._stop.is_set():
            snapshot.close()
            return
        self._slot.swap(snapshot)
        self._trouble = ""
        _log.info("catalog: release %s is current", snapshot.release)
        self._on_change(snapshot, "")

    def _report(self, trouble: str) -> None:
        if trouble == self._trouble:
            return
        self._trouble = trouble
        _log.error("catalog: %s", trouble)
        with self._slot.borrow() as snapshot:
            self._on_change(snapshot, trouble)
