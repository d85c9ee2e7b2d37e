# SPDX-License-Identifier: Apache-2.0
"""Which release of the store answers: opened beside the one before, swapped in between two frames.

Rule: something that answers is given up only for something that does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.errors import CatalogError, EmbeddingError, ModelError
from kiosk.store.opening import Opened
from kiosk.store.pointer import Installed, Pointer
from kiosk.store.store import Store

_log = logging.getLogger(__name__)

UNUSABLE = (CatalogError, ModelError, EmbeddingError)
"""What opening a release fails with when the release is to blame."""


class Answering:
    """One thread swaps; `stop` may come from another."""

    def __init__(
        self,
        store: Store,
        slot: SnapshotSlot,
        *,
        open_release: Callable[[Path], Opened],
        on_swap: Callable[[Opened], None],
        on_swapped: Callable[[], None],
    ) -> None:
        """`on_swap` comes just before a release answers, `on_swapped` just after."""
        self.installed: Installed | None = None
        """What was swapped in."""
        self._store = store
        self._slot = slot
        self._open = open_release
        self._on_swap = on_swap
        self._on_swapped = on_swapped
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """From here on nothing is swapped in any more."""
        self._stopped.set()

    def swap(self, installed: Installed) -> None:
        """Let it answer. Raises one of UNUSABLE; then what answered before goes on."""
        opened = self._open(self._store.release(installed))
        if self.stopped:
            opened.snapshot.close()
            return
        self._on_swap(opened)
        self._slot.swap(opened.snapshot)
        self.installed = installed
        self._on_swapped()
        _log.info("catalog: release %s is current", installed.release)

    def stand_in(self, pointer: Pointer, reason: str) -> str:
        """What answers goes on, else the release before does; gives the reason."""
        if self.installed is None and pointer.previous is not None:
            try:
                self.swap(pointer.previous)
            except UNUSABLE as error:
                return f"{reason}. The release before cannot be used either: {error}"
        return reason
