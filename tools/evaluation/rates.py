# SPDX-License-Identifier: Apache-2.0
"""From cases to rates, and the rates held against what the releases state of themselves.

A photo is held against several catalogs, and a thing has several photos: none of these are
independent. So whole things are resampled over all catalogs together, and beside it stands the
exact interval of the share of things of which any photo was ever accepted wrongly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kiosk.values import Claim
from tools.evaluation.bootstrap import Clusters, Estimate, Floats
from tools.evaluation.cases import Case, Said
from tools.evaluation.exact import clopper_pearson


@dataclass(frozen=True, slots=True)
class Against:
    """One catalog: what happened, and what its release states."""

    half: int
    wrong: int
    """Photos accepted wrongly."""
    photos: int
    stated: float | None
    """Most that its release states; None: it states nothing of this kind."""

    @property
    def within(self) -> bool:
        return self.stated is not None and self.wrong <= self.stated * self.photos


@dataclass(frozen=True, slots=True)
class Rates:
    """All cases of one kind under one asked rate."""

    photos: int
    """Photos, counted once for each catalog they met."""
    things: int
    said: Mapping[Said, Estimate]
    wrong: int
    wrong_rate: Estimate
    """Of photos; whole things resampled."""
    wrong_things: int
    wrong_things_rate: Estimate
    """Of things: any photo of it, in any catalog; exact."""
    accuracy: Estimate
    """Right among accepted."""
    named: int
    """Cases without a SKU whose category was named."""
    named_right: int
    halves: tuple[Against, ...]

    @property
    def within(self) -> int:
        """Catalogs in which the observed share is within the stated one."""
        return sum(each.within for each in self.halves)

    @property
    def stated(self) -> tuple[float, float] | None:
        """Least and most that the releases state; None: one of them states nothing."""
        bounds = [each.stated for each in self.halves]
        known = [bound for bound in bounds if bound is not None]
        return (min(known), max(known)) if known and len(known) == len(bounds) else None

    def as_dict(self) -> dict[str, object]:
        stated = self.stated
        return {
            "photos": self.photos,
            "things": self.things,
            "wrong": self.wrong,
            "wrong_rate": self.wrong_rate.as_dict(),
            "wrong_things": self.wrong_things,
            "wrong_things_rate": self.wrong_things_rate.as_dict(),
            "accuracy_among_accepted": self.accuracy.as_dict(),
            "said": {said.value: share.as_dict() for said, share in self.said.items()},
            "category_named": self.named,
            "category_named_right": self.named_right,
            "stated": None if stated is None else {"least": stated[0], "most": stated[1]},
            "within_stated": self.within,
            "catalogs": [
                {
                    "half": each.half,
                    "wrong": each.wrong,
                    "photos": each.photos,
                    "stated": each.stated,
                    "within": each.within,
                }
                for each in self.halves
            ],
        }


def rates(cases: Sequence[Case], claims: Mapping[int, Claim | None], seed: int) -> Rates:
    """Rates of cases of one kind; `claims`: what the release of each half states of that kind."""
    clusters = Clusters([each.picture.sku for each in cases], (seed,))
    wrong = [each for each in cases if each.said is Said.WRONG]
    accepted = _hits(cases, Said.RIGHT) + _hits(cases, Said.WRONG)
    things = {each.picture.sku for each in wrong}
    named = [each for each in cases if each.category]
    return Rates(
        photos=len(cases),
        things=clusters.count,
        said={said: clusters.share(_hits(cases, said)) for said in Said},
        wrong=len(wrong),
        wrong_rate=clusters.share(_hits(cases, Said.WRONG)),
        wrong_things=len(things),
        wrong_things_rate=clopper_pearson(len(things), clusters.count),
        accuracy=clusters.share(_hits(cases, Said.RIGHT), accepted),
        named=len(named),
        named_right=sum(each.category == each.picture.category for each in named),
        halves=_halves(cases, wrong, claims),
    )


def _halves(
    cases: Sequence[Case], wrong: Sequence[Case], claims: Mapping[int, Claim | None]
) -> tuple[Against, ...]:
    photos = Counter(each.half for each in cases)
    mistakes = Counter(each.half for each in wrong)
    bounds = {half: None if claim is None else claim.bound for half, claim in claims.items()}
    return tuple(
        Against(half, mistakes[half], photos[half], bounds.get(half)) for half in sorted(photos)
    )


def _hits(cases: Sequence[Case], said: Said) -> Floats:
    return np.array([each.said is said for each in cases], np.float64)
