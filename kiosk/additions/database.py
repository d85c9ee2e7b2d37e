# SPDX-License-Identifier: Apache-2.0
"""The additions' SQLite file: a row for each (`kiosk.refusals.table`), its pictures by sha256.

A row and its pictures are written in one transaction: an addition is there whole or not at all.
Pictures of what was undone are deleted with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kiosk.additions.values import AddedView, Addition
from kiosk.refusals.table import LENGTH_TOLERANCE, Table
from kiosk.values import Box, Record
from kiosk.vision.packed import pack, unpack

SCHEMA_VERSION = 1
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
_NO_CROPS = "DELETE FROM crops WHERE addition IN (SELECT id FROM additions WHERE undone_at <> '')"
_ORPHANS = "DELETE FROM crops WHERE addition NOT IN (SELECT id FROM additions)"


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


def _addition(values: Mapping[str, Any]) -> Addition:
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


def _views(told: list[Any], vectors: bytes, features: bytes) -> tuple[AddedView, ...]:
    """Raises TypeError, ValueError or KeyError for what cannot be right."""
    counts = [int(each["references"]) for each in told]
    total = sum(counts)
    wide = np.frombuffer(vectors, "<f2").reshape(total, -1) if total else np.zeros((0, 0), "<f2")
    lengths = np.linalg.norm(wide.astype(np.float32), axis=1)
    if not (np.abs(lengths - 1) <= LENGTH_TOLERANCE).all():  # NaN fails this too
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


def _crops_too(connection: sqlite3.Connection, rows: Sequence[Addition]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO crops VALUES (?, ?, ?)",
        [(row.addition_id, name, jpeg) for row in rows for name, jpeg in row.crops.items()],
    )
    connection.execute(_NO_CROPS)
    connection.execute(_ORPHANS)


TABLE = Table(
    name="additions",
    version=SCHEMA_VERSION,
    schema=_SCHEMA,
    columns=_COLUMNS,
    later=("noted", "embedder", "vectors", "method", "features", "thumbnail", "body"),
    stored=_row,
    made=_addition,
    undoing=("adopted",),
    beside=_crops_too,
)
"""Rows are loaded without their pictures."""
