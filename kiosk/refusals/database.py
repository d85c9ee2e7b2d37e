# SPDX-License-Identifier: Apache-2.0
"""The refusals' SQLite file: one row each, see `kiosk.refusals.table`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kiosk.refusals.refusal import Refusal, halves
from kiosk.refusals.table import LENGTH_TOLERANCE, Table
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


def _refusal(values: Mapping[str, Any]) -> Refusal:
    embedding = np.frombuffer(values["embedding"], "<f2").astype(np.float32)
    features = unpack(values["features"])
    similarity = float(values["similarity"])
    length = float(np.linalg.norm(embedding))
    if not abs(length - 1) <= LENGTH_TOLERANCE or not -1.1 <= similarity <= 1.1:  # NaN fails too
        raise ValueError("no unit vector, or no similarity")
    rest = {name: value for name, value in values.items() if name != "id"}
    return Refusal(
        **rest
        | {
            "refusal_id": values["id"],
            "embedding": embedding,
            "similarity": similarity,
            "features": features[0] if features else None,
        }
    )


TABLE = Table(
    name="refusals",
    version=SCHEMA_VERSION,
    schema=_SCHEMA,
    columns=_COLUMNS,
    later=("noted",),
    stored=_row,
    made=_refusal,
)
