# SPDX-License-Identifier: Apache-2.0
"""Which points of two crops look alike: mutual nearest, and clearly nearer than the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Features

RATIO = 0.85
"""A pair counts when its distance is at most this share of that to the next best."""
MOST_PAIRS = 200
"""The best ones; more only cost time."""

Pairs = NDArray[np.intp]
"""(M, 2) rows: a point of the query, a point of the reference."""
Floats = NDArray[np.float32]


def directions(features: Features) -> Floats:
    """(N, D) unit-length descriptors; do it once for a query that meets many references."""
    wide = features.points["descriptor"].astype(np.float32)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-6))


def pairs(query: Floats, reference: Floats) -> Pairs:
    """Pairs of rows of two sets of `directions`, the best first; empty when either has under two.

    Each row stands in one pair at most.
    """
    if len(query) < 2 or len(reference) < 2:
        return np.zeros((0, 2), np.intp)
    near = query @ reference.T
    rows = np.arange(len(near))
    best = near.argmax(axis=1)
    mutual = near.argmax(axis=0)[best] == rows
    first = near[rows, best]
    near[rows, best] = -2.0
    second = near.max(axis=1)
    # Squared distances of unit vectors are 2 - 2 cos.
    shares = (1 - first).clip(0) / (1 - second).clip(1e-6)
    good = np.flatnonzero(mutual & (shares <= RATIO**2))
    good = good[np.argsort(shares[good], kind="stable")[:MOST_PAIRS]]
    return np.stack([good, best[good]], axis=1)
