# SPDX-License-Identifier: Apache-2.0
"""Rows that people made here, such as refusals: in memory, and in a file beside the journal.

Rules: memory is what counts, so that a tap takes effect whatever the disk does and waits for none;
`beat` writes, and tries again what could not be written; `keep` waits for that, for as long as its
caller says, who holds no lock; another process may undo a row and is heard within a beat.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Generic

from kiosk.errors import StateError
from kiosk.refusals.rows import R
from kiosk.refusals.table import Kind
from kiosk.sqlite_file import Place, Replaced, explain, is_damage, move_aside, settle

log = logging.getLogger(__name__)

RETRY_S = 10.0


class MemoryRows(Generic[R]):
    """Keeps rows until the process ends: where nothing may be written."""

    def __init__(self, kind: Kind[R]) -> None:
        self._lock = threading.RLock()
        self._rows: dict[str, R] = {}
        self._kind = kind
        self._dropped = 0

    def start(self) -> None:
        """Nothing to start."""

    def rows(self) -> tuple[R, ...]:
        """All that are kept, oldest first, undone ones too."""
        with self._lock:
            return _in_order(self._rows.values())

    def put(self, rows: Iterable[R]) -> None:
        """Keep these, in the place of those with their ids; returns at once."""
        with self._lock:
            self._rows |= self._merged(rows)
            self._make_room()

    def beat(self) -> bool:
        """Call about once a second; may wait for the disk. True when what holds has changed."""
        return False

    def keep(self, timeout_s: float) -> None:
        """Wait until the disk has what was put, or says that it takes nothing; at most that long.

        Nobody else waits for that: rows are read and put meanwhile.
        """

    def trouble(self) -> str:
        """What is wrong with the disk, in words; empty when all is kept."""
        return ""

    def remarks(self) -> str:
        """What else a technician should know; or empty."""
        with self._lock:
            if not self._dropped:
                return ""
            most = self._kind.most_held
            return f"The {self._dropped} oldest were dropped: {most} are kept at most."

    def close(self) -> None:
        """Nothing to close."""

    def _merged(self, rows: Iterable[R]) -> dict[str, R]:
        """By id; what is undone stays undone, whoever had an older state of it in hand."""
        return {row.row_id: self._still_undone(row) for row in rows}

    def _still_undone(self, row: R) -> R:
        mine = self._rows.get(row.row_id)
        undone = mine is not None and not mine.holds and row.holds
        return self._kind.undone(row, mine.undone_at) if mine is not None and undone else row

    def _make_room(self) -> set[str]:
        """Drop what is too much, oldest first; the ids of these."""
        kind = self._kind
        held = [row for row in _in_order(self._rows.values()) if row.holds]
        undone = [row for row in _in_order(self._rows.values()) if not row.holds]
        extra = held[: max(0, len(held) - kind.most_held)]
        if extra:
            log.warning(
                "%d %s dropped: %d are kept at most", len(extra), kind.table.name, kind.most_held
            )
        self._dropped += len(extra)
        gone = {row.row_id for row in extra}
        gone |= {row.row_id for row in undone[: max(0, len(undone) - kind.most_undone)]}
        for row_id in gone:
            del self._rows[row_id]
        return gone


class FileRows(MemoryRows[R]):
    """The same, kept in an SQLite file as well. `start` it once; `beat` and `close` write."""

    def __init__(self, kind: Kind[R], path: Path, retry_s: float = RETRY_S) -> None:
        super().__init__(kind)
        self._path = path
        self._retry_s = retry_s
        self._disk = threading.Lock()
        """Held while the disk is asked; never while rows are only read or put."""
        self._connection: sqlite3.Connection | None = None
        self._place: Place | None = None
        self._seen = 0
        self._news = False
        """What holds has changed since the last beat, and not by a put."""
        self._next_try_s = 0.0
        # All below goes with the rows, under their lock.
        self._unwritten: set[str] = set()
        self._removed: set[str] = set()
        self._trouble = ""
        self._aside = ""
        self._damaged = 0

    def start(self) -> None:
        """Read what is kept. A disk that cannot be used shows in `trouble`."""
        with self._disk:
            self._attempt()
            if self._trouble:
                self._glance()

    def put(self, rows: Iterable[R]) -> None:
        """Counts at once; the next `beat` writes it."""
        with self._lock:
            put = self._merged(rows)
            self._rows |= put
            self._unwritten |= set(put)
            self._forget(self._make_room())

    def beat(self) -> bool:
        with self._disk:
            self._write()
            news, self._news = self._news, False
            return news

    def keep(self, timeout_s: float) -> None:
        # In a thread of its own: no call to a disk can be told to come back in time.
        writer = threading.Thread(target=self._keep, args=(timeout_s,), name="keep", daemon=True)
        writer.start()
        writer.join(timeout_s)

    def _keep(self, timeout_s: float) -> None:
        if self._disk.acquire(timeout=timeout_s):
            try:
                self._write()
            finally:
                self._disk.release()

    def _write(self) -> None:
        if self._connection is None and time.monotonic() < self._next_try_s:
            return
        before = self._holding()
        self._attempt()
        self._news |= before != self._holding()

    def trouble(self) -> str:
        with self._lock:
            return self._trouble

    def remarks(self) -> str:
        with self._lock:
            said = [super().remarks()]
            if self._aside:
                said.append(f"A damaged file was kept as {self._aside}.")
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
            return {row_id for row_id, row in self._rows.items() if row.holds}

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
            with closing(self._kind.table.open_for_reading(self._path)) as connection:
                self._read(connection)
        except (sqlite3.Error, StateError) as error:  # said already, as what keeps it from writing
            log.info("%s: cannot be read either: %s", self._path, error)

    def _exchange(self) -> None:
        table = self._kind.table
        if self._connection is None:
            self._connection = table.open_for_writing(self._path)
            self._place = Place(
                self._path, f"{self._path} was removed or replaced: it is begun again."
            )
            self._read(self._connection)
        elif self._place is not None:
            self._place.check()
        with self._lock:
            rows = [self._rows[row_id] for row_id in sorted(self._unwritten)]
            removed = set(self._removed)
        if rows or removed:
            table.write(self._connection, rows, sorted(removed))
            with self._lock:
                same = {row.row_id for row in rows if self._rows.get(row.row_id) is row}
                self._rows |= {row_id: self._kind.written(self._rows[row_id]) for row_id in same}
                self._unwritten -= same
                self._removed -= removed
        if table.data_version(self._connection) != self._seen:
            self._read(self._connection)

    def _read(self, connection: sqlite3.Connection) -> None:
        """What the disk has counts, but for what it does not have yet."""
        self._seen = self._kind.table.data_version(connection)
        rows, damaged = self._kind.table.load(connection)
        with self._lock:
            self._damaged = damaged
            mine = {row_id: self._rows[row_id] for row_id in self._unwritten}
            for row in rows:
                if row.row_id in mine and row.undone_at:
                    mine[row.row_id] = self._kind.undone(mine[row.row_id], row.undone_at)
            kept = {row.row_id: row for row in rows if row.row_id not in self._removed}
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
            aside = move_aside(self._path).name
            log.error("the %s were damaged (%s): kept as %s", self._kind.table.name, error, aside)
            with self._lock:
                self._aside = aside

    def _disconnect(self) -> None:
        connection, self._connection, self._place = self._connection, None, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                log.debug("closing the %s: %s", self._kind.table.name, error)

    def _say(self, trouble: str) -> None:
        with self._lock:
            before, self._trouble = self._trouble, trouble
        if trouble and not before:
            log.error("%s are kept in memory: %s", self._kind.table.name, trouble)
        elif before and not trouble:
            log.info("%s can be written again", self._kind.table.name)


def _in_order(rows: Iterable[R]) -> tuple[R, ...]:
    return tuple(sorted(rows, key=lambda row: (row.at, row.row_id)))
