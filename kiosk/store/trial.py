# SPDX-License-Identifier: Apache-2.0
"""The trial of a release: its start is counted before anything of it is opened, and it is good once
it has answered for long and often enough.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from kiosk.store.entries import Entries
from kiosk.store.pointer import Installed, Phase, Pointer
from kiosk.store.store import Store

_log = logging.getLogger(__name__)


class Trial:
    """Of whichever release is current. `decided` may come from another thread."""

    def __init__(self, store: Store, entries: Entries, clock_s: Callable[[], float]) -> None:
        self._store = store
        self._entries = entries
        self._clock_s = clock_s
        self._counted = ""
        """The release whose start was counted and has not ended."""
        self._since_s = 0.0
        self._decisions = 0

    def begin(self, current: Installed) -> str:
        """Count a start of `current`; gives why it must not be opened, or empty. Raises OSError."""
        started = self._store.started()
        if started.current != current:
            return f"release {current.release} was put away"
        self._counted = current.release
        if started.tries == 1:
            self._entries.activated(current, started.previous)
        return ""

    def uncount(self, current: Installed) -> None:
        """That start came to nothing, and not by the release's fault. Raises OSError."""
        self._counted = ""
        self._store.ended(current.release)

    def failed(self, current: Installed, fault: str) -> None:
        """It must not answer: it is put away. Raises OSError."""
        self._store.failed(current.release, fault)
        self._counted = ""

    def answers(self) -> None:
        """Another release has begun to answer."""
        self._since_s, self._decisions = self._clock_s(), 0

    def decided(self) -> None:
        """It has answered once more."""
        self._decisions += 1

    def proven(self, pointer: Pointer, current: Installed) -> Pointer | None:
        """The new pointer once `current`, which answers, is good; None until then."""
        waited_s, gate = self._clock_s() - self._since_s, pointer.gate
        if pointer.phase is Phase.GOOD:
            return None
        if waited_s < gate.good_after_s or self._decisions < gate.good_after_decisions:
            return None
        try:
            pointer = self._store.good(current.release)
        except OSError as error:
            _log.warning("the store cannot be written: %s", error)
            self._since_s = self._clock_s()  # tried again after as long
            return None
        if pointer.current != current:  # it was taken away at this very moment
            return None
        self._counted = ""
        self._entries.good(current, self._decisions)
        return pointer

    def stop(self) -> None:
        """The kiosk stops in order: that is no failed start."""
        if self._counted:
            try:
                self._store.ended(self._counted)
            except OSError as error:
                _log.warning("the store cannot be written: %s", error)
            self._counted = ""
