# SPDX-License-Identifier: Apache-2.0
"""Decisions to refuse, and directions in a small vector space to refuse them with."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import numpy as np

from kiosk.refusals import RefusalDesk, Refusals, Store, Unrecorded
from kiosk.values import (
    Box,
    Decision,
    Detection,
    Embedding,
    Features,
    Hashes,
    Look,
    Match,
    Note,
    Notebook,
    Outcome,
    Rule,
    Thresholds,
    Timings,
)

EMBEDDER = "e" * 64
DIMENSION = 32
THRESHOLDS = Thresholds(0.7, 0.5, 0.1, "leave-one-out", 120)


def vector(seed: int) -> Embedding:
    """A unit vector; two seeds are almost at right angles."""
    raw = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return np.asarray(raw / np.linalg.norm(raw), np.float32)


def between(first: Embedding, second: Embedding, share: float) -> Embedding:
    """The unit vector `share` of the way from `first` to `second`."""
    raw = (1 - share) * first + share * second
    return np.asarray(raw / np.linalg.norm(raw), np.float32)


def look(embedding: Embedding | None, *matches: Match, features: Features | None = None) -> Look:
    item = Detection(Box(1, 1, 9, 9), 0.9)
    return Look(
        sequence=1,
        captured_ns=1,
        frame_size=(640, 480),
        detections=(item,),
        subject=item,
        whole=True,
        embedding=embedding,
        matches=matches,
        thresholds=THRESHOLDS,
        release="r1",
        features=features,
    )


def wrong(
    number: int,
    embedding: Embedding,
    sku: str = "A1",
    similarity: float = 0.8,
    features: Features | None = None,
    **changes: Any,
) -> Decision:
    """An accepted `sku` that a person can refuse."""
    matches = (Match(sku, similarity, 0), Match("B2", 0.3, 1))
    last = look(embedding, *matches, features=features)
    made = Decision(
        decision_id=f"d{number}",
        visit_id=f"v{number}",
        at=datetime.now(UTC).isoformat(),
        outcome=Outcome.ACCEPTED,
        rule=Rule.ACCEPTED,
        matches=matches,
        box=Box(10, 20, 110, 220),
        frame_size=(640, 480),
        similarity=similarity,
        margin=0.1,
        agreement=(3, 4),
        sequence=99,
        thresholds=THRESHOLDS,
        hashes=Hashes("r1", "d" * 64, EMBEDDER),
        timings=Timings(),
        looks=(last,),
    )
    return dataclasses.replace(made, **changes)


class Notes:
    """A journal that remembers what it was told; `works` False: it cannot be written."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any], str, str, str | None]] = []
        self.works = True

    def note(self, note: Note) -> None:
        self.told.append((note.kind, dict(note.body), note.decision_id, note.visit_id, note.sku))

    def flush(self, timeout_s: float) -> bool:
        return self.works


def desk_on(store: Store, journal: Notebook | None = None) -> tuple[RefusalDesk, Refusals]:
    """A started desk and what looks are held against."""
    refusals = Refusals(EMBEDDER, DIMENSION)
    desk = RefusalDesk(store, refusals, journal or Unrecorded())
    desk.start()
    return desk, refusals
