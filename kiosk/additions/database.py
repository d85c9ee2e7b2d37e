# SPDX-License-Identifier: Apache-2.0
"""The additions' SQLite file: a row for each, and its pictures by sha256, opened as
`kiosk.sqlite_file` has it.

A row and its pictures are written in one transaction: an addition is there whole or not at all.
Pictures of what was undone are deleted with it. The write-ahead log is emptied into the file after
every write, so that a copy of the one file is a copy of all additions.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kiosk import sqlite_file
from kiosk.additions.values import AddedView, Addition
from kiosk.sqlite_file import data_version as data_version
from kiosk.sqlite_file import settle
from kiosk.values import Box, Record
from kiosk.vision.packed import pack, unpack

SCHEMA_VERSION = 1
_KIND = "additions"
_SCHEMA = f"""
CREATE TABLE additions (
    id TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    at TEXT NOT NULL,
    body TEXT NOT NULL,
    embedder TEXT NOT NULL,
    vectors BLOB NOT NULL,
    method TEXT NOT NULL,
    features BLOB NOT NULL,
    thumbnail BLOB NOT NULL,
    undone_at TEXT NOT NULL,
    noted TEXT NOT NULL,
    adopted INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE crops (
    addition TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    jpeg BLOB NOT NULL,
    PRIMARY KEY (addition, sha256)
);
PRAGMA user_version = {SCHEMA_VERSION};
"""
_COLUMNS = (
    *("id", "sku", "at", "body", "embedder", "vectors", "method", "features"),
    *("thumbnail", "undone_at", "noted", "adopted"),
)
# Another process may have undone it meanwhile: what is undone stays undone.
_UPSERT = (
    f"INSERT INTO additions ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)}) "
    "ON CONFLICT (id) DO UPDATE SET noted = excluded.noted, embedder = excluded.embedder, "
    "vectors = excluded.vectors, method = excluded.method, features = excluded.features, "
    "thumbnail = excluded.thumbnail, body = excluded.body, "
    "adopted = CASE undone_at WHEN '' THEN excluded.adopted ELSE adopted END, "
    "undone_at = CASE undone_at WHEN '' THEN excluded.undone_at ELSE undone_at END"
)
_NO_CROPS = "DELETE FROM crops WHERE addition IN (SELECT id FROM additions WHERE undone_at <> '')"
_ORPHANS = "DELETE FROM crops WHERE addition NOT IN (SELECT id FROM additions)"
_LENGTH_TOLERANCE = 0.02


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Made when it is missing; see `kiosk.sqlite_file`."""
    return sqlite_file.open_for_writing(path, _KIND, SCHEMA_VERSION, _SCHEMA)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Also from a card that cannot be written; see `kiosk.sqlite_file`."""
    return sqlite_file.open_for_reading(path, _KIND, SCHEMA_VERSION)


def load(connection: sqlite3.Connection) -> tuple[list[Addition], int]:
    """All rows without their pictures, oldest first, and how many more cannot be used.

    Raises sqlite3.Error.
    """
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        return [], 0
    query = f"SELECT {', '.join(_COLUMNS)} FROM additions ORDER BY at, id"
    rows = connection.execute(query).fetchall()
    found = [addition for addition in map(_addition, rows) if addition is not None]
    return found, len(rows) - len(found)


def write(connection: sqlite3.Connection, rows: Iterable[Addition], removed: Iterable[str]) -> None:
    """Put these rows in with their pictures and take those out, all or none.

    Raises sqlite3.Error.
    """
    rows = tuple(rows)
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(_UPSERT, [_row(addition) for addition in rows])
        connection.executemany(
            "INSERT OR IGNORE INTO crops VALUES (?, ?, ?)",
            [(row.addition_id, name, jpeg) for row in rows for name, jpeg in row.crops.items()],
        )
        connection.executemany("DELETE FROM additions WHERE id = ?", [(id_,) for id_ in removed])
        connection.execute(_NO_CROPS)
        connection.execute(_ORPHANS)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    settle(connection)


def crops(connection: sqlite3.Connection, addition_id: str) -> dict[str, bytes]:
    """The pictures of an addition by sha256. Raises sqlite3.Error."""
    query = "SELECT sha256, jpeg FROM crops WHERE addition = ?"
    return dict(connection.execute(query, (addition_id,)).fetchall())


def _row(addition: Addition) -> tuple[Any, ...]:
    record = addition.record
    body = {
        "name": record.name,
        "category": record.category,
        "barcodes": record.barcodes,
        "more": addition.more,
        "release": addition.release,
        "nearest": float(addition.nearest),
        "views": [
            {"sha256": view.sha256, "box": view.box.as_list(), "references": len(view.vectors)}
            for view in addition.views
        ],
    }
    vectors = b"".join(np.ascontiguousarray(v.vectors, "<f2").tobytes() for v in addition.views)
    found = [pack(view.features) for view in addition.views if view.features is not None]
    return (
        *(addition.addition_id, addition.sku, addition.at),
        *(json.dumps(body, separators=(",", ":")), addition.embedder, vectors),
        *(addition.method, b"".join(found) if len(found) == len(addition.views) else b""),
        *(addition.thumbnail, addition.undone_at, addition.noted, int(addition.adopted)),
    )


def _addition(row: tuple[Any, ...]) -> Addition | None:
    """None for a row that something has damaged: a vector that is none must match nothing."""
    values = dict(zip(_COLUMNS, row, strict=True))
    try:
        body = json.loads(values["body"])
        return Addition(
            addition_id=str(values["id"]),
            at=str(values["at"]),
            record=Record(
                str(values["sku"]),
                str(body["name"]),
                str(body["category"]),
                tuple(str(code) for code in body["barcodes"]),
            ),
            more=bool(body["more"]),
            release=str(body["release"]),
            embedder=str(values["embedder"]),
            method=str(values["method"]),
            views=_views(body["views"], values["vectors"], values["features"]),
            thumbnail=bytes(values["thumbnail"]),
            nearest=float(body["nearest"]),
            undone_at=str(values["undone_at"]),
            noted=str(values["noted"]),
            adopted=bool(values["adopted"]),
        )
    except (TypeError, ValueError, KeyError):
        return None


def _views(told: list[Any], vectors: bytes, features: bytes) -> tuple[AddedView, ...]:
    """Raises TypeError, ValueError or KeyError for what cannot be right."""
    counts = [int(each["references"]) for each in told]
    total = sum(counts)
    wide = np.frombuffer(vectors, "<f2").reshape(total, -1) if total else np.zeros((0, 0), "<f2")
    lengths = np.linalg.norm(wide.astype(np.float32), axis=1)
    if not (np.abs(lengths - 1) <= _LENGTH_TOLERANCE).all():  # NaN fails this too
        raise ValueError("a vector is not of unit length")
    found = unpack(features) if features else ()
    if found and len(found) != len(told):
        raise ValueError("local features and views differ in number")
    views, start = [], 0
    for number, (each, count) in enumerate(zip(told, counts, strict=True)):
        part = wide[start : start + count].astype(np.float16)
        start += count
        box = Box(*(float(edge) for edge in each["box"]))
        views.append(AddedView(str(each["sha256"]), box, part, found[number] if found else None))
    return tuple(views)
