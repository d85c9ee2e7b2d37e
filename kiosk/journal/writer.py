# SPDX-License-Identifier: Apache-2.0
"""Writing the journal: a bounded queue in memory and one thread that commits it in batches.

Rules: the recording side never blocks and never raises; an entry leaves the queue only when it is
committed (or, oldest first and counted, when the queue overflows); trouble with the disk is said
once, kept in the status, and tried again for ever.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from datetime import timedelta
from pathlib import Path

from kiosk.errors import StateError
from kiosk.journal.database import REPLACED, open_for_writing
from kiosk.journal.entries import COLUMNS, Entry, of_confirmation, of_decision, of_note
from kiosk.journal.looks import LOOK_COLUMNS
from kiosk.journal.recent import Recent
from kiosk.journal.recorder import Status
from kiosk.journal.sweep import sweep, sweep_space
from kiosk.journal.waiting import CAPACITY, MAX_BYTES, Waiting
from kiosk.sqlite_file import Place, Replaced, explain, is_damage, move_aside, settle
from kiosk.values import Clock, Decision, Note

log = logging.getLogger(__name__)

_BATCH = 500
_BATCH_BYTES = 4 * 1024 * 1024
_SWEEP_EVERY_S = 3600.0
_ASIDE_EVERY_S = 60.0
_INSERT, _INSERT_LOOK = (
    f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)}) "
    "ON CONFLICT DO NOTHING"
    for table, columns in (("entries", COLUMNS), ("looks", LOOK_COLUMNS))
)


class Journal:
    """The journal in an SQLite file. `start` it once; `close` writes what still waits."""

    def __init__(
        self,
        path: Path,
        *,
        commit_s: float,
        keep_days: int,
        keep_features_days: int = 30,
        keep_mb: int = 512,
        capacity: int = CAPACITY,
        max_bytes: int = MAX_BYTES,
        retry_s: float = 1.0,
    ) -> None:
        self._path = path
        self._commit_s = commit_s
        self._keep = timedelta(days=keep_days)
        self._keep_features = timedelta(days=keep_features_days)
        self._keep_bytes = keep_mb * 1_000_000
        self._retry_s = retry_s
        self._changed = threading.Condition()
        self._queue = Waiting(capacity, max_bytes)
        self._clock = Clock()
        self._written = 0
        self._entries = 0
        self._hurry = False
        self._closing = False
        self._started = False
        self._trouble = ""
        self._kept = ""
        self._replaced = False
        self._recent = Recent()
        self._connection: sqlite3.Connection | None = None
        self._place: Place | None = None
        self._next_sweep_s = 0.0
        self._next_aside_s = 0.0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Begin writing. Returns at once: a disk that cannot be written shows in `status`."""
        self._started = True
        self._thread.start()

    def decision(self, decision: Decision) -> None:
        entry = of_decision(decision, features=bool(self._keep_features))
        with self._changed:
            self._recent.add(decision)
            self._append(entry)

    def confirmation(self, decision_id: str, sku: str) -> bool:
        with self._changed:
            decision = self._recent.offering(decision_id, sku)
            if decision is None:
                return False
            self._append(of_confirmation(decision, sku, self._clock.now()))
            return True

    def note(self, note: Note) -> None:
        with self._changed:
            self._append(of_note(note, self._clock.now()))

    def flush(self, timeout_s: float) -> bool:
        with self._changed:
            target = self._queue.recorded
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._written >= target, timeout_s)
            return self._written >= target

    def status(self) -> Status:
        with self._changed:
            message = self._trouble or "Every decision is written."
            if self._started and not self._thread.is_alive() and not self._closing:
                return Status(False, "The journal has stopped: restart the kiosk.", 0, 0)
            if self._trouble and self._queue:
                message += f" {len(self._queue)} entries wait in memory."
            if self._queue.dropped:
                message += f" {self._queue.dropped} entries were lost for want of space."
            if self._queue.thinned:
                message += f" {self._queue.thinned} lost what only a replay needs."
            if self._replaced and not self._trouble:
                message += f" {REPLACED}"
            if self._kept:
                message += f" A damaged journal was kept as {self._kept}."
            return Status(not self._trouble, message, self._entries, len(self._queue))

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits, if the disk lets us within `timeout_s`, and end the thread."""
        if not self._started:
            return
        self.flush(timeout_s)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if self._queue:
            log.error("the journal ends with %d entries unwritten", len(self._queue))

    def _append(self, entry: Entry) -> None:
        self._queue.append(entry)
        self._changed.notify_all()

    def _run(self) -> None:
        while not self._closing:
            try:
                connection = self._connection = self._connection or self._open()
                batch = self._wait_for_batch()
                if batch:
                    self._commit(connection, batch)
                self._sweep(connection)
            except (sqlite3.Error, OSError, StateError) as error:
                self._recover(error)
            else:
                self._say("")
        self._disconnect()

    def _open(self) -> sqlite3.Connection:
        connection = open_for_writing(self._path)
        try:
            self._place = Place(
                self._path, f"{REPLACED} {self._path} is begun again with what is in memory."
            )
            entries = int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])
        except BaseException:
            connection.close()
            raise
        with self._changed:
            self._entries = entries
        return connection

    def _full_batch(self) -> bool:
        return len(self._queue) >= _BATCH or self._queue.bytes >= _BATCH_BYTES

    def _wait_for_batch(self) -> list[tuple[int, Entry]]:
        """The oldest entries, `commit_s` after the first came or at once when hurried."""
        with self._changed:
            if self._changed.wait_for(lambda: self._queue or self._closing, _SWEEP_EVERY_S):
                self._changed.wait_for(
                    lambda: self._hurry or self._closing or self._full_batch(),
                    0 if self._trouble else self._commit_s,
                )
            return self._queue.oldest(_BATCH, _BATCH_BYTES)

    def _commit(self, connection: sqlite3.Connection, batch: list[tuple[int, Entry]]) -> None:
        self._check_place()
        connection.execute("BEGIN IMMEDIATE")
        before = connection.total_changes
        connection.executemany(_INSERT, [entry.row() for _, entry in batch])
        added = connection.total_changes - before
        looks = (look.row() for _, entry in batch for look in entry.looks)
        connection.executemany(_INSERT_LOOK, looks)
        connection.execute("COMMIT")
        self._check_place()  # else the batch went with a file that has lost its name: write it anew
        with self._changed:
            self._written = batch[-1][0]
            self._queue.written(self._written)
            self._hurry = self._hurry and bool(self._queue)
            self._entries += added
            self._changed.notify_all()

    def _check_place(self) -> None:
        if self._place is not None:
            self._place.check()

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Forget what is too old or too much, about once an hour."""
        if time.monotonic() < self._next_sweep_s:
            return
        deleted = sweep(connection, self._keep, self._keep_features)
        deleted += sweep_space(connection, self._keep_bytes)
        with self._changed:
            self._entries -= deleted
        self._next_sweep_s = time.monotonic() + _SWEEP_EVERY_S

    def _recover(self, error: Exception) -> None:
        if isinstance(error, Replaced):
            self._replaced = True
            self._settle()
        self._disconnect()
        trouble = explain(error, self._path)
        if is_damage(error) and time.monotonic() >= self._next_aside_s:
            self._next_aside_s = time.monotonic() + _ASIDE_EVERY_S
            try:
                kept = move_aside(self._path)
            except OSError as failure:
                trouble = explain(failure, self._path)
            else:
                log.error("the journal was damaged (%s): kept as %s, a new one begun", error, kept)
                self._kept = kept.name
                return
        self._say(trouble)
        with self._changed:
            # A flush asks for one try right now.
            self._changed.wait_for(lambda: self._closing or self._hurry, self._retry_s)
            self._hurry = False

    def _say(self, trouble: str) -> None:
        with self._changed:
            before, self._trouble = self._trouble, trouble
            self._changed.notify_all()
        if trouble and not before:
            log.error("the journal keeps its entries in memory: %s", trouble)
        elif before and not trouble:
            log.info("the journal can be written again")

    def _settle(self) -> None:
        if self._connection is not None:
            try:
                settle(self._connection)
            except sqlite3.Error as error:
                log.warning("the journal that was removed keeps a part in its log: %s", error)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                log.debug("closing the journal: %s", error)
