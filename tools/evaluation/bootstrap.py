# SPDX-License-Identifier: Apache-2.0
"""Intervals by resampling whole SKUs: photos of one SKU stand or fall together.

Percentile bootstrap, seeded. Two systems that answered the same photos are resampled alike, so a
difference between them has an interval of its own. A share of exactly 0 or 1 gets an interval of
no width: what never happened cannot be resampled.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

RESAMPLES = 1000
LEVEL = 0.95
_CHUNK = 64
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval; None where there is nothing to measure it on."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        return {"value": self.value, "low": self.low, "high": self.high}


NONE = Estimate(None)


class Clusters:
    """Samples by their cluster (SKU), and how often each resample draws each cluster."""

    def __init__(
        self, labels: Sequence[str], seed: Sequence[int], resamples: int = RESAMPLES
    ) -> None:
        """Equal labels and seeds are resampled alike, other seeds independently."""
        names, index = np.unique(np.array(labels, dtype=np.str_), return_inverse=True)
        self.count = len(names)
        self.index: Numbers = index.astype(np.int64)
        random = np.random.default_rng(seed)
        self.draws: Floats = np.zeros((resamples, self.count))
        if self.count:
            chances = np.full(self.count, 1 / self.count)
            self.draws[:] = random.multinomial(self.count, chances, size=resamples)

    def only(self, kept: NDArray[np.bool_]) -> Clusters:
        """The same clusters and resamples with some of the samples."""
        other = copy.copy(self)
        other.index = self.index[kept]
        return other

    def totals(self, values: Floats) -> Floats:
        """Sum of `values` in each cluster, (clusters,)."""
        sums = np.bincount(self.index, weights=values, minlength=self.count)
        return sums.astype(np.float64)

    def share(self, hits: Floats, among: Floats | None = None) -> Estimate:
        """Sum of `hits` over the sum of `among` (all samples): a share or a mean."""
        among = np.ones(len(self.index)) if among is None else among
        if not among.sum():
            return NONE
        return self.estimate(float(hits.sum() / among.sum()), self.shares(hits, among))

    def shares(self, hits: Floats, among: Floats) -> Floats:
        """The same in every resample, (resamples,); NaN where `among` is empty there."""
        below = self.draws @ self.totals(among)
        above = self.draws @ self.totals(hits)
        empty = np.full(len(below), np.nan)
        return np.asarray(np.divide(above, below, out=empty, where=below > 0), np.float64)

    def quantile(self, values: Floats, share: float) -> Estimate:
        """The least value that at least `share` of the samples do not exceed."""
        if not len(values):
            return NONE
        order = np.argsort(values, kind="stable")
        ordered, clusters = values[order], self.index[order]
        found = []
        for start in range(0, len(self.draws), _CHUNK):
            heaps = np.cumsum(self.draws[start : start + _CHUNK][:, clusters], axis=1)
            reached = heaps >= share * heaps[:, -1:] - 1e-9
            least = ordered[reached.argmax(axis=1)]
            found.append(np.where(heaps[:, -1] > 0, least, np.nan))
        place = max(0, math.ceil(share * len(ordered) - 1e-9) - 1)
        return self.estimate(float(ordered[place]), np.concatenate(found))

    def difference(self, mine: Floats, theirs: Floats) -> Estimate:
        """Mean of `mine` less mean of `theirs`, both of the same samples."""
        return self.share(mine - theirs)

    def estimate(self, value: float, resampled: Floats) -> Estimate:
        """The value with the middle 95 % of its resamples; none from a single cluster."""
        return interval(value, resampled) if self.count > 1 else Estimate(round(value, _DIGITS))


def interval(value: float, resampled: Floats) -> Estimate:
    """The value and the middle 95 % of what it is in the resamples."""
    usable = resampled[np.isfinite(resampled)]
    if not len(usable):
        return Estimate(round(value, _DIGITS))
    low, high = np.quantile(usable, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(round(value, _DIGITS), round(float(low), _DIGITS), round(float(high), _DIGITS))


def auroc(known: Floats, unknown: Floats, of_known: Clusters, of_unknown: Clusters) -> Estimate:
    """Chance that a known item scores above an unknown one, ties counting half.

    Known and unknown SKUs are resampled each on their own.
    """
    if not len(known) or not len(unknown):
        return NONE
    wins = _wins(known, unknown, of_known, of_unknown)
    sizes = of_known.totals(np.ones(len(known))), of_unknown.totals(np.ones(len(unknown)))
    value = float(wins.sum() / (len(known) * len(unknown)))
    above = np.einsum("rk,rk->r", of_known.draws, of_unknown.draws @ wins.T)
    below = (of_known.draws @ sizes[0]) * (of_unknown.draws @ sizes[1])
    if of_known.count < 2 or of_unknown.count < 2:
        return Estimate(round(value, _DIGITS))
    return interval(value, above / below)


def _wins(known: Floats, unknown: Floats, of_known: Clusters, of_unknown: Clusters) -> Floats:
    """(known clusters, unknown clusters): pairs that the known one wins, ties half."""
    order = np.argsort(of_unknown.index, kind="stable")
    starts = np.searchsorted(of_unknown.index[order], np.arange(of_unknown.count))
    others = unknown[order][None, :]
    wins = np.zeros((of_known.count, of_unknown.count))
    for start in range(0, len(known), _CHUNK):
        mine = known[start : start + _CHUNK, None]
        pairs = (mine > others) + 0.5 * (mine == others)
        rows = of_known.index[start : start + _CHUNK]
        np.add.at(wins, rows, np.add.reduceat(pairs, starts, axis=1))
    return wins
