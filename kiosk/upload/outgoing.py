# SPDX-License-Identifier: Apache-2.0
"""What the journal holds that a taker has not got yet. The journal itself is the buffer.

The mark of what was taken lies in the journal, so that it goes where the journal goes, and a sweep
for want of space knows in one transaction what it loses.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kiosk.errors import JournalMissing, StateError
from kiosk.event import MAX_BATCH_BYTES, MOST_EVENTS, Event, of_dropped, of_entry
from kiosk.journal import outbox
from kiosk.journal.database import open_for_writing
from kiosk.journal.entries import COLUMNS, as_dict
from kiosk.sqlite_file import explain

_NEXT = f"SELECT id, {', '.join(COLUMNS)} FROM entries WHERE id > ? ORDER BY id LIMIT ?"


class Outgoing:
    """The entries of one journal for one taker. Use `Outgoing.open`."""

    def __init__(self, connection: sqlite3.Connection, kiosk: str, taker: str) -> None:
        self._connection = connection
        self._kiosk = kiosk
        self._taker = taker

    @classmethod
    @contextmanager
    def open(cls, journal: Path, kiosk: str, taker: str = outbox.OFFICE) -> Iterator[Outgoing]:
        """Beside a running kiosk or without one. Raises JournalMissing, StateError."""
        if not journal.is_file():
            raise JournalMissing(
                f"there is no journal at {journal}: start the kiosk once, or name its state "
                "directory"
            )
        try:
            with closing(open_for_writing(journal)) as connection:
                yield cls(connection, kiosk, taker)
        except (sqlite3.Error, OSError) as error:
            raise StateError(explain(error, journal)) from error

    def batch(self) -> list[tuple[int, Event]]:
        """The oldest events that were not taken, with the ids of their entries; empty: none."""
        found: list[tuple[int, Event]] = []
        size = 0
        for row in self._connection.execute(_NEXT, (self._sent(), MOST_EVENTS)):
            found.append((row[0], of_entry(self._kiosk, _readable(row))))
            size += len(row[-1])
            if size >= MAX_BATCH_BYTES:
                break
        return found

    def lost(self) -> Event | None:
        """What had to be forgotten before it could be sent; None: nothing."""
        counts = dict(self._connection.execute("SELECT kind, entries FROM dropped"))
        newest = self._connection.execute("SELECT max(at) FROM entries").fetchone()[0]
        return of_dropped(self._kiosk, counts, newest or "") if counts else None

    def mark(self, up_to: int) -> None:
        """Everything up to this entry was taken. Durable when it returns."""
        outbox.confirm(self._connection, self._taker, up_to)

    def owe(self, entry: int, message: str) -> None:
        """What belongs to an entry is too large for the taker: it is owed. Durable."""
        outbox.owe(self._connection, self._taker, entry, message)

    def owed(self) -> list[tuple[int, Event]]:
        """Entries whose parcels are owed, and were not tried for `outbox.AGAIN`."""
        found = []
        for number in outbox.owed(self._connection, self._taker):
            row = self._connection.execute(_NEXT, (number - 1, 1)).fetchone()
            if row is not None and row[0] == number:
                found.append((number, of_entry(self._kiosk, _readable(row))))
            else:
                self.paid(number)  # the entry was swept: nothing tells any more what belonged to it
        return found

    def paid(self, entry: int) -> None:
        """Nothing is owed for this entry any more."""
        outbox.paid(self._connection, self._taker, entry)

    def parcels(self) -> int:
        """How many are owed."""
        return outbox.debts(self._connection, self._taker)[0]

    def stopped(self, *, held: bool, code: str, message: str) -> None:
        """Note what stopped a pass, for whoever looks; the same as before writes nothing."""
        outbox.stopped(self._connection, self._taker, held=held, code=code, message=message)

    def left(self) -> int:
        """Entries that still wait."""
        connection = self._connection
        return outbox.count(connection, self._sent(), outbox.newest(connection))

    def _sent(self) -> int:
        return outbox.marked(self._connection, self._taker)


def _readable(row: tuple[int | str | None, ...]) -> dict[str, object]:
    """An entry whose evidence was damaged on the disk is sent without it, and says so."""
    number, values = int(str(row[0])), list(row[1:])
    try:
        entry = as_dict(number, values)
        if isinstance(entry["evidence"], dict):
            return entry
    except ValueError:
        pass
    return as_dict(number, [*values[:-1], json.dumps({"damaged": str(values[-1])[:1000]})])
