# SPDX-License-Identifier: Apache-2.0
"""Trying an addition against the catalog that answers, before it is searched and whenever another
release does.

Only the SKUs that a search puts nearest to the new views can lose a match to them, so that it costs
a few searches however large the catalog is. Similarities decide; what a live kiosk would say of the
views themselves, print included, is asked of `Judge`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kiosk.additions.rule import accept_limit, steals, taken
from kiosk.additions.values import AddedView, Rival
from kiosk.catalog.joined import Ranked
from kiosk.catalog.snapshot import Snapshot
from kiosk.decide import judge
from kiosk.search import similarities
from kiosk.values import Embedding, Match, Outcome

NEAREST_SKUS = 10
"""Of each new vector, the SKUs that are looked at."""


class Judge(Protocol):
    """What the live kiosk would match with a view, print included."""

    def __call__(self, snapshot: Snapshot, view: AddedView) -> tuple[Match, ...]: ...


class Probes(Protocol):
    """Views of catalog items as cameras may see them, and what SKU each is."""

    @property
    def queries(self) -> NDArray[np.float32]:
        """(P, D), unit length."""

    @property
    def skus(self) -> Sequence[str]:
        """(P,) the right answers."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an addition that may be made stands in a catalog."""

    nearest: float
    """Similarity of the nearest reference of another SKU."""
    accept: float
    """Its own limit."""


def tried(
    snapshot: Snapshot,
    sku: str,
    views: Sequence[AddedView],
    judged: Judge | None,
    probes: Probes | None = None,
    near: Sequence[Ranked] | None = None,
) -> Rival | Standing:
    """Whether `views` may be added as `sku`: the SKU in the way, or how the addition stands.

    `judged` None: what the views are taken for is not asked, as for those that were added before.
    `near`: what `ranked` gives for the views, where it was asked for many additions at once.
    """
    if judged is not None:
        for number, view in enumerate(views):
            rival = _already(snapshot, sku, judged(snapshot, view), number)
            if rival is not None:
                return rival
    new = np.concatenate([view.vectors for view in views]).astype(np.float32)
    owner = np.repeat(np.arange(len(views)), [len(view.vectors) for view in views])
    nearest = -1.0
    if near is None:
        near = [_searched(snapshot, view) for view in views]
    for other in _endangered(near, sku):
        held = snapshot.references(other)
        nearest = max(nearest, float(similarities(held.vectors, new).max()))
        found = taken(held.vectors, held.pictures, new, snapshot.thresholds)
        if found is not None:
            row, at = found
            itself = snapshot.named(other, held.vectors[row]).match
            match = replace(
                itself, similarity=float(similarities(held.vectors[row], new[at : at + 1])[0])
            )
            return _rival(snapshot, match, int(owner[at]), already=False)
    if probes is not None:
        lost = _lost(snapshot, sku, new, probes)
        if lost is not None:
            match, at = lost
            return _rival(snapshot, match, int(owner[at]), already=False)
    return Standing(nearest, accept_limit(nearest, snapshot.thresholds))


def _already(snapshot: Snapshot, sku: str, matches: tuple[Match, ...], number: int) -> Rival | None:
    verdict = judge(matches, snapshot.thresholds)
    if verdict.outcome is not Outcome.ACCEPTED or verdict.sku == sku:
        return None
    return _rival(snapshot, matches[0], number, already=True)


def ranked(snapshot: Snapshot, views: Sequence[AddedView]) -> list[Ranked]:
    """The SKUs nearest to each of many views, quicker than a search for each."""
    plain = [view.vectors[0] for view in views]
    return snapshot.ranked(np.array(plain, np.float32), NEAREST_SKUS)


def _searched(snapshot: Snapshot, view: AddedView) -> Ranked:
    found = snapshot.match(view.vectors[0].astype(np.float32), NEAREST_SKUS)
    return tuple((match.sku, match.similarity) for match in found)


def _endangered(near: Sequence[Ranked], sku: str) -> tuple[str, ...]:
    """The other SKUs that are nearest to any of the views, likeliest first."""
    best: dict[str, float] = {}
    for name, similarity in (each for ranking in near for each in ranking):
        if name != sku:
            best[name] = max(similarity, best.get(name, -1.0))
    return tuple(sorted(best, key=lambda other: -best[other]))


def _lost(
    snapshot: Snapshot, sku: str, new: NDArray[np.float32], probes: Probes
) -> tuple[Match, int] | None:
    """A probe of another SKU that would be lost, as its match, and the new vector it goes to."""
    if not len(probes.queries):
        return None
    seen = probes.queries
    near = similarities(seen, new)
    for number in np.flatnonzero(near.max(axis=1) >= snapshot.thresholds.choose).tolist():
        probe: Embedding = seen[number]
        right = snapshot.match(probe, 1)
        if not right or right[0].sku == sku or right[0].sku != probes.skus[number]:
            continue
        own, at = right[0], int(near[number].argmax())
        if steals(own.similarity, float(near[number, at]), snapshot.thresholds):
            return replace(own, similarity=float(near[number, at])), at
    return None


def _rival(snapshot: Snapshot, match: Match, view: int, *, already: bool) -> Rival:
    return Rival(
        sku=match.sku,
        name=snapshot.record(match.sku).name or match.sku,
        release=snapshot.release,
        reference=match.reference,
        added=match.added,
        view=view,
        similarity=match.similarity,
        already=already,
    )
