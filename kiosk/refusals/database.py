# SPDX-License-Identifier: Apache-2.0
"""The refusals' SQLite file: one row each, opened as `kiosk.sqlite_file` has it.

The write-ahead log is emptied into the file after every write, so that a copy of the one file is a
copy of all refusals.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kiosk import sqlite_file
from kiosk.refusals.refusal import Refusal, halves
from kiosk.sqlite_file import data_version as data_version
from kiosk.sqlite_file import settle
from kiosk.vision.packed import pack, unpack

SCHEMA_VERSION = 1
_KIND = "refusals"
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
_LENGTH_TOLERANCE = 0.02


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Made when it is missing; see `kiosk.sqlite_file`."""
    return sqlite_file.open_for_writing(path, _KIND, SCHEMA_VERSION, _SCHEMA)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Also from a card that cannot be written; see `kiosk.sqlite_file`."""
    return sqlite_file.open_for_reading(path, _KIND, SCHEMA_VERSION)


def load(connection: sqlite3.Connection) -> tuple[list[Refusal], int]:
    """All rows, oldest first, and how many more cannot be used. Raises sqlite3.Error."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        return [], 0
    query = f"SELECT {', '.join(_COLUMNS)} FROM refusals ORDER BY at, id"
    rows = connection.execute(query).fetchall()
    found = [refusal for refusal in map(_refusal, rows) if refusal is not None]
    return found, len(rows) - len(found)


def write(connection: sqlite3.Connection, rows: Iterable[Refusal], removed: Iterable[str]) -> None:
    """Put these rows in and take those out, all or none. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(_UPSERT, [_row(refusal) for refusal in rows])
        connection.executemany("DELETE FROM refusals WHERE id = ?", [(id_,) for id_ in removed])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    settle(connection)


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
