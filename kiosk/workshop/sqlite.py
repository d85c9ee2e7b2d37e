# SPDX-License-Identifier: Apache-2.0
"""`workshop.sqlite`: a workshop in one file. Several processes may use it at once.

WAL with synchronous=FULL, as `kiosk.sqlite_file` has it, with one difference: a damaged file is
never moved aside. It is somebody's work, so it is refused, and the message says what to do.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from kiosk.durable import sync
from kiosk.errors import BusyError, KioskError, StateError, WorkshopError
from kiosk.sqlite_file import Place, checked_version, explain, is_damage, make_durable
from kiosk.workshop.database import VERSION, Row, Session, T, tables

WORKSHOP_FILE = "workshop.sqlite"
_BUSY_TIMEOUT_S = 60.0
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def create(path: Path) -> None:
    """Make the file, or finish one whose making was cut short; one that is whole stays.

    Raises StateError when the disk refuses, WorkshopError when it is something else.
    """
    with _explained(path), closing(_connect(path)) as connection:
        make_durable(connection)
        connection.execute("BEGIN IMMEDIATE")
        if checked_version(connection, path, "workshop", VERSION) == 0:
            types = {"big": "INTEGER", "real": "REAL", "text": "TEXT"}
            types |= {"identity": "INTEGER PRIMARY KEY AUTOINCREMENT", "ordered": " WITHOUT ROWID"}
            for statement in tables(**types):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
        sync(path.parent)


class SqliteDatabase:
    """A `Database` in one file, for one thread."""

    def __init__(self, path: Path, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        """Open what `create` made; wait for other writers for so long at a time.

        Raises WorkshopError, StateError when a newer kiosk wrote it.
        """
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        if not path.is_file():
            raise WorkshopError(
                f"{path}: is missing; restore it from a backup, or name another workshop"
            )
        self._connection: sqlite3.Connection | None = None
        self._place: Place | None = None
        with closing(self._open_for_reading()):
            pass

    def write(self, work: Callable[[Session], T]) -> T:
        with _explained(self._path):
            connection = self._writing()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(_Session(connection, self._path))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with closing(self._open_for_reading()) as connection:
            with _explained(self._path):
                connection.execute("BEGIN")
            yield _Session(connection, self._path)

    def close(self) -> None:
        if self._connection is not None:
            with _explained(self._path):
                self._connection.close()
        self._connection = None

    def _writing(self) -> sqlite3.Connection:
        """The connection that writes, opened when the first change comes: reading needs none."""
        if self._connection is None or self._place is None:
            connection = _connect(self._path, self._busy_timeout_s)
            try:
                _check_version(connection, self._path)
                make_durable(connection)
                connection.execute("PRAGMA journal_size_limit = 67108864")
                self._place = Place(
                    self._path,
                    f"{self._path}: was removed or replaced meanwhile; nothing of this batch was "
                    "stored; open the workshop again",
                )
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        self._place.check()
        return self._connection

    def _open_for_reading(self) -> sqlite3.Connection:
        """A connection that cannot write; the file may lie where nothing can be."""
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        log = self._path.with_name(self._path.name + "-wal")
        if not os.access(self._path.parent, os.W_OK) and not log.exists():
            uri += "&immutable=1"  # readers of a write-ahead log have to write beside it
        with _explained(self._path):
            connection = sqlite3.connect(
                uri, uri=True, timeout=self._busy_timeout_s, isolation_level=None
            )
            try:
                _check_version(connection, self._path)
            except BaseException:
                connection.close()
                raise
            return connection


class _Session:
    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def rows(self, statement: str, *values: Any) -> list[Row]:  # noqa: ANN401 - SQL is untyped
        with _explained(self._path):
            return self._connection.execute(statement, values).fetchall()

    def many(self, statement: str, rows: Iterable[Row]) -> None:
        with _explained(self._path):
            self._connection.executemany(statement, rows)

    def stream(self, statement: str, *values: Any) -> Iterator[Row]:  # noqa: ANN401
        with _explained(self._path):
            # Not `yield from`: ended early, it would close a cursor whose database is closed.
            for row in self._connection.execute(statement, values):  # noqa: UP028
                yield row

    def ensure(self, table: str, columns: str) -> None:
        with _explained(self._path):
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")


def _connect(path: Path, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None)


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    if checked_version(connection, path, "workshop", VERSION) == 0:
        raise WorkshopError(
            f"{path}: its making was cut short; run `kiosk catalog init {path.parent}` again"
        )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what SQLite and the disk say into words for people."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _in_words(error, path) from error


def _in_words(error: Exception, path: Path) -> KioskError:
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int) and code & 0xFF in _BUSY:
        return BusyError(
            f"{path}: another process goes on writing to this workshop; let it finish and try again"
        )
    if is_damage(error) or (code is None and "decode" in str(error)):  # a text that is none
        return WorkshopError(
            f"{path}: is damaged ({error}). It is your work, so it is left as it is: restore it "
            "from a backup, or copy it and get out what can be read with `sqlite3 COPY .recover`"
        )
    return StateError(explain(error, path))
