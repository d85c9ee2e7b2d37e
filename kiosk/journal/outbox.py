# SPDX-License-Identifier: Apache-2.0
"""How far the journal is at head office: read from it, beside the kiosk that writes it and the pass
that sends it. What a pass notes for that is written when it changes, and not else.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kiosk.errors import JournalMissing
from kiosk.journal.entries import instant
from kiosk.journal.reader import opened
from kiosk.sqlite_file import transaction
from kiosk.stamp import stamp
from kiosk.values.sending import Sending

OFFICE = "office"
"""The taker that `kiosk upload` sends to."""
AGAIN = timedelta(hours=6)
"""A parcel that was too large is sent for nothing no more often: the line may be slow, or dear."""
_FEW = 2_000
_COUNT = "SELECT count(*) FROM entries WHERE id > ? AND id <= ?"
_COUNT_MANY = "SELECT count(*) FROM entries WHERE +id > ? AND +id <= ?"
_OLDEST = "SELECT at FROM entries WHERE id > ? ORDER BY id LIMIT 1"
_TOLD = "SELECT confirmed, held, code, message, since FROM told WHERE taker = ?"
_MARK = (
    "INSERT INTO sent VALUES(?, ?) ON CONFLICT (taker) DO UPDATE SET up_to = excluded.up_to "
    "WHERE excluded.up_to > up_to"
)
_OWED = "SELECT entry, message, tried FROM owed WHERE taker = ? ORDER BY tried, entry"
_OWE = "INSERT OR REPLACE INTO owed VALUES(?, ?, ?, ?)"
_TELL = "INSERT OR REPLACE INTO told VALUES(?, ?, ?, ?, ?, ?)"


def count(connection: sqlite3.Connection, after: int, up_to: int) -> int:
    """Entries with ids beyond `after`, up to `up_to`."""
    # Many are counted in an index: the entries themselves would be read from the card.
    statement = _COUNT if up_to - after < _FEW else _COUNT_MANY
    return int(connection.execute(statement, (after, up_to)).fetchone()[0])


def marked(connection: sqlite3.Connection, taker: str) -> int:
    """The entry up to which `taker` has everything for good; 0: none."""
    row = connection.execute("SELECT up_to FROM sent WHERE taker = ?", (taker,)).fetchone()
    return int(row[0]) if row else 0


def newest(connection: sqlite3.Connection) -> int:
    """The id of the newest entry; 0: there is none."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()[0])


def confirm(connection: sqlite3.Connection, taker: str, up_to: int) -> None:
    """`taker` has everything up to this entry; what stopped a pass before is over. Durable when it
    returns. Raises sqlite3.Error.
    """
    with transaction(connection):
        connection.execute(_MARK, (taker, up_to))
        connection.execute(_TELL, (taker, instant(datetime.now(UTC)), False, "", "", ""))


def stopped(
    connection: sqlite3.Connection, taker: str, *, held: bool, code: str, message: str
) -> None:
    """What stopped a pass. The same as before writes nothing. Raises sqlite3.Error."""
    row = connection.execute(_TOLD, (taker,)).fetchone()
    if row is not None and (bool(row[1]), row[2], row[3]) == (held, code, message):
        return
    same = row is not None and row[2] == code
    since = row[4] if same else instant(datetime.now(UTC))
    connection.execute(_TELL, (taker, row[0] if row else "", held, code, message, since))


def owe(connection: sqlite3.Connection, taker: str, entry: int, message: str) -> None:
    """What belongs to an entry, such as pictures, was too large for `taker`. Raises
    sqlite3.Error.
    """
    now = instant(datetime.now(UTC))
    connection.execute(
        "INSERT OR REPLACE INTO owed VALUES(?, ?, ?, ?)", (taker, entry, message, now)
    )


def owed(connection: sqlite3.Connection, taker: str) -> list[int]:
    """Entries whose parcels are owed and were not tried for `AGAIN`, the longest untried first."""
    now = datetime.now(UTC)
    lately, latest = instant(now - AGAIN), instant(now)
    rows = connection.execute(_OWED, (taker,)).fetchall()
    return [entry for entry, _, tried in rows if not lately < tried <= latest]


def paid(connection: sqlite3.Connection, taker: str, entry: int) -> None:
    """Nothing is owed for this entry any more. Raises sqlite3.Error."""
    connection.execute("DELETE FROM owed WHERE taker = ? AND entry = ?", (taker, entry))


def debts(connection: sqlite3.Connection, taker: str) -> tuple[int, str]:
    """How many parcels are owed, and what was said to the last of them."""
    rows = connection.execute(_OWED, (taker,)).fetchall()
    return len(rows), rows[-1][1] if rows else ""


class Outbox:
    """Look at it as often as you like: what has not changed is not read again."""

    def __init__(self, path: Path, taker: str = OFFICE) -> None:
        self._path = path
        self._taker = taker
        self._stamp: object = None
        self._known = (0, 0, 0)
        """Mark, newest entry and number of lost ones, as of the last look."""
        self._sending = Sending()

    def look(self) -> Sending:
        """Raises StateError when the journal cannot be read; one that is not there is empty."""
        seen = tuple(map(stamp, (self._path, self._path.with_name(f"{self._path.name}-wal"))))
        if seen == self._stamp:
            return self._sending
        try:
            with opened(self._path, copied=False) as connection:
                self._sending = self._read(connection)
        except JournalMissing:
            self._known, self._sending = (0, 0, 0), Sending()
        self._stamp = seen
        return self._sending

    def _read(self, connection: sqlite3.Connection) -> Sending:
        connection.execute("BEGIN")  # one picture of it, whoever writes meanwhile
        mark, top = marked(connection, self._taker), newest(connection)
        lost = int(
            connection.execute("SELECT coalesce(sum(entries), 0) FROM dropped").fetchone()[0]
        )
        told = connection.execute(_TOLD, (self._taker,)).fetchone()
        confirmed, held, code, message, since = told or ("", False, "", "", "")
        parcels, reason = debts(connection, self._taker)
        oldest = connection.execute(_OLDEST, (mark,)).fetchone()
        return Sending(
            waiting=self._waiting(connection, mark, top, lost),
            oldest=oldest[0] if oldest else "",
            confirmed=confirmed,
            held=bool(held),
            code=code,
            message=message,
            since=since,
            lost=lost,
            parcels=parcels,
            parcels_message=reason,
        )

    def _waiting(self, connection: sqlite3.Connection, mark: int, top: int, lost: int) -> int:
        """Only what came since is counted, unless some of what was counted has gone."""
        before, reached, gone = self._known
        self._known = mark, top, lost
        if (mark, lost) == (before, gone) and top >= reached >= mark:
            return self._sending.waiting + count(connection, reached, top)
        return count(connection, mark, top)
