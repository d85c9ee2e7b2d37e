# SPDX-License-Identifier: Apache-2.0
"""Searches among the references of a release with something left out: a SKU, or one picture of it.

Memory stays bounded whatever the catalog's size: queries and references are taken in blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.details import Details, NoDetails
from kiosk.values import Features

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
    details: Details = field(default_factory=NoDetails)
    """Local features by picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """(M, D) unit vectors of camera views; row i shows picture `pictures[i]` of the references."""

    vectors: Vectors
    pictures: Numbers
    details: tuple[Features, ...] = ()
    """Local features of each row; empty: none were taken."""


def evenly(rows: Rows, most: int) -> Rows:
    """At most `most` of `rows`, spread over all of them."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.intp)]


class LeavingOut:
    """The references, and searches among them with something left out."""

    def __init__(self, references: References) -> None:
        self._vectors = references.vectors
        self._skus, self._pictures = references.skus, references.pictures
        self.details = references.details
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

    def joined(self) -> tuple[tuple[int, int], ...]:
        """Pairs of SKUs of one family, which connect all of it."""
        pairs = np.unique(np.stack([self._families, self._skus], axis=1), axis=0)
        same = pairs[1:, 0] == pairs[:-1, 0]
        return tuple(
            (int(one), int(other))
            for one, other in zip(pairs[:-1, 1][same], pairs[1:, 1][same], strict=True)
        )

    def best(
        self,
        queries: Vectors,
        pictures: Numbers,
        *,
        own: bool,
        without: Numbers | None = None,
    ) -> tuple[Floats, Rows]:
        """Best similarity of each of (Q, D) queries, and to which row.

        own: among the SKU of its picture without that picture; a SKU with one picture keeps it.
        Otherwise: among all other families. `without`: (Q,) one more SKU to leave out. -inf where
        nothing is left.
        """
        return self._best(
            queries, without, lambda block, part: self._allowed(pictures[block], part, own)
        )

    def best_outside(self, queries: Vectors, without: Numbers | None = None) -> tuple[Floats, Rows]:
        """The same for (Q, D) vectors of things that are in no catalog: all rows count."""
        return self._best(queries, without, None)

    def _best(
        self,
        queries: Vectors,
        without: Numbers | None,
        allowed: Callable[[slice, slice], NDArray[np.bool_]] | None,
    ) -> tuple[Floats, Rows]:
        found = np.full(len(queries), -np.inf, np.float32)
        where = np.zeros(len(queries), np.intp)
        for start in range(0, len(queries), _QUERY_BLOCK):
            block = slice(start, start + _QUERY_BLOCK)
            wide = queries[block].astype(np.float32)
            for low in range(0, len(self._vectors), _REFERENCE_BLOCK):
                part = slice(low, low + _REFERENCE_BLOCK)
                near = wide @ self._vectors[part].astype(np.float32).T
                if allowed is not None:
                    near[~allowed(block, part)] = -np.inf
                if without is not None:
                    near[np.equal.outer(without[block], self._skus[part])] = -np.inf
                nearest = near.argmax(axis=1)
                value = near[np.arange(len(near)), nearest]
                where[block] = np.where(value > found[block], low + nearest, where[block])
                found[block] = np.maximum(value, found[block])
        return found, where

    def _allowed(self, pictures: Numbers, part: slice, own: bool) -> NDArray[np.bool_]:
        skus = self._sku_of[pictures]
        if not own:
            return np.not_equal.outer(self._family_of(skus), self._families[part])
        same_sku = np.equal.outer(skus, self._skus[part])
        other_picture = np.not_equal.outer(pictures, self._pictures[part])
        return np.logical_and(same_sku, other_picture | ~self._has_sisters[pictures][:, None])

    def _family_of(self, skus: Numbers) -> Numbers:
        family = np.zeros(int(self._skus.max()) + 1, np.int32)
        family[self._skus] = self._families
        return family[skus]

    def nearest(
        self, queries: Vectors, pictures: Numbers, count: int, *, own: bool
    ) -> tuple[Floats, Rows]:
        """The `count` nearest rows of each query, best first, and their similarities.

        What is left out is as in `best`; where too little is left, similarities are -inf.
        """
        values = np.full((len(queries), count), -np.inf, np.float32)
        rows = np.zeros((len(queries), count), np.intp)
        wide = queries.astype(np.float32)
        for low in range(0, len(self._vectors), _REFERENCE_BLOCK):
            part = slice(low, low + _REFERENCE_BLOCK)
            near = wide @ self._vectors[part].astype(np.float32).T
            near[~self._allowed(pictures, part, own)] = -np.inf
            here = np.broadcast_to(np.arange(low, low + near.shape[1]), near.shape)
            values, rows = np.hstack([values, near]), np.hstack([rows, here])
            order = np.argsort(-values, axis=1, kind="stable")[:, :count]
            values = np.take_along_axis(values, order, axis=1)
            rows = np.take_along_axis(rows, order, axis=1)
        return values, rows

    def owner(self, row: int) -> tuple[int, int]:
        """SKU and picture of a reference."""
        return int(self._skus[row]), int(self._pictures[row])

    def rows_to_rank(self, skus: int) -> int:
        """How many rows hold about `skus` SKUs."""
        each = len(self._skus) / len(np.unique(self._skus))
        return min(len(self._skus), max(50, round(1.5 * skus * each)))

    def skus_of(self, pictures: Numbers) -> Numbers:
        """The SKU of each picture."""
        return self._sku_of[pictures]

    def articles_of(self, pictures: Numbers) -> Numbers:
        """Which article each picture shows, by number: SKUs that share a picture are one."""
        return self._family_of(self._sku_of[pictures])

    def owners(self, rows: Rows) -> Numbers:
        """The SKU of each reference."""
        return self._skus[rows]

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
