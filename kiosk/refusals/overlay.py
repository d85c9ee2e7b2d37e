# SPDX-License-Identifier: Apache-2.0
"""The refusals that hold, as every look is held against them: immutable, swapped whole.

Only refusals of the SKUs a look is like are looked at, so that what it costs does not grow with
their number; a release without one of the SKUs makes nothing of its refusals.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kiosk.refusals import rule
from kiosk.refusals.refusal import Refusal
from kiosk.search import similarities
from kiosk.values import Embedding, Features, Match
from kiosk.verify import compare_all
from kiosk.vision.features import method

COMPARED_SKUS = 2
"""Of the SKUs a look is most like, those whose refused prints are looked for."""
COMPARED_VIEWS = 2
"""Of each of them, the refused views that are nearest."""


@dataclass(frozen=True, slots=True, eq=False)
class _Views:
    """What is not one SKU."""

    vectors: NDArray[np.float32]
    """(K, D)."""
    similarities: NDArray[np.float32]
    """(K,) of each to the SKU, when it was refused."""
    features: tuple[Features | None, ...]


class Refusals:
    """Read it from any thread; `swap` makes other refusals count from the next look on."""

    def __init__(self, embedder: str, dimension: int) -> None:
        """sha256 of the embedder in use, and the length of its vectors; refusals made with another
        are not used.
        """
        self._embedder = embedder
        self._dimension = dimension
        self._by_sku: Mapping[str, _Views] = {}

    def swap(self, refusals: Iterable[Refusal]) -> int:
        """These count from now on, as far as they hold. Gives how many of them do."""
        kept: dict[str, list[Refusal]] = {}
        for refusal in refusals:
            if refusal.holds and self.usable(refusal):
                kept.setdefault(refusal.sku, []).append(refusal)
        self._by_sku = {sku: _views(some) for sku, some in kept.items()}
        return sum(map(len, kept.values()))

    def follow(self, embedder: str, dimension: int) -> None:
        """Looks are taken with this embedder from now on; nothing is refused until `swap`."""
        self._by_sku = {}
        self._embedder, self._dimension = embedder, dimension

    def usable(self, refusal: Refusal) -> bool:
        """It lies in the vector space of the embedder in use."""
        return refusal.embedder == self._embedder and len(refusal.embedding) == self._dimension

    def concern(self, matches: Sequence[Match]) -> bool:
        """Something was refused of the SKUs on top: a second look at the item is worth its time."""
        return any(match.sku in self._by_sku for match in matches[:COMPARED_SKUS])

    def marked(
        self, matches: Sequence[Match], embedding: Embedding, features: Features | None = None
    ) -> tuple[Match, ...]:
        """The matches in their order, `refused` where the look is what was said not to be the SKU.

        embedding: (D,) of the look; features: its local ones, if a second look was taken, whose
        result the matches then carry.
        """
        by_sku = self._by_sku  # one set of refusals for one look, whatever is swapped meanwhile
        if not by_sku or len(embedding) != self._dimension:  # a look of before the last `follow`
            return tuple(matches)
        return tuple(
            replace(match, refused=True)
            if match.sku in by_sku
            and _is_refused(
                match, by_sku[match.sku], embedding, features if place < COMPARED_SKUS else None
            )
            else match
            for place, match in enumerate(matches)
        )


def _views(refusals: Sequence[Refusal]) -> _Views:
    comparable = method()
    return _Views(
        np.stack([refusal.embedding for refusal in refusals]).astype(np.float32),
        np.array([refusal.similarity for refusal in refusals], np.float32),
        tuple(refusal.features if refusal.method == comparable else None for refusal in refusals),
    )


def _is_refused(
    match: Match, views: _Views, embedding: Embedding, features: Features | None
) -> bool:
    near = similarities(embedding, views.vectors)
    undecided = np.ones(len(near), np.bool_)
    if features is not None:
        own = 0.0 if match.verified is None else match.verified.strength
        said = rule.by_print(_strongest(features, views, near), own)
        if said:
            return True
        if said is False:  # says nothing of views that were refused without a second look
            undecided = np.array([kept is None for kept in views.features])
    return rule.nearer(near[undecided], match.similarity, views.similarities[undecided])


def _strongest(looked: Features, views: _Views, near: NDArray[np.float32]) -> float:
    """Greatest strength with which the look shows the print of one of the nearest views."""
    order = [views.features[place] for place in np.argsort(-near, kind="stable")]
    known = [found for found in order if found is not None][:COMPARED_VIEWS]
    return max((found.strength for found in compare_all(looked, known, math.inf)), default=0.0)
