# SPDX-License-Identifier: Apache-2.0
"""Where refusals are kept: in memory, and in a file beside the journal.

Rules: memory is what counts, so that a tap takes effect whatever the disk does and waits for none;
`beat` writes, and tries again what could not be written; another process may undo a refusal and is
heard within a beat.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from kiosk.errors import StateError
from kiosk.refusals import database
from kiosk.refusals.refusal import Refusal
from kiosk.sqlite_file import Place, Replaced, explain, is_damage, move_aside, settle

log = logging.getLogger(__name__)

REFUSALS_FILE = "refusals.sqlite"
"""Its name in the state directory."""
MOST_HELD = 500
"""Refusals that hold; a kiosk that collects more has a catalog to be mended."""
MOST_UNDONE = 100
_RETRY_S = 10.0


class Store(Protocol):
    """What keeps refusals. Safe to use from several threads; nothing raises for the disk's sake."""

    def start(self) -> None: ...

    def rows(self) -> tuple[Refusal, ...]:
        """All that are kept, oldest first, undone ones too."""

    def put(self, refusals: Iterable[Refusal]) -> None:
        """Keep these, in the place of those with their ids; returns at once.

        The oldest make room.
        """

    def beat(self) -> bool:
        """Call about once a second; may wait for the disk. True when what holds has changed."""

    def trouble(self) -> str:
        """What is wrong with the disk, in words; empty when all is kept."""

    def remarks(self) -> str:
        """What else a technician should know; or empty."""

    def close(self) -> None: ...


class MemoryStore:
    """Keeps refusals until the process ends: where nothing may be written."""

    def __init__(self, most: int = MOST_HELD) -> None:
        self._lock = threading.RLock()
        self._rows: dict[str, Refusal] = {}
        self._most = most
        self._dropped = 0

    def start(self) -> None:
        """Nothing to start."""

    def rows(self) -> tuple[Refusal, ...]:
        with self._lock:
            return _in_order(self._rows.values())

    def put(self, refusals: Iterable[Refusal]) -> None:
        with self._lock:
            self._rows |= {refusal.refusal_id: refusal for refusal in refusals}
            self._make_room()

    def beat(self) -> bool:
        return False

    def trouble(self) -> str:
        return ""

    def remarks(self) -> str:
        with self._lock:
            if not self._dropped:
                return ""
            return f"The {self._dropped} oldest were dropped: {self._most} are kept at most."

    def close(self) -> None:
        """Nothing to close."""

    def _make_room(self) -> set[str]:
        """Drop what is too much, oldest first; the ids of these."""
        held = [refusal for refusal in _in_order(self._rows.values()) if refusal.holds]
        undone = [refusal for refusal in _in_order(self._rows.values()) if not refusal.holds]
        extra = held[: max(0, len(held) - self._most)]
        if extra:
            log.warning("%d refusals dropped: %d are kept at most", len(extra), self._most)
        self._dropped += len(extra)
        gone = {refusal.refusal_id for refusal in extra}
        gone |= {refusal.refusal_id for refusal in undone[: max(0, len(undone) - MOST_UNDONE)]}
        for refusal_id in gone:
            del self._rows[refusal_id]
        return gone


class RefusalStore(MemoryStore):
    """The same, kept in an SQLite file as well. `start` it once; `beat` and `close` write."""

    def __init__(self, path: Path, most: int = MOST_HELD, retry_s: float = _RETRY_S) -> None:
        super().__init__(most)
        self._path = path
        self._retry_s = retry_s
        self._disk = threading.Lock()
        """Held while the disk is asked; never while rows are only read or put."""
        self._connection: sqlite3.Connection | None = None
        self._place: Place | None = None
        self._seen = 0
        self._next_try_s = 0.0
        # All below goes with the rows, under their lock.
        self._unwritten: set[str] = set()
        self._removed: set[str] = set()
        self._trouble = ""
        self._kept = ""
        self._damaged = 0

    def start(self) -> None:
        """Read what is kept. A disk that cannot be used shows in `trouble`."""
        with self._disk:
            self._attempt()
            if self._trouble:
                self._glance()

    def put(self, refusals: Iterable[Refusal]) -> None:
        """Counts at once; the next `beat` writes it."""
        with self._lock:
            put = {refusal.refusal_id: refusal for refusal in refusals}
            self._rows |= put
            self._unwritten |= set(put)
            self._forget(self._make_room())

    def beat(self) -> bool:
        with self._disk:
            if self._connection is None and time.monotonic() < self._next_try_s:
                return False
            before = self._holding()
            self._attempt()
            return before != self._holding()

    def trouble(self) -> str:
        with self._lock:
            return self._trouble

    def remarks(self) -> str:
        with self._lock:
            said = [super().remarks()]
            if self._kept:
                said.append(f"A damaged file was kept as {self._kept}.")
            if self._damaged:
                said.append(f"{self._damaged} are damaged on disk and not used.")
            return " ".join(filter(None, said))

    def close(self) -> None:
        """Write what waits, if the disk lets us."""
        with self._disk:
            if self._connection is not None:
                self._attempt()
            self._disconnect()

    def _holding(self) -> set[str]:
        with self._lock:
            return {refusal_id for refusal_id, row in self._rows.items() if row.holds}

    def _forget(self, gone: set[str]) -> None:
        self._unwritten -= gone
        self._removed |= gone

    def _attempt(self) -> None:
        """Bring memory and disk together, whichever has the newer part."""
        self._next_try_s = time.monotonic() + self._retry_s
        try:
            try:
                self._exchange()
            except (sqlite3.Error, Replaced) as error:
                if isinstance(error, sqlite3.Error) and not is_damage(error):
                    raise
                self._begin_again(error)
                self._exchange()
        except (sqlite3.Error, OSError, StateError) as error:
            self._disconnect()
            self._say(explain(error, self._path))
        else:
            self._say("")

    def _glance(self) -> None:
        """What a file that cannot be written holds counts all the same."""
        try:
            with closing(database.open_for_reading(self._path)) as connection:
                self._read(connection)
        except (sqlite3.Error, StateError) as error:  # said already, as what keeps it from writing
            log.info("%s: cannot be read either: %s", self._path, error)

    def _exchange(self) -> None:
        if self._connection is None:
            self._connection = database.open_for_writing(self._path)
            self._place = Place(
                self._path, f"{self._path} was removed or replaced: it is begun again."
            )
            self._read(self._connection)
        elif self._place is not None:
            self._place.check()
        with self._lock:
            rows = [self._rows[refusal_id] for refusal_id in sorted(self._unwritten)]
            removed = set(self._removed)
        if rows or removed:
            database.write(self._connection, rows, sorted(removed))
            with self._lock:
                same = {row.refusal_id for row in rows if self._rows.get(row.refusal_id) is row}
                self._unwritten -= same
                self._removed -= removed
        if database.data_version(self._connection) != self._seen:
            self._read(self._connection)

    def _read(self, connection: sqlite3.Connection) -> None:
        """What the disk has counts, but for what it does not have yet."""
        self._seen = database.data_version(connection)
        rows, damaged = database.load(connection)
        with self._lock:
            self._damaged = damaged
            mine = {refusal_id: self._rows[refusal_id] for refusal_id in self._unwritten}
            for row in rows:
                if row.refusal_id in mine and row.undone_at:
                    mine[row.refusal_id] = replace(mine[row.refusal_id], undone_at=row.undone_at)
            kept = {row.refusal_id: row for row in rows if row.refusal_id not in self._removed}
            self._rows = kept | mine
            self._forget(self._make_room())

    def _begin_again(self, error: Exception) -> None:
        """The file is damaged or gone: a new one gets everything that is in memory."""
        if isinstance(error, Replaced) and self._connection is not None:
            settle(self._connection)
        self._disconnect()
        with self._lock:
            self._unwritten = set(self._rows)
        if not isinstance(error, Replaced):
            kept = move_aside(self._path).name
            log.error("the refusals were damaged (%s): kept as %s", error, kept)
            with self._lock:
                self._kept = kept

    def _disconnect(self) -> None:
        connection, self._connection, self._place = self._connection, None, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                log.debug("closing the refusals: %s", error)

    def _say(self, trouble: str) -> None:
        with self._lock:
            before, self._trouble = self._trouble, trouble
        if trouble and not before:
            log.error("refusals are kept in memory: %s", trouble)
        elif before and not trouble:
            log.info("refusals can be written again")


def _in_order(rows: Iterable[Refusal]) -> tuple[Refusal, ...]:
    return tuple(sorted(rows, key=lambda row: (row.at, row.refusal_id)))
