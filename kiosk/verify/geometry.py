# SPDX-License-Identifier: Apache-2.0
"""Do paired points lie in one arrangement? One map from reference to query, and who agrees with it.

Each pair alone says where the whole print would lie (a local feature has place, size and
direction), so every pair is tried: no random draws, the same answer every time. A map must keep
the print's orientation: what is mirrored or collapsed is not the same print.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Features
from kiosk.verify.matching import Pairs

LEAST_POINTS = 6
"""Fewer pairs agree by chance, or say too little of a map with six numbers."""
LEAST_SCALE, MOST_SCALE = 0.25, 4.0
"""How large the print may be seen, of its reference: both crops fill the same size."""
LEAST_ASPECT = 0.4
"""The narrower scale of the map, of the wider: a print seen more askew than this is not read."""
_COARSE, _FINE = 0.07, 0.03
"""Of the query crop's longer side: how far a point may lie off its place."""
_SAME_SIZE, _SAME_TURN = 0.7, 0.6
"""How far pairs that agree may differ in log size and in radians."""
_REFITS = 3
_SAME_PLACE = 3.0
"""Pixels: points nearer than this are one place, found in several sizes or directions."""
_THIN = 0.02
"""Least spread across the agreeing points, of the crop's longer side: a line says too little."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """A map and the reference places that agree with it."""

    map: Floats
    """(2, 3): query = map @ (x, y, 1) of the reference, both in crop pixels."""
    agreeing: NDArray[np.intp]
    """Rows of the reference's points, one for each distinct place."""


def places(features: Features) -> Floats:
    """(N, 4): x, y, diameter in crop pixels, direction in radians."""
    points = features.points
    angle = points["angle"].astype(np.float64) * (2 * np.pi / 256)
    at = points["at"].astype(np.float64) / 64
    return np.column_stack([at, 2 ** (points["size"].astype(np.float64) / 16), angle])


def arranged(query: Features, reference: Features, paired: Pairs) -> Arrangement | None:
    """The map most pairs agree with; None when fewer than LEAST_POINTS places do, or it is none."""
    if len(paired) < LEAST_POINTS:
        return None
    seen, known = places(query)[paired[:, 0]], places(reference)[paired[:, 1]]
    side = float(max(query.size))
    agree = _best_hypothesis(seen, known, side)
    fitted = None
    for _ in range(_REFITS):
        if np.count_nonzero(agree) < LEAST_POINTS:
            return None
        fitted = _fitted(seen[agree], known[agree])
        off = known[:, :2] @ fitted[:, :2].T + fitted[:, 2] - seen[:, :2]
        agree = np.hypot(off[:, 0], off[:, 1]) < _FINE * side
    if fitted is None or not _sane(fitted, reference, query):
        return None
    rows = _distinct(np.flatnonzero(agree), seen, known)
    if len(rows) < LEAST_POINTS or _spread(known[rows, :2]) < _THIN * max(reference.size):
        return None
    return Arrangement(fitted, paired[rows, 1])


def _best_hypothesis(seen: Floats, known: Floats, side: float) -> NDArray[np.bool_]:
    """Who agrees with the pair that most others agree with, taking it for the whole print."""
    scale = seen[:, 2] / known[:, 2]
    turn = seen[:, 3] - known[:, 3]
    here = seen[:, 0] + 1j * seen[:, 1]
    there = known[:, 0] + 1j * known[:, 1]
    factor = scale * np.exp(1j * turn)
    shift = here - factor * there
    off = np.abs(np.multiply.outer(factor, there) + shift[:, None] - here[None, :])
    sizes = np.abs(np.subtract.outer(np.log(scale), np.log(scale)))
    turns = np.abs((np.subtract.outer(turn, turn) + np.pi) % (2 * np.pi) - np.pi)
    agree = (off < _COARSE * side) & (sizes < _SAME_SIZE) & (turns < _SAME_TURN)
    votes: NDArray[np.bool_] = agree[int(agree.sum(axis=1).argmax())]
    return votes


def _fitted(seen: Floats, known: Floats) -> Floats:
    """(2, 3) affine map, least squares."""
    table = np.column_stack([known[:, :2], np.ones(len(known))])
    return np.asarray(np.linalg.lstsq(table, seen[:, :2], rcond=None)[0].T)


def _sane(fitted: Floats, reference: Features, query: Features) -> bool:
    """Neither mirrored nor collapsed, of a size that both crops allow."""
    linear = fitted[:, :2]
    wide, narrow = np.linalg.svd(linear, compute_uv=False)
    relative = max(reference.size) / max(query.size)
    return bool(
        np.isfinite(fitted).all()
        and np.linalg.det(linear) > 0
        and narrow >= LEAST_ASPECT * wide
        and narrow * relative >= LEAST_SCALE
        and wide * relative <= MOST_SCALE
    )


def _distinct(rows: NDArray[np.intp], seen: Floats, known: Floats) -> NDArray[np.intp]:
    """One row for each place, counted on the side where more of them coincide."""
    for side in (known, seen):
        cells = np.floor(side[rows, :2] / _SAME_PLACE).astype(np.int64)
        _, first = np.unique(cells, axis=0, return_index=True)
        rows = rows[np.sort(first)]
    return rows


def _spread(points: Floats) -> float:
    """Deviation of (N, 2) points across their main direction."""
    across = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[-1]
    return float(across / np.sqrt(len(points)))
