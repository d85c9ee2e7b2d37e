# SPDX-License-Identifier: Apache-2.0
"""Thresholds of a release, measured by leaving its own references out. No number is made up here.

Strangers: each picture as if its SKU were not in the catalog: what would the best answer be?
Own items: each altered view of a picture against what is left of its SKU. The catalog's pictures
are all that is known at this point; photos from the camera would be better witnesses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Thresholds

RISK = 0.01
"""Share of strangers that may reach `accept`, and of wrong leads that may exceed `margin`."""
STRANGERS_BELOW_CHOOSE = 0.8
MAX_QUERIES = 4000
SAME_PICTURE = 0.995
"""From here on two pictures are one: no stranger but an item listed twice, held by the margin."""
_QUERY_BLOCK, _REFERENCE_BLOCK = 256, 8192

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What leaving references out has shown; similarities, one per query."""

    skus: int
    strangers: Floats
    """Best similarity of a picture to any other SKU."""
    twins: int
    """Pictures that another SKU has too; such SKUs are not tried against each other."""
    own: Floats
    """Best similarity of a left-out view to what is left of its SKU."""
    rivals: Floats
    """Best similarity of the same views to any other SKU; same length as `own`."""
    noise: float
    """By how much altering a picture moves its lead over the nearest other SKU: see `_noise`."""


def calibrate(
    vectors: NDArray[np.floating], skus: Numbers, pictures: Numbers, views: Numbers
) -> Thresholds:
    """Thresholds of (N, D) unit vectors, of which row i is view `views[i]` (0: as it is) of picture
    `pictures[i]` of SKU `skus[i]`. Memory stays bounded; the result is deterministic.
    """
    return thresholds_of(measure(vectors, skus, pictures, views))


def measure(
    vectors: NDArray[np.floating],
    skus: Numbers,
    pictures: Numbers,
    views: Numbers,
    max_queries: int = MAX_QUERIES,
) -> Samples:
    """Search with every (at most `max_queries`, evenly chosen) picture and view left out."""
    table = _Table(vectors, skus, pictures, views)
    plain = _evenly(np.flatnonzero(views == 0), max_queries)
    strangers, rows = table.best(plain, own=False)
    twins = strangers >= SAME_PICTURE
    if twins.any():
        table.join(plain[twins], rows[twins])
        strangers, rows = table.best(plain, own=False)
    noise = table.noise(plain, rows)
    strangers = strangers[np.isfinite(strangers)]
    tried = _evenly(np.flatnonzero((views != 0) | table.has_sisters), max_queries)
    own, rivals = table.best(tried, own=True)[0], table.best(tried, own=False)[0]
    return Samples(
        skus=len(np.unique(skus)),
        strangers=strangers,
        twins=int(twins.sum()),
        own=own,
        rivals=rivals,
        noise=noise,
    )


def thresholds_of(samples: Samples) -> Thresholds:
    """The three numbers and, in words, where they come from."""
    typical = float(np.median(samples.own)) if len(samples.own) else SAME_PICTURE
    low = float(np.quantile(samples.own, 0.05)) if len(samples.own) else SAME_PICTURE
    bound = upper_bound(samples.strangers)
    doubt = _doubt(samples.skus)
    accept = min(SAME_PICTURE, bound + doubt * max(0.0, typical - bound))
    some = _quantile(samples.strangers, STRANGERS_BELOW_CHOOSE)
    choose = min(accept, some + doubt * max(0.0, low - some))
    # A wrong lead does harm only where the wrong SKU would be accepted.
    harmful = samples.rivals - samples.own
    harmful = harmful[(harmful > 0) & (samples.rivals >= accept)]
    spread = float(np.std(samples.strangers)) if len(samples.strangers) else 0.0
    margin = max(samples.noise or spread, upper_bound(harmful))
    return Thresholds(
        accept=round(accept, 4),
        choose=round(choose, 4),
        margin=round(margin, 4),
        method=_method(samples, doubt, len(harmful)),
        samples=len(samples.strangers) + len(samples.own),
    )


def upper_bound(values: Floats) -> float:
    """A value that the next sample exceeds with a chance of at most RISK (split conformal).

    Fewer than 99 samples cannot promise that: then it is the largest one plus half the spread of
    the top quarter. 0 when there are none.
    """
    if not len(values):
        return 0.0
    ordered = np.sort(values)
    rank = math.ceil((len(values) + 1) * (1 - RISK))
    if rank <= len(values):
        return float(ordered[rank - 1])
    tail = ordered[-max(2, len(values) // 4) :]
    return float(ordered[-1] + np.std(tail) / 2)


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else 0.0


def _doubt(skus: int) -> float:
    """How far few SKUs leave strangers unmeasured: 1 for one SKU, 0.3 for ten, 0 from a hundred.

    The next stranger beats the best of K others with a chance of about 1/K, where RISK was asked.
    """
    return math.sqrt(max(0.0, 1 / max(skus, 1) - RISK) / (1 - RISK))


def _method(samples: Samples, doubt: float, harmful: int) -> str:
    parts = [
        f"leave-one-out over the catalog's own pictures: accept bounds {len(samples.strangers)} "
        f"pictures tried without their SKU (risk {RISK:g}); choose lies above "
        f"{STRANGERS_BELOW_CHOOSE:.0%} of them; margin bounds {harmful} harmful wrong leads among "
        f"{len(samples.own)} left-out views, at least "
        + (
            f"the {samples.noise:.3f} that altering a picture moves a lead"
            if samples.noise
            else "the spread of the strangers"
        )
    ]
    if doubt > 0:
        count = "1 SKU" if samples.skus == 1 else f"{samples.skus} SKUs"
        parts.append(
            f"{count} tell little about strangers: raised by {doubt:.0%} of the way to the "
            "similarity of an item's own views"
        )
    if samples.twins:
        parts.append(
            f"{samples.twins} pictures stand under two SKUs, which are not held against each other"
        )
    if not len(samples.own):
        parts.append("no second view of anything was there to try: accepts only equal pictures")
    return "; ".join(parts)


def _evenly(rows: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """At most `most` of `rows`, spread over all of them."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.intp)]


class _Table:
    """The references, and searches among them with something left out."""

    def __init__(
        self, vectors: NDArray[np.floating], skus: Numbers, pictures: Numbers, views: Numbers
    ) -> None:
        self._vectors = vectors
        self._skus, self._pictures, self._views = skus, pictures, views
        self._families = skus
        first = {int(picture): int(sku) for picture, sku in zip(pictures, skus, strict=True)}
        counts: dict[int, int] = {}
        for sku in first.values():
            counts[sku] = counts.get(sku, 0) + 1
        self.has_sisters = np.array([counts[int(sku)] > 1 for sku in skus], bool)
        """(N,) whether the row's SKU has another picture."""

    def join(self, rows: NDArray[np.intp], twins: NDArray[np.intp]) -> None:
        """From now on the SKUs of each pair of rows are one family: nobody's strangers."""
        for row, twin in zip(rows, twins, strict=True):
            old, new = self._families[row], self._families[twin]
            self._families = np.where(self._families == old, new, self._families)

    def best(self, rows: NDArray[np.intp], *, own: bool) -> tuple[Floats, NDArray[np.intp]]:
        """Best similarity of each of (Q,) `rows`, and to which row.

        own: among its own SKU without its own picture; a SKU with one picture keeps that one as it
        is. Otherwise: among all other families. -inf where nothing is left.
        """
        found = np.full(len(rows), -np.inf, np.float32)
        where = np.zeros(len(rows), np.intp)
        for start in range(0, len(rows), _QUERY_BLOCK):
            block = slice(start, start + _QUERY_BLOCK)
            queries = self._vectors[rows[block]].astype(np.float32)
            for low in range(0, len(self._vectors), _REFERENCE_BLOCK):
                part = slice(low, low + _REFERENCE_BLOCK)
                near = queries @ self._vectors[part].astype(np.float32).T
                near[~self._allowed(rows[block], part, own)] = -np.inf
                nearest = near.argmax(axis=1)
                value = near[np.arange(len(near)), nearest]
                where[block] = np.where(value > found[block], low + nearest, where[block])
                found[block] = np.maximum(value, found[block])
        return found, where

    def _allowed(self, rows: NDArray[np.intp], part: slice, own: bool) -> NDArray[np.bool_]:
        if not own:
            return np.not_equal.outer(self._families[rows], self._families[part])
        same_sku = np.equal.outer(self._skus[rows], self._skus[part])
        same_picture = np.equal.outer(self._pictures[rows], self._pictures[part])
        alone = same_picture & (self._views[part] == 0)
        left = np.where(self.has_sisters[rows][:, None], ~same_picture, alone)
        return np.logical_and(same_sku, left)

    def noise(self, plain: NDArray[np.intp], rivals: NDArray[np.intp]) -> float:
        """How much altering a picture moves its lead over its rival, the median over pictures.

        For each plain row: the standard deviation, over the picture's other views, of the
        similarity to itself less that to its rival row. 0 without views or other SKUs.
        """
        order = np.argsort(self._pictures, kind="stable")
        low = np.searchsorted(self._pictures[order], self._pictures[plain], "left")
        high = np.searchsorted(self._pictures[order], self._pictures[plain], "right")
        deviations = []
        for row, rival, start, end in zip(plain, rivals, low, high, strict=True):
            views = order[start:end]
            views = views[self._views[views] != 0]
            if len(views) < 2 or self._families[rival] == self._families[row]:
                continue
            against = self._vectors[[row, rival]].astype(np.float32)
            leads = self._vectors[views].astype(np.float32) @ (against[0] - against[1])
            deviations.append(float(np.std(leads)))
        return float(np.median(deviations)) if deviations else 0.0
