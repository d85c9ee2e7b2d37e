# SPDX-License-Identifier: Apache-2.0
"""How many readers may hold a server thread at once, and how they are told to end.

Each event stream and each waiting preview takes a thread; both kinds are counted and capped, so
that a thread is always left for /healthz.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Places:
    """A fixed number of places, taken and given back from any thread."""

    def __init__(self, count: int) -> None:
        self._free = threading.BoundedSemaphore(count)

    def take(self) -> Callable[[], None] | None:
        """A function that gives the place back, which may be called twice; None when all are
        taken."""
        if not self._free.acquire(blocking=False):
            return None
        once = threading.Lock()

        def give_back() -> None:
            if once.acquire(blocking=False):
                self._free.release()

        return give_back


class Streams:
    """The places of one app, and the one event that ends everything that waits."""

    def __init__(self, count: int) -> None:
        self.events = Places(count)
        self.previews = Places(count)
        self.closing = threading.Event()

    def close(self) -> None:
        """Every stream ends within `live.SLICE_S`."""
        self.closing.set()
