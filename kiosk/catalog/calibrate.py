# SPDX-License-Identifier: Apache-2.0
"""Thresholds of a release, measured by leaving its own references out. No number is made up here.

Photos from the camera are not there yet when a catalog is built. So each picture is looked at as a
camera on a bad day may see it (`augment.CAMERA`, never enrolled), and these probes are searched for
among the references twice. Strangers: without their SKU, as if it were not in the catalog: what
would the best answer be? Own items: in their SKU without their picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Thresholds

RISK = 0.01
"""Share of strangers that may reach `accept`, and of harmful wrong leads that may pass `margin`."""
STRANGERS_BELOW_CHOOSE = 0.8
FEWEST_SKUS = 5
"""With fewer, the catalog's own pictures say nothing of strangers: the kiosk only asks."""
NEVER = 1.01
"""No similarity reaches this."""
CLOSE = 1.0
OFTEN = 0.5
"""A SKU is contested when in this share of its views another one is as near, give or take CLOSE
times the noise."""
MAX_QUERIES = 4000
SAME_PICTURE = 0.995
"""From here on two pictures are one: no stranger but an item listed twice, held by the margin."""
_QUERY_BLOCK, _REFERENCE_BLOCK = 256, 8192

Floats = NDArray[np.float32]
Vectors = NDArray[np.floating]
Numbers = NDArray[np.int32]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """(N, D) unit vectors; row i is view `views[i]` (0: as it is) of picture `pictures[i]` of SKU
    `skus[i]`.
    """

    vectors: Vectors
    skus: Numbers
    pictures: Numbers
    views: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """(M, D) unit vectors of camera views; row i shows picture `pictures[i]` of the references."""

    vectors: Vectors
    pictures: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What leaving references out has shown; similarities, one per probe."""

    skus: int
    strangers: Floats
    """Best similarity to any other SKU, where there is one."""
    own: Floats
    """Best similarity to what is left of the own SKU."""
    rivals: Floats
    """Best similarity to any other SKU; -inf where there is none; same length as `own`."""
    twins: int
    """Pictures that another SKU has too; such SKUs are not tried against each other."""
    noise: float
    """By how much the view of a picture moves its lead over the nearest other SKU."""
    contested: frozenset[int] = frozenset()
    """SKUs whose own pictures lead over another SKU by no more than the noise, again and again."""
    disputed: NDArray[np.bool_] | None = None
    """Probes of contested SKUs; same length as `own`. They are asked about, so they need no
    margin; None: there are none."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a release says of itself."""

    thresholds: Thresholds
    contested: frozenset[int]
    """SKUs with look-alikes in the catalog: no margin tells these apart."""


def calibrate(references: References, probes: Probes) -> Calibration:
    """Thresholds of a release. Memory stays bounded; the result is deterministic."""
    samples = measure(references, probes)
    return Calibration(thresholds_of(samples), samples.contested)


def measure(references: References, probes: Probes) -> Samples:
    """Search for every probe with its SKU or its picture left out."""
    table = _Table(references)
    table.join_twins(_evenly(np.flatnonzero(references.views == 0), MAX_QUERIES))
    vectors, pictures = probes.vectors, probes.pictures
    own = table.best(vectors, pictures, own=True)[0]
    rivals, nearest = table.best(vectors, pictures, own=False)
    noise = table.noise(probes)
    skus = table.skus_of(pictures)
    contested = table.joined() | _contested(skus, references.skus[nearest], own - rivals, noise)
    return Samples(
        skus=len(np.unique(references.skus)),
        strangers=rivals[np.isfinite(rivals)],
        own=own,
        rivals=rivals,
        twins=table.twins,
        noise=noise,
        contested=contested,
        disputed=np.isin(skus, sorted(contested)),
    )


def _contested(owners: Numbers, rivals: Numbers, leads: Floats, noise: float) -> frozenset[int]:
    """SKUs that another SKU comes within CLOSE times the noise of, in OFTEN of its views."""
    close = np.isfinite(leads) & (leads < CLOSE * noise)
    found: set[int] = set()
    for sku in np.unique(owners[close]):
        others, counts = np.unique(rivals[close & (owners == sku)], return_counts=True)
        if counts.max() >= OFTEN * np.count_nonzero(owners == sku):
            found |= {int(sku), int(others[counts.argmax()])}
    return frozenset(found)


def thresholds_of(samples: Samples) -> Thresholds:
    """The three numbers and, in words, where they come from."""
    typical, low = (float(np.quantile(samples.own, share)) for share in (0.5, 0.05))
    bound = upper_bound(samples.strangers)
    some = _quantile(samples.strangers, STRANGERS_BELOW_CHOOSE)
    doubt = _doubt(samples.skus)
    accept = min(SAME_PICTURE, bound + doubt * max(0.0, typical - bound))
    if samples.skus < FEWEST_SKUS:
        accept = NEVER
    choose = min(accept, some + doubt * max(0.0, low - some))
    # A wrong lead does harm only where the wrong SKU would be accepted.
    leads = samples.rivals - samples.own
    wrong = (leads > 0) & (samples.rivals >= accept)
    harmful = leads[wrong if samples.disputed is None else wrong & ~samples.disputed]
    margin = max(samples.noise, upper_bound(harmful))
    return Thresholds(
        accept=round(accept, 4),
        choose=round(choose, 4),
        margin=round(margin, 4),
        method=_method(samples, doubt, len(harmful)),
        samples=len(samples.own),
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
        f"leave-one-out with {len(samples.own)} simulated camera views of the catalog's own "
        f"pictures: accept is their best similarity without their SKU (risk {RISK:g}); choose lies "
        f"above {STRANGERS_BELOW_CHOOSE:.0%} of these; margin bounds {harmful} harmful wrong leads "
        f"without their picture, and is at least the {samples.noise:.3f} that another view of a "
        "picture moves a lead"
    ]
    if doubt > 0:
        count = "1 SKU tells" if samples.skus == 1 else f"{samples.skus} SKUs tell"
        parts.append(
            f"{count} little about strangers: raised by {doubt:.0%} of the way to the similarity "
            "of an item's own views"
        )
    if samples.skus < FEWEST_SKUS:
        parts.append(f"fewer than {FEWEST_SKUS} SKUs: nothing is accepted without a tap")
    if samples.contested:
        parts.append(f"{len(samples.contested)} SKUs have look-alikes and are always asked about")
    if samples.twins:
        parts.append(
            f"{samples.twins} pictures stand under two SKUs, which are not held against each other"
        )
    return "; ".join(parts)


def _evenly(rows: Rows, most: int) -> Rows:
    """At most `most` of `rows`, spread over all of them."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.intp)]


class _Table:
    """The references, and searches among them with something left out."""

    def __init__(self, references: References) -> None:
        self._vectors = references.vectors
        self._skus, self._pictures = references.skus, references.pictures
        self._families = references.skus
        self.twins = 0
        count = int(self._pictures.max()) + 1
        self._sku_of = np.zeros(count, np.int32)
        self._sku_of[self._pictures] = self._skus
        plain = np.flatnonzero(references.views == 0)
        self._plain = np.zeros(count, np.intp)
        self._plain[self._pictures[plain]] = plain
        known = np.unique(self._pictures)
        has_sisters = np.bincount(self._sku_of[known])[self._sku_of] > 1
        self._has_sisters: NDArray[np.bool_] = has_sisters

    def join_twins(self, plain: Rows) -> None:
        """SKUs that share a picture become one family: nobody's strangers."""
        near, twins = self.best(self._vectors[plain], self._pictures[plain], own=False)
        same = near >= SAME_PICTURE
        self.twins = int(same.sum())
        for row, twin in zip(plain[same], twins[same], strict=True):
            old, new = self._families[row], self._families[twin]
            self._families = np.where(self._families == old, new, self._families)

    def joined(self) -> frozenset[int]:
        """SKUs whose family holds another SKU as well."""
        pairs = np.unique(np.stack([self._families, self._skus], axis=1), axis=0)
        families, counts = np.unique(pairs[:, 0], return_counts=True)
        shared = np.isin(pairs[:, 0], families[counts > 1])
        return frozenset(int(sku) for sku in pairs[shared, 1])

    def best(self, queries: Vectors, pictures: Numbers, *, own: bool) -> tuple[Floats, Rows]:
        """Best similarity of each of (Q, D) queries, and to which row.

        own: among the SKU of its picture without that picture; a SKU with one picture keeps it.
        Otherwise: among all other families. -inf where nothing is left.
        """
        found = np.full(len(queries), -np.inf, np.float32)
        where = np.zeros(len(queries), np.intp)
        for start in range(0, len(queries), _QUERY_BLOCK):
            block = slice(start, start + _QUERY_BLOCK)
            wide = queries[block].astype(np.float32)
            for low in range(0, len(self._vectors), _REFERENCE_BLOCK):
                part = slice(low, low + _REFERENCE_BLOCK)
                near = wide @ self._vectors[part].astype(np.float32).T
                near[~self._allowed(pictures[block], part, own)] = -np.inf
                nearest = near.argmax(axis=1)
                value = near[np.arange(len(near)), nearest]
                where[block] = np.where(value > found[block], low + nearest, where[block])
                found[block] = np.maximum(value, found[block])
        return found, where

    def _allowed(self, pictures: Numbers, part: slice, own: bool) -> NDArray[np.bool_]:
        skus = self._sku_of[pictures]
        if not own:
            family = np.zeros(int(self._skus.max()) + 1, np.int32)
            family[self._skus] = self._families
            return np.not_equal.outer(family[skus], self._families[part])
        same_sku = np.equal.outer(skus, self._skus[part])
        other_picture = np.not_equal.outer(pictures, self._pictures[part])
        return np.logical_and(same_sku, other_picture | ~self._has_sisters[pictures][:, None])

    def skus_of(self, pictures: Numbers) -> Numbers:
        """The SKU of each picture."""
        return self._sku_of[pictures]

    def noise(self, probes: Probes) -> float:
        """How much another view of a picture moves its lead over its rival; median over pictures.

        For each picture: the standard deviation, over its probes, of the similarity to the picture
        as it is less that to its nearest row of another family. 0 where there is no other.
        """
        pictures = np.unique(probes.pictures)
        rows = self._plain[pictures]
        near, rivals = self.best(self._vectors[rows], pictures, own=False)
        deviations = []
        for picture, row, rival in zip(pictures, rows, rivals, strict=True):
            against = self._vectors[[row, rival]].astype(np.float32)
            seen = probes.vectors[probes.pictures == picture].astype(np.float32)
            deviations.append(float(np.std(seen @ (against[0] - against[1]))))
        return float(np.median(deviations)) if np.isfinite(near).any() else 0.0
