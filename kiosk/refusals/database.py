# SPDX-License-Identifier: Apache-2.0
"""The refusals' SQLite file: one row each, opened durable, refused when newer.

WAL with synchronous=FULL: what was committed survives a power cut. The log is emptied into the file
after every write, so that a copy of the one file is a copy of all refusals.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kiosk.durable import sync
from kiosk.errors import StateError
from kiosk.refusals.refusal import Refusal, halves
from kiosk.vision.packed import pack, unpack

SCHEMA_VERSION = 1
_SCHEMA = f"""
CREATE TABLE refusals (
    id TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    at TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    visit_id TEXT NOT NULL,
    release TEXT NOT NULL,
    embedder TEXT NOT NULL,
    embedding BLOB NOT NULL,
    similarity REAL NOT NULL,
    features BLOB NOT NULL,
    method TEXT NOT NULL,
    undone_at TEXT NOT NULL,
    noted TEXT NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA_VERSION};
"""
_COLUMNS = (
    *("id", "sku", "at", "decision_id", "visit_id", "release", "embedder", "embedding"),
    *("similarity", "features", "method", "undone_at", "noted"),
)
# Another process may have undone it meanwhile: what is undone stays undone.
_UPSERT = (
    f"INSERT INTO refusals ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)}) "
    "ON CONFLICT (id) DO UPDATE SET noted = excluded.noted, undone_at = CASE undone_at "
    "WHEN '' THEN excluded.undone_at ELSE undone_at END"
)
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LENGTH_TOLERANCE = 0.02
_WAIT_S = 2.0
"""For another process that writes to the file."""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The database, made when it is missing. Autocommit mode: transactions are explicit.

    Raises sqlite3.Error, OSError, or StateError when a newer kiosk wrote it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        version = _checked_version(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            sync(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """The database as it is, also from a card that cannot be written. Raises as for writing."""
    for how in ("mode=ro", "immutable=1"):  # WAL needs a writable folder even to read
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_WAIT_S)
        try:
            _checked_version(connection, path)
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


def load(connection: sqlite3.Connection) -> tuple[list[Refusal], int]:
    """All rows, oldest first, and how many more cannot be used. Raises sqlite3.Error."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        return [], 0
    query = f"SELECT {', '.join(_COLUMNS)} FROM refusals ORDER BY at, id"
    rows = connection.execute(query).fetchall()
    found = [refusal for refusal in map(_refusal, rows) if refusal is not None]
    return found, len(rows) - len(found)


def write(
    connection: sqlite3.Connection, refusals: Iterable[Refusal], removed: Iterable[str]
) -> None:
    """Put these rows in and take those out, all or none. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(_UPSERT, [_row(refusal) for refusal in refusals])
        connection.executemany("DELETE FROM refusals WHERE id = ?", [(id_,) for id_ in removed])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    settle(connection)


def settle(connection: sqlite3.Connection) -> None:
    """Empty the write-ahead log into the file: left full, it would be replayed into another one of
    that name. Raises sqlite3.Error.
    """
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def data_version(connection: sqlite3.Connection) -> int:
    """Differs once another process has written. Raises sqlite3.Error."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def is_damage(error: Exception) -> bool:
    """The file's contents are wrong: trying again cannot help."""
    return _code(error) in _DAMAGED


def explain(error: Exception, path: Path) -> str:
    """Plain words for why nothing can be written, and what to do."""
    if isinstance(error, StateError):
        return str(error)
    if _code(error) == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in (28, 122):
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


def _code(error: Exception) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else -1


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise StateError(
            f"{path} was written by a newer kiosk (refusals version {version}, this one knows "
            f"{SCHEMA_VERSION}): install that version again, or move the file away."
        )
    return version


def _row(refusal: Refusal) -> tuple[Any, ...]:
    features = b"" if refusal.features is None else pack(refusal.features)
    return (
        *(refusal.refusal_id, _plain(refusal.sku), refusal.at),
        *(_plain(refusal.decision_id), _plain(refusal.visit_id), _plain(refusal.release)),
        *(refusal.embedder, halves(refusal.embedding), float(refusal.similarity), features),
        *(refusal.method, refusal.undone_at, refusal.noted),
    )


def _plain(text: str) -> str:
    """Lone surrogates (from a badly decoded file name) cannot be stored: they become "?"."""
    return text.encode("utf-8", "replace").decode()


def _refusal(row: tuple[Any, ...]) -> Refusal | None:
    """None for a row that something has damaged: a vector that is none must mark nothing."""
    values = dict(zip(_COLUMNS, row, strict=True))
    try:
        embedding = np.frombuffer(values["embedding"], "<f2").astype(np.float32)
        features = unpack(values["features"])
        similarity = float(values["similarity"])
    except (TypeError, ValueError):
        return None
    length = float(np.linalg.norm(embedding))
    if not abs(length - 1) <= _LENGTH_TOLERANCE or not -1.1 <= similarity <= 1.1:
        return None  # NaN fails this too
    values |= {"refusal_id": values.pop("id"), "embedding": embedding, "similarity": similarity}
    return Refusal(**values | {"features": features[0] if features else None})
