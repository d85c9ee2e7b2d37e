# SPDX-License-Identifier: Apache-2.0
"""The one thread that writes orders to the disk, and only then lets anybody see them.

Rules: whoever hands in a job never waits for the disk; jobs are written in the order they came; a
job leaves the queue only when it is committed. While the disk refuses, what is in memory is shown
with the reason, and writing is tried again for ever.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kiosk.errors import StateError
from kiosk.orders import database, result
from kiosk.orders.values import Checked, Count, Order, Signed
from kiosk.sqlite_file import is_damage, move_aside
from kiosk.values import Notebook

_log = logging.getLogger(__name__)

KEEP_DAYS = 400
"""Closed orders are kept that long; their results stay in the journal as long as that keeps."""
RETRY_S = 1.0
NOTE_S = 2.0
"""How long a signed result may take into the journal before it is noted again at the next start."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One change to write, and what readers shall see once it is on the disk."""

    order: Order | None
    """None: nothing to write, only to show."""
    counts: tuple[Count, ...] = ()
    """Those that changed."""
    signed: Signed | None = None
    lines: bool = True
    """Its list is new or changed."""
    shown: Order | None = None
    """The order that is open after it."""
    last: Checked | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Keeper:
    """Owns the connection. `start` once; `close` writes what still waits."""

    def __init__(
        self,
        path: Path,
        *,
        notes: Notebook,
        loaded: Callable[[list[Order]], None],
        everything: Callable[[], list[Order]],
        show: Callable[[Job, str], None],
        retry_s: float = RETRY_S,
    ) -> None:
        """`loaded` gets the orders that are not closed, once; `everything` gives those in
        memory, for a file begun anew; `show` gets each job when it is written, or the newest one
        while it cannot be, with the reason. All are called in the thread."""
        self._path = path
        self._notes = notes
        self._loaded = loaded
        self._everything = everything
        self._show = show
        self._retry_s = retry_s
        self._changed = threading.Condition()
        self._queue: deque[Job] = deque()
        self._tried = threading.Event()
        self._closing = False
        self._trouble = ""
        self._kept = ""
        self._known = False
        self._anew = False
        self._file = 0
        self._connection: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._run, name="orders", daemon=True)

    def start(self, timeout_s: float = 5.0) -> None:
        """Begin; returns when the orders are loaded, or cannot be for now."""
        self._thread.start()
        self._tried.wait(timeout_s)

    def submit(self, job: Job) -> None:
        """Write it, after those before it. Returns at once."""
        with self._changed:
            self._queue.append(job)
            self._changed.notify_all()

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits, if the disk lets us within `timeout_s`, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._queue:
            _log.error("%d changes of orders are not on the disk", len(self._queue))

    def _run(self) -> None:
        while True:
            try:
                connection = self._connection or self._open()
                if not self._queue:  # else it is well once it is written
                    self._say("")
                self._tried.set()
                job = self._next()
                if job is None:
                    break
                if job.order is not None:
                    self._refuse_replaced()
                    database.write(connection, job.order, job.counts, job.signed, lines=job.lines)
                with self._changed:
                    self._queue.popleft()
                self._say("")
                self._show(job, self._kept)
                job.done.set()
                if job.signed is not None:
                    self._note(connection, job.signed)
            except (sqlite3.Error, OSError, StateError) as error:
                self._recover(error)
                self._tried.set()
                if self._gave_up():
                    break
        self._disconnect()

    def _next(self) -> Job | None:
        """The oldest job; None when the thread shall end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            return self._queue[0] if self._queue else None

    def _open(self) -> sqlite3.Connection:
        connection = database.open_for_writing(self._path)
        try:
            for signed in database.unnoted(connection):
                self._note(connection, signed)
            database.forget(connection, KEEP_DAYS)
            for order, closing in self._in_memory() if self._anew else ():
                database.write(connection, order, order.counts, closing)
            orders = database.unclosed(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._anew = connection, False
        self._file = self._path.stat().st_ino
        if not self._known:
            self._known = True
            self._loaded(orders)
        return connection

    def _in_memory(self) -> list[tuple[Order, Signed | None]]:
        """Everything a file begun anew must hold: an order whose closing waits here is found
        nowhere else."""
        found: dict[str, tuple[Order, Signed | None]] = {}
        for order in self._everything():
            found[order.order_id] = order, None
        with self._changed:
            for job in self._queue:
                if job.order is not None:
                    found[job.order.order_id] = job.order, job.signed
        return list(found.values())

    def _refuse_replaced(self) -> None:
        """SQLite goes on writing to a file that has lost its name: nothing of it would be found.

        Raises StateError, and the file is begun again with what is in memory.
        """
        if self._path.exists() and self._file == self._path.stat().st_ino:
            return
        self._anew = True
        raise StateError(f"{self._path} was removed or replaced while the kiosk ran")

    def _note(self, connection: sqlite3.Connection, signed: Signed) -> None:
        if not result.unchanged(signed):
            _log.error("the result of order %s was altered: the journal is not told", signed.number)
            return
        self._notes.note(result.note(signed))
        if self._notes.flush(NOTE_S):
            database.noted(connection, signed.order_id)

    def _recover(self, error: Exception) -> None:
        self._disconnect()
        reason = (
            str(error).removesuffix(".")
            if isinstance(error, StateError)
            else f"{self._path}: {error}"
        )
        if is_damage(error):
            try:
                self._kept = _DAMAGED.format(name=move_aside(self._path).name)
            except OSError as failure:
                reason = f"{self._path}: {failure}"
            else:
                self._anew = True
                _log.error("the orders were damaged (%s): %s", error, self._kept)
                return
        self._say(_TROUBLE.format(reason=reason))
        with self._changed:
            self._changed.wait_for(lambda: self._closing, self._retry_s)

    def _gave_up(self) -> bool:
        with self._changed:
            return self._closing

    def _say(self, trouble: str) -> None:
        before, self._trouble = self._trouble, trouble
        if trouble and not before:
            _log.error("%s", trouble)
        elif before and not trouble:
            _log.info("orders can be written again")
        with self._changed:
            newest = self._queue[-1] if self._queue else None
        if trouble and newest is not None:
            self._show(newest, trouble)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                _log.debug("closing the orders: %s", error)


_TROUBLE = "Counts are not saved yet: {reason}. Free space, or make the disk writable."
_DAMAGED = "The orders on the disk were damaged: kept as {name}, a new file was begun."
