# SPDX-License-Identifier: Apache-2.0
"""How much of a reference an arrangement covers, and whether the colours agree there.

A pack of the same brand shares the logo, not the whole face; a twin in another colour shares the
print, not its colours. The colour of the light is forgiven, within what lamps do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiosk.values import TONES, Features
from kiosk.verify.geometry import Arrangement, places

CELLS = 6
"""The reference is divided into this many cells each way."""
_FULL = 4
"""Points from which on a cell counts in full: a block of small text is not the whole face."""
_LEAST_TONES = 8
_NEUTRAL = 12.0
"""Added to every value: the hue of what is nearly black is noise."""
_LIGHT = 0.35
"""Most that the light may shift a colour, as a log ratio of two channels."""
_OFF = 0.25
"""Log ratio by which an agreeing colour may be off."""
_PALE = 0.1
"""Log ratio up to which the colours of a print vary too little to be held against each other."""

Floats = NDArray[np.float64]


def coverage(reference: Features, query: Features, found: Arrangement) -> float:
    """Share of the reference's detail in view that lies in cells with agreeing points, 0..1."""
    at = places(reference)[:, :2]
    inside = _inside(at, found.map, query)
    cell = _cell(at, reference.size)
    count = CELLS * CELLS
    weight = np.minimum(np.bincount(cell[inside], minlength=count), _FULL)
    hits = np.bincount(cell[found.agreeing], minlength=count)
    total = float(weight.sum())
    if total == 0:
        return 0.0
    # Two agreeing points vouch for a cell, one for half of it.
    return float((weight * np.minimum(hits / 2, 1)).sum()) / total


def in_view(reference: Features, query: Features, found: Arrangement) -> float:
    """Share of the reference's points that the map puts into the query crop, 0..1."""
    return float(np.mean(_inside(places(reference)[:, :2], found.map, query)))


def colour(reference: Features, query: Features, found: Arrangement) -> float:
    """Agreement of the colours wherever the reference has detail in view, 0..1.

    Compared are log ratios of channels, so brightness does not count. Two things agree or not: the
    colours themselves, less a shift of the light as large as lamps make it, and how they change
    over the face; the second counts as much as the face has colours at all.
    """
    cells = np.unique(_near(places(reference)[:, :2], reference.size), axis=0)
    there = (cells + 0.5) * np.array(reference.size) / TONES
    keep = _inside(there, found.map, query)
    count = np.count_nonzero(keep)
    if count < _LEAST_TONES:
        return 0.0
    seen = _hues(_sampled(query, there[keep] @ found.map[:, :2].T + found.map[:, 2]))
    known = _hues(reference.tones[cells[keep, 1], cells[keep, 0]].astype(np.float64))
    off = seen - known
    off -= np.median(off, axis=0).clip(-_LIGHT, _LIGHT)
    same = float(np.mean(np.exp(-((off / _OFF) ** 2).sum(axis=1))))
    seen, known = seen - seen.mean(axis=0), known - known.mean(axis=0)
    together = float((seen * known).sum())
    spread = float(np.sqrt((seen**2).sum() * (known**2).sum()))
    pale = float(count * _PALE**2)
    return max(0.0, min(1.0, (together + pale * same) / (spread + pale)))


def _inside(at: Floats, map_: Floats, query: Features) -> NDArray[np.bool_]:
    mapped = at @ map_[:, :2].T + map_[:, 2]
    return np.asarray(((mapped >= 0) & (mapped < np.array(query.size))).all(axis=1))


def _cell(at: Floats, size: tuple[int, int]) -> NDArray[np.intp]:
    cell = (at * CELLS / np.array(size)).astype(np.intp).clip(0, CELLS - 1)
    return np.asarray(cell[:, 1] * CELLS + cell[:, 0])


def _near(at: Floats, size: tuple[int, int]) -> NDArray[np.intp]:
    """(M, 2) tone cells (column, row) at the points and beside them."""
    cell = np.floor(at * TONES / np.array(size)).astype(np.intp)
    steps = np.array([(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)])
    return np.asarray((cell[:, None] + steps[None]).reshape(-1, 2).clip(0, TONES - 1))


def _sampled(query: Features, at: Floats) -> Floats:
    """(M, 3) BGR of the query's tones at (M, 2) crop pixels, between cells by distance."""
    grid = (at * TONES / np.array(query.size) - 0.5).clip(0, TONES - 1)
    low = np.floor(grid).astype(np.intp).clip(0, TONES - 2)
    dx, dy = (grid - low).T[:, :, None]
    tones = query.tones.astype(np.float64)
    x, y = low.T
    above = tones[y, x] * (1 - dx) + tones[y, x + 1] * dx
    below = tones[y + 1, x] * (1 - dx) + tones[y + 1, x + 1] * dx
    return np.asarray(above * (1 - dy) + below * dy)


def _hues(tones: Floats) -> Floats:
    """(M, 2) log ratios of blue and red to green."""
    logs = np.log(tones + _NEUTRAL)
    return np.asarray(logs[:, [0, 2]] - logs[:, [1]])
