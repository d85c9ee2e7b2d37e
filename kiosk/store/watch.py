# SPDX-License-Identifier: Apache-2.0
"""The running kiosk and its store: what the pointer names is tried, swapped in, and believed once
it has answered for a while.

Rule: what fails is put away by itself, and the journal hears of everything that changed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kiosk.announcement import Gate
from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.stamp import stamp
from kiosk.store.answering import UNUSABLE, Answering
from kiosk.store.entries import Entries
from kiosk.store.opening import Opened
from kiosk.store.pointer import Installed, Phase, Pointer
from kiosk.store.store import Store
from kiosk.store.trial import Trial
from kiosk.values import Decision, Notebook, Record

_log = logging.getLogger(__name__)

RETRY_S = 30.0
MOST_ATTEMPTS = 4


class StoreWatch:
    """Call `look` about once a second, from one thread. `decided` may come from another."""

    def __init__(
        self,
        store: Store,
        slot: SnapshotSlot,
        journal: Notebook,
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
        self._entries = Entries(journal)
        self._test = test
        self._on_change = on_change
        self._clock_s = clock_s
        self._trial = Trial(store, self._entries, clock_s)
        self._answering = Answering(
            store,
            slot,
            open_release=open_release,
            on_swap=on_swap,
            on_swapped=self._trial.answers,
        )
        self._stamp: object = ()
        self._heard: object = ()
        self._pointer = Pointer()
        self._retry_at_s: float | None = None
        self._trouble = ""

    @property
    def active(self) -> bool:
        """There is a release in the store to answer from."""
        if self._stamp == stamp(self._store.path):
            return self._pointer.current is not None
        try:
            return self._store.pointer().current is not None
        except OSError:  # `look` says it
            return True

    def hear(self) -> None:
        """In place of `look` while something else answers: only tell of what was put away."""
        seen = stamp(self._store.path)
        if seen == self._heard:
            return
        self._heard = seen
        try:
            self._note_quarantined(self._store.pointer())
        except OSError as error:
            _log.warning("the store cannot be used: %s", error)

    def look(self) -> None:
        """Follow the pointer when it has changed; see how the trial goes."""
        seen = stamp(self._store.path)
        again = self._retry_at_s is not None and self._clock_s() >= self._retry_at_s
        if seen == self._stamp and not again:
            self._prove()
            return
        # What is changed on the way, by us or a sync pass, is seen at the next look.
        self._stamp = seen
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
        self._trial.decided()

    def confirmed(self, decision: Decision, sku: str) -> None:
        """Says nothing of a release."""

    def stop(self) -> None:
        """The kiosk stops in order: that is no failed start. Nothing is swapped any more."""
        self._answering.stop()
        self._trial.stop()

    def _follow(self) -> str:
        """Answer from what the pointer names; gives why that is not so, or empty."""
        trouble = ""
        for _ in range(MOST_ATTEMPTS):
            self._pointer = pointer = self._store.pointer()
            self._note_quarantined(pointer)
            current = pointer.current
            if current is None:
                return trouble or _NOTHING
            answers = self._answering.installed
            if answers is not None and current.release == answers.release:
                return ""
            trouble = self._attempt(pointer, current)
            if not trouble or self._answering.stopped or self._store.pointer() == pointer:
                return trouble
        return trouble

    def _attempt(self, pointer: Pointer, current: Installed) -> str:
        """Try the current release, and swap it in; gives what is wrong, said to the store too."""
        if pointer.phase is Phase.GOOD:
            try:
                self._answering.swap(current)
            except UNUSABLE as error:
                return self._damaged(pointer, current, str(error))
            return ""
        if self._answering.installed is None and pointer.previous is not None:
            # Nobody waits for a test.
            self._on_change(pointer, self._answering.stand_in(pointer, ""))
        counted = self._count(pointer, current)
        if counted:
            return counted
        try:
            # The pass that brought it has tested it a moment ago; later starts trust nobody.
            first = pointer.tested and pointer.tries == 0
            fault = "" if first else self._test(self._store.release(current), pointer.gate)
        except OSError:  # there is no room for another process: not the release's fault
            self._trial.uncount(current)
            raise
        if self._answering.stopped:
            return "the kiosk stops"
        if not fault:
            try:
                self._answering.swap(current)
            except UNUSABLE as error:
                fault = str(error)
        if fault:
            _log.error("catalog: release %s is put away: %s", current.release, fault)
            self._trial.failed(current, fault)
        return fault

    def _count(self, pointer: Pointer, current: Installed) -> str:
        """Count the start of a release on trial; gives why it must not be opened, or empty."""
        try:
            return self._trial.begin(current)
        except OSError as error:
            reason = _DISK.format(reason=error.strerror or error)
            if self._answering.installed is not None or pointer.previous is not None:
                return self._answering.stand_in(pointer, reason)
            _log.error("catalog: %s", reason)
            return ""  # nothing else could answer

    def _damaged(self, pointer: Pointer, current: Installed, reason: str) -> str:
        if not pointer.damaged:
            self._entries.damaged(current, reason)
            try:
                self._store.damaged(current.release, reason)
            except OSError as error:
                _log.warning("the store cannot be written: %s", error)
        return self._answering.stand_in(pointer, f"{reason} (the next sync puts it right)")

    def _prove(self) -> None:
        """The trial is over when the release has answered long and often enough."""
        current = self._pointer.current
        if current is not None and current == self._answering.installed:
            self._pointer = self._trial.proven(self._pointer, current) or self._pointer

    def _note_quarantined(self, pointer: Pointer) -> None:
        noted = self._entries.put_away(pointer)
        if noted:
            try:
                self._store.noted([each.manifest for each in noted])
            except OSError as error:  # what answers does not wait for that
                _log.warning("the store cannot be written: %s", error)


_DISK = (
    "the store of releases cannot be used ({reason}): free space or fix the permissions of the "
    "state directory"
)
_NOTHING = "no release of the store can be used: ask for a new one with `kiosk sync`"
