# SPDX-License-Identifier: Apache-2.0
"""The running kiosk and its store: what the pointer names is tried, opened beside the one before,
swapped in between two frames, and believed once it has answered for a while.

Rule: something that answers is given up only for something that does. What fails is put away by
itself, and the journal hears of everything that changed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from kiosk.announcement import Gate
from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.errors import CatalogError, EmbeddingError, ModelError
from kiosk.store.opening import Opened
from kiosk.store.pointer import Installed, Phase, Pointer
from kiosk.store.store import Store
from kiosk.values import Decision, Record

_log = logging.getLogger(__name__)

RETRY_S = 30.0
ACTIVATED, GOOD, QUARANTINED, DAMAGED = (
    "release-activated",
    "release-good",
    "release-quarantined",
    "release-damaged",
)
"""Kinds of journal entries."""
FLUSH_S = 2.0
MOST_ATTEMPTS = 4
_UNUSABLE = (CatalogError, ModelError, EmbeddingError)


class Recorder(Protocol):
    """What this needs of a journal."""

    def note(self, kind: str, body: Mapping[str, Any]) -> None: ...

    def flush(self, timeout_s: float) -> bool:
        """Whether all that was noted is on the disk."""


class StoreWatch:
    """Call `look` about once a second, from one thread. `decided` may come from another."""

    def __init__(
        self,
        store: Store,
        slot: SnapshotSlot,
        journal: Recorder,
        *,
        test: Callable[[Path, Gate], str],
        open_release: Callable[[Path], Opened],
        on_swap: Callable[[Opened], None],
        on_change: Callable[[Pointer, str], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`test`: why a release folder must not answer, or empty; `on_swap` comes just before a
        release answers; `on_change(pointer, trouble or "")` hears of every change after it.
        """
        self._store = store
        self._slot = slot
        self._journal = journal
        self._test = test
        self._open = open_release
        self._on_swap = on_swap
        self._on_change = on_change
        self._clock_s = clock_s
        self._stopped = threading.Event()
        self._stamp: object = ()
        self._heard: object = ()
        self._pointer = Pointer()
        self._answers: Installed | None = None
        """What was swapped in."""
        self._counted = ""
        """The release whose start was counted and has not ended."""
        self._since_s = 0.0
        self._decisions = 0
        self._retry_at_s: float | None = None
        self._trouble = ""

    @property
    def active(self) -> bool:
        """There is a release in the store to answer from."""
        if self._stamp == _stamp(self._store.path):
            return self._pointer.current is not None
        try:
            return self._store.pointer().current is not None
        except OSError:  # `look` says it
            return True

    def hear(self) -> None:
        """In place of `look` while something else answers: only tell of what was put away."""
        stamp = _stamp(self._store.path)
        if stamp == self._heard:
            return
        self._heard = stamp
        try:
            self._note_quarantined(self._store.pointer())
        except OSError as error:
            _log.warning("the store cannot be used: %s", error)

    def look(self) -> None:
        """Follow the pointer when it has changed; see how the trial goes."""
        stamp = _stamp(self._store.path)
        again = self._retry_at_s is not None and self._clock_s() >= self._retry_at_s
        if stamp == self._stamp and not again:
            self._prove()
            return
        # What is changed on the way, by us or a sync pass, is seen at the next look.
        self._stamp = stamp
        try:
            trouble = self._follow()
        except OSError as error:
            trouble = _DISK.format(reason=error.strerror or error)
        self._retry_at_s = self._clock_s() + RETRY_S if trouble else None
        if trouble and trouble != self._trouble:
            _log.error("catalog: %s", trouble)
        self._trouble = trouble
        self._on_change(self._pointer, trouble)

    def decided(self, decision: Decision, records: Sequence[Record]) -> None:
        """The release that answers has answered once more."""
        self._decisions += 1

    def confirmed(self, decision: Decision, sku: str) -> None:
        """Says nothing of a release."""

    def stop(self) -> None:
        """The kiosk stops in order: that is no failed start. Nothing is swapped any more."""
        self._stopped.set()
        if self._counted:
            try:
                self._store.ended(self._counted)
            except OSError as error:
                _log.warning("the store cannot be written: %s", error)
            self._counted = ""

    def _follow(self) -> str:
        """Answer from what the pointer names; gives why that is not so, or empty."""
        trouble = ""
        for _ in range(MOST_ATTEMPTS):
            self._pointer = pointer = self._store.pointer()
            self._note_quarantined(pointer)
            current = pointer.current
            if current is None:
                return trouble or _NOTHING
            if self._answers is not None and current.release == self._answers.release:
                return ""
            trouble = self._attempt(pointer, current)
            if not trouble or self._stopped.is_set() or self._store.pointer() == pointer:
                return trouble
        return trouble

    def _attempt(self, pointer: Pointer, current: Installed) -> str:
        """Try the current release, and swap it in; gives what is wrong, said to the store too."""
        path = self._store.release(current)
        if pointer.phase is Phase.GOOD:
            try:
                self._swap(self._open(path), current)
            except _UNUSABLE as error:
                return self._damaged(pointer, current, str(error))
            return ""
        if self._answers is None and pointer.previous is not None:
            self._on_change(pointer, self._stand_in(pointer, ""))  # nobody waits for a test
        counted = self._count(pointer, current)
        if counted:
            return counted
        try:
            # The pass that brought it has tested it a moment ago; later starts trust nobody.
            first = pointer.tested and pointer.tries == 0
            fault = "" if first else self._test(path, pointer.gate)
        except OSError:  # there is no room for another process: not the release's fault
            self._counted = ""
            self._store.ended(current.release)
            raise
        if self._stopped.is_set():
            return "the kiosk stops"
        if not fault:
            try:
                self._swap(self._open(path), current)
            except _UNUSABLE as error:
                fault = str(error)
        if fault:
            _log.error("catalog: release %s is put away: %s", current.release, fault)
            self._store.failed(current.release, fault)
            self._counted = ""
        return fault

    def _count(self, pointer: Pointer, current: Installed) -> str:
        """Count the start of a release on trial; gives why it must not be opened, or empty."""
        try:
            started = self._store.started()
        except OSError as error:
            reason = _DISK.format(reason=error.strerror or error)
            if self._answers is not None or pointer.previous is not None:
                return self._stand_in(pointer, reason)
            _log.error("catalog: %s", reason)
            return ""  # nothing else could answer
        if started.current != current:
            return f"release {current.release} was put away"
        self._counted = current.release
        if started.tries == 1:
            self._journal.note(ACTIVATED, _facts(current, previous=_name(pointer.previous)))
        return ""

    def _damaged(self, pointer: Pointer, current: Installed, reason: str) -> str:
        if not pointer.damaged:
            self._journal.note(DAMAGED, _facts(current, reason=reason))
            try:
                self._store.damaged(current.release, reason)
            except OSError as error:
                _log.warning("the store cannot be written: %s", error)
        return self._stand_in(pointer, f"{reason} (the next sync puts it right)")

    def _stand_in(self, pointer: Pointer, reason: str) -> str:
        """What answers goes on, else the release before does; gives the reason."""
        if self._answers is None and pointer.previous is not None:
            try:
                self._swap(self._open(self._store.release(pointer.previous)), pointer.previous)
            except _UNUSABLE as error:
                return f"{reason}. The release before cannot be used either: {error}"
        return reason

    def _swap(self, opened: Opened, installed: Installed) -> None:
        if self._stopped.is_set():
            opened.snapshot.close()
            return
        self._on_swap(opened)
        self._slot.swap(opened.snapshot)
        self._answers = installed
        self._since_s, self._decisions = self._clock_s(), 0
        _log.info("catalog: release %s is current", installed.release)

    def _prove(self) -> None:
        """The trial is over when the release has answered long and often enough."""
        pointer, current = self._pointer, self._pointer.current
        if pointer.phase is Phase.GOOD or current is None or current != self._answers:
            return
        waited_s = self._clock_s() - self._since_s
        gate = pointer.gate
        if waited_s < gate.good_after_s or self._decisions < gate.good_after_decisions:
            return
        try:
            self._pointer = self._store.good(current.release)
        except OSError as error:
            _log.warning("the store cannot be written: %s", error)
            self._since_s = self._clock_s()  # tried again after as long
            return
        self._counted = ""
        self._journal.note(GOOD, _facts(current, decisions=self._decisions))

    def _note_quarantined(self, pointer: Pointer) -> None:
        news = [each for each in pointer.quarantined if not each.noted]
        for each in news:
            now = _name(pointer.current)
            self._journal.note(QUARANTINED, {**asdict(each), "answers": now})
        if news and self._journal.flush(FLUSH_S):
            self._store.noted([each.manifest for each in news])


_DISK = (
    "the store of releases cannot be used ({reason}): free space or fix the permissions of the "
    "state directory"
)
_NOTHING = "no release of the store can be used: ask for a new one with `kiosk sync`"


def _facts(current: Installed, **more: object) -> dict[str, object]:
    return {"release": current.release, "seq": current.seq, **more}


def _name(installed: Installed | None) -> str:
    return installed.release if installed else ""


def _stamp(path: Path) -> object:
    """What changes whenever the pointer does."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
