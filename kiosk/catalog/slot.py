# SPDX-License-Identifier: Apache-2.0
"""The slot that a snapshot is swapped through while frames are in flight.

What is current is the release, or what is composed over it. It is borrowed for the length of one
frame or one request; a swap makes the new one current at once and closes the old one when its last
borrower has given it back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from kiosk.errors import KioskError

_log = logging.getLogger(__name__)


class Closable(Protocol):
    def close(self) -> None:
        """Called once."""
        ...


S = TypeVar("S", bound=Closable)


class Slot(Generic[S]):
    """Safe to use from several threads."""

    def __init__(self, over: Callable[[S], S] | None = None) -> None:
        """`over` gives what is searched in place of a release: another snapshot, or the same."""
        self._over = over
        self._changing = threading.Lock()
        """One change at a time; borrowers never wait for it."""
        self._lock = threading.Lock()
        self._release: S | None = None
        self._current: S | None = None
        self._loans: dict[int, int] = {}
        self._retired: dict[int, S] = {}

    @contextmanager
    def borrow(self) -> Iterator[S | None]:
        """The current snapshot, kept open until the block ends; None when there is none."""
        with self._lock:
            snapshot = self._lent(self._current)
        try:
            yield snapshot
        finally:
            self._given_back(snapshot)

    @contextmanager
    def borrow_release(self) -> Iterator[S | None]:
        """The same, as it was swapped in: without what is composed over it."""
        with self._lock:
            snapshot = self._lent(self._release)
        try:
            yield snapshot
        finally:
            self._given_back(snapshot)

    def _lent(self, snapshot: S | None) -> S | None:
        key = id(snapshot)
        self._loans[key] = self._loans.get(key, 0) + 1
        return snapshot

    def _given_back(self, snapshot: S | None) -> None:
        key = id(snapshot)
        with self._lock:
            self._loans[key] -= 1
            last = self._loans[key] == 0
            if last:
                del self._loans[key]
            done = self._retired.pop(key, None) if last else None
        if done is not None:
            done.close()

    def swap(self, release: S | None) -> None:
        """Make `release` current. The old one closes with its last borrower, or now."""
        with self._changing:
            if release is not self._release or release is None:
                self._set(release)

    def replace(self, old: S, new: S) -> bool:
        """As `swap`, but only while `old` is the release; otherwise `new` is left alone."""
        with self._changing:
            if self._release is not old:
                return False
            self._set(new)
            return True

    def compose(self, over: Callable[[S], S] | None) -> None:
        """Have something else composed over this release and every later one."""
        with self._changing:
            self._over = over
            self._set(self._release)

    def recompose(self) -> None:
        """Have what is composed over the release made anew."""
        with self._changing:
            self._set(self._release)

    def _set(self, release: S | None) -> None:
        current = release
        if release is not None and self._over is not None:
            try:
                current = self._over(release)
            except KioskError as error:  # the release alone is better than none
                _log.error("additions cannot be searched: %s", error)
        with self._lock:
            before = {id(each): each for each in (self._release, self._current) if each is not None}
            self._release, self._current = release, current
            for each in (release, current):
                before.pop(id(each), None)
                self._retired.pop(id(each), None)  # swapped back in while it is still read
            done = []
            for key, each in before.items():
                if key in self._loans:
                    self._retired[key] = each
                else:
                    done.append(each)
        for each in done:
            each.close()
