# SPDX-License-Identifier: Apache-2.0
"""The SQLite file of rows that people made here, such as refusals: a row each, opened as
`kiosk.sqlite_file` has it.

Rules: what is undone stays undone, whoever writes an older state of it; all of a change is written
or nothing; the write-ahead log is emptied into the file after every write, so that a copy of the
one file is a copy of all rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from kiosk import sqlite_file
from kiosk.refusals.rows import R

LENGTH_TOLERANCE = 0.02
"""How far from 1 the length of a stored vector may be."""


def _nothing(connection: sqlite3.Connection, rows: Sequence[Any]) -> None:
    """Nothing lies in other tables."""


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """Functions raise sqlite3.Error; those that open also StateError and OSError."""

    name: str
    """Such as "refusals": of the table, and of what is in it."""
    version: int
    schema: str
    """Makes it, with `id`, `at` and `undone_at`, and sets user_version to `version`."""
    columns: tuple[str, ...]
    later: tuple[str, ...]
    """Columns that may change while a row holds and after."""
    stored: Callable[[R], tuple[Any, ...]]
    """A row as its columns."""
    made: Callable[[Mapping[str, Any]], R]
    """A row from its columns by name. Raises TypeError, ValueError or KeyError when something has
    damaged them: a vector that is none must match nothing."""
    undoing: tuple[str, ...] = ()
    """Columns that are settled with `undone_at`."""
    beside: Callable[[sqlite3.Connection, Sequence[R]], None] = _nothing
    """Writes what rows have in other tables and removes what nobody has, within the transaction."""

    def open_for_writing(self, path: Path) -> sqlite3.Connection:
        """Made when it is missing; see `kiosk.sqlite_file`."""
        return sqlite_file.open_for_writing(path, self.name, self.version, self.schema)

    def open_for_reading(self, path: Path) -> sqlite3.Connection:
        """Also from a card that cannot be written; see `kiosk.sqlite_file`."""
        return sqlite_file.open_for_reading(path, self.name, self.version)

    def load(self, connection: sqlite3.Connection) -> tuple[list[R], int]:
        """All rows, oldest first, and how many more cannot be used."""
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            return [], 0
        query = f"SELECT {', '.join(self.columns)} FROM {self.name} ORDER BY at, id"
        rows = connection.execute(query).fetchall()
        found = [row for row in map(self._made, rows) if row is not None]
        return found, len(rows) - len(found)

    def write(
        self, connection: sqlite3.Connection, rows: Iterable[R], removed: Iterable[str]
    ) -> None:
        """Put these rows in and take those out, all or none."""
        rows = tuple(rows)
        with sqlite_file.transaction(connection):
            connection.executemany(self._upsert(), [self.stored(row) for row in rows])
            gone = [(row_id,) for row_id in removed]
            connection.executemany(f"DELETE FROM {self.name} WHERE id = ?", gone)
            self.beside(connection, rows)
        sqlite_file.settle(connection)

    def data_version(self, connection: sqlite3.Connection) -> int:
        """Differs once another process has written."""
        return sqlite_file.data_version(connection)

    def _made(self, row: tuple[Any, ...]) -> R | None:
        try:
            return self.made(dict(zip(self.columns, row, strict=True)))
        except (TypeError, ValueError, KeyError):
            return None

    def _upsert(self) -> str:
        places = ", ".join("?" for _ in self.columns)
        changes = [f"{column} = excluded.{column}" for column in self.later]
        # Another process may have undone it meanwhile.
        changes += [
            f"{column} = CASE undone_at WHEN '' THEN excluded.{column} ELSE {column} END"
            for column in (*self.undoing, "undone_at")
        ]
        return (
            f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({places}) "
            f"ON CONFLICT (id) DO UPDATE SET {', '.join(changes)}"
        )


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """What sort of rows `kiosk.refusals.kept` keeps."""

    table: Table[R]
    undone: Callable[[R, str], R]
    """The row, undone at a time."""
    most_held: int
    """Rows that hold; the oldest make room."""
    most_undone: int
    written: Callable[[R], R] = lambda row: row
    """What stays in memory of a row that is on the disk."""
