# SPDX-License-Identifier: Apache-2.0
"""The one place where refusals are made, undone and listed; looks are held against them at once.

The journal is told of each, also of what another process undid and of what a kill kept from it.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from kiosk.errors import RefusalError
from kiosk.refusals.overlay import Refusals
from kiosk.refusals.refusal import Refusal, Status, refused
from kiosk.refusals.rows import now
from kiosk.refusals.store import Store
from kiosk.refusals.telling import CLOSING_S, Telling
from kiosk.values import Decision, Note, Notebook

log = logging.getLogger(__name__)


class Unrecorded:
    """A journal that keeps nothing."""

    def note(self, note: Note) -> None:
        """Nothing is kept."""

    def flush(self, timeout_s: float) -> bool:
        return True


class RefusalDesk:
    """Safe to use from several threads. `start` it once; call `beat` about once a second: only
    `start`, `beat` and `close` wait for the disk.
    """

    def __init__(self, store: Store, refusals: Refusals, journal: Notebook) -> None:
        """`refusals`: what the recogniser holds looks against; it is kept up to date here."""
        self._lock = threading.Lock()
        self._store = store
        self._refusals = refusals
        self._telling = Telling(
            store, journal, note_of=Refusal.note, marked=lambda row: replace(row, noted=row.kind)
        )

    def start(self) -> None:
        """Read what was refused before. Never raises for the disk's sake: see `status`."""
        self._store.start()
        with self._lock:
            self._changed()

    def refuse(self, decision: Decision, sku: str = "") -> Refusal:
        """A person says that the item is not `sku`, or not the SKU the decision named first.

        The same refusal twice is one. Raises RefusalError when the decision does not name it, or
        kept nothing of what was seen.
        """
        refusal = refused(decision, sku)
        with self._lock:
            for other in self._store.rows():
                same = (other.decision_id, other.sku) == (refusal.decision_id, refusal.sku)
                if same and other.holds:
                    return other
            self._put(refusal)
        return refusal

    def refuses(self, decision: Decision, sku: str = "") -> bool:
        """As `refuse`; False where there is nothing that can be refused."""
        try:
            self.refuse(decision, sku)
        except RefusalError as error:
            log.warning("not refused: %s", error)
            return False
        return True

    def undo(self, refusal_id: str) -> bool:
        """It holds no more. False when there is no such refusal, or not any more."""
        with self._lock:
            for refusal in self._store.rows():
                if refusal.refusal_id == refusal_id and refusal.holds:
                    self._put(replace(refusal, undone_at=now()))
                    return True
        return False

    def follow(self, embedder: str, dimension: int) -> None:
        """Looks are taken with this embedder from now on: what was refused with it counts."""
        with self._lock:
            self._refusals.follow(embedder, dimension)
            self._changed()

    def listed(self) -> tuple[Refusal, ...]:
        """Those that hold, the newest first."""
        return tuple(refusal for refusal in reversed(self._store.rows()) if refusal.holds)

    def beat(self) -> bool:
        """Write what is new; hear what another process undid. True when the list has changed by
        that.
        """
        self._telling.settle()
        changed = self._store.beat()
        if changed:
            with self._lock:
                self._changed()
        return changed

    def status(self) -> Status:
        """For the board; cheap."""
        held = self.listed()
        unused = sum(not self._refusals.usable(refusal) for refusal in held)
        trouble = self._store.trouble()
        said = [trouble, self._store.remarks()]
        if trouble and held:
            said.insert(1, "Until then what was refused holds until the kiosk stops.")
        if unused:
            said.append(f"{unused} were made with another embedder and are not used.")
        return Status(not trouble, " ".join(filter(None, said)), len(held), unused)

    def close(self) -> None:
        """Write what still waits, if the disk lets us."""
        self._telling.settle(CLOSING_S)
        self._store.close()

    def _put(self, refusal: Refusal) -> None:
        self._store.put([refusal])
        self._changed()

    def _changed(self) -> None:
        """Looks are held against what holds now, and the journal is told what it does not know."""
        self._refusals.swap(self._store.rows())
        self._telling.tell()
