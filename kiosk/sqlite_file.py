# SPDX-License-Identifier: Apache-2.0
"""An SQLite file in the state directory: opened durable, refused when newer, moved aside when
damaged, noticed when it loses its name.

WAL with synchronous=FULL: what was committed survives a power cut (WAL + NORMAL lost every event in
simulated cuts), and readers never wait for the writer. What is in a file is for its owner.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kiosk.durable import sync
from kiosk.errors import StateError

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL = {sqlite3.SQLITE_FULL}
_WAIT_S = 2.0
"""For another process that writes to the file."""


class Replaced(StateError):
    """The name of the open file means another file now, or none."""


class Place:
    """Which file a connection writes to: SQLite goes on writing to one that has lost its name."""

    def __init__(self, path: Path, replaced: str) -> None:
        """Note the file at `path`, just opened; `replaced` is what to say once that is another one.

        Raises OSError when there is none.
        """
        self._path = path
        self._replaced = replaced
        self._file = self._now()

    def check(self) -> None:
        """Raises Replaced when the name means another file by now, OSError when nobody can tell."""
        try:
            same = self._now() == self._file
        except (FileNotFoundError, NotADirectoryError):
            same = False
        if not same:
            raise Replaced(self._replaced)

    def _now(self) -> tuple[int, int]:
        status = self._path.stat()
        return status.st_dev, status.st_ino


def open_for_writing(path: Path, kind: str, version: int, schema: str) -> sqlite3.Connection:
    """The database, made by `schema` when it is missing. Autocommit: transactions are explicit.

    `schema` sets user_version to `version`; for `kind` see `checked_version`. Raises sqlite3.Error,
    OSError, or StateError when a newer kiosk wrote it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        found = checked_version(connection, path, kind, version)
        make_durable(connection)
        if found == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")
            sync(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path, kind: str, version: int) -> sqlite3.Connection:
    """The database as it is, also from a card that cannot be written. Raises as for writing."""
    for how in ("mode=ro", "immutable=1"):  # WAL needs a writable folder even to read
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_WAIT_S)
        try:
            checked_version(connection, path, kind, version)
        except sqlite3.OperationalError:
            connection.close()
            if how == "immutable=1":
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError("unreachable")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is executed in the block, or nothing. For connections in autocommit mode."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def data_version(connection: sqlite3.Connection) -> int:
    """Differs once another process has written. Raises sqlite3.Error."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def make_durable(connection: sqlite3.Connection) -> None:
    """What was committed is on the disk from now on. Raises sqlite3.Error."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def settle(connection: sqlite3.Connection) -> None:
    """Empty the write-ahead log into its own file: left full, it would be replayed into another one
    of that name. Raises sqlite3.Error.
    """
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def checked_version(connection: sqlite3.Connection, path: Path, kind: str, known: int) -> int:
    """The schema version, 0 for an empty file; `kind` is what the file holds, such as "orders".

    Raises StateError when it is newer than `known`, sqlite3.Error.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > known:
        raise StateError(
            f"{path} was written by a newer kiosk ({kind} version {version}, this one knows "
            f"{known}): install that version again, or move the file away."
        )
    return version


def is_damage(error: Exception) -> bool:
    """The file's contents are wrong: trying again cannot help."""
    return _primary_code(error) in _DAMAGED


def explain(error: Exception, path: Path) -> str:
    """Plain words for why nothing can be written, and what to do."""
    if isinstance(error, StateError):
        return str(error)
    if _primary_code(error) in _FULL or getattr(error, "errno", None) in (28, 122):
        return f"The disk is full: free space on the disk that holds {path}."
    return (
        f"{path} cannot be written ({error}): make the disk and the folder writable, "
        "or free space on it."
    )


def move_aside(path: Path) -> Path:
    """Rename a damaged database, keeping it for an expert. Returns its new path. Raises OSError."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    kept = path.with_name(f"{path.stem}.corrupt-{stamp}{path.suffix}")
    # The write-ahead log goes first: left beside a new database it would be replayed into it.
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + suffix))
    path.rename(kept)
    sync(path.parent)
    return kept


def _primary_code(error: Exception) -> int:
    """SQLite's primary result code of an error; -1 when it has none."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else -1
