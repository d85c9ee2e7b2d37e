# SPDX-License-Identifier: Apache-2.0
"""What leaving references out, and showing strangers, has shown: plain numbers, no judgement.

Photos from the camera are not there yet when a catalog is built. So each picture is looked at as a
camera on a bad day may see it (`augment.CAMERA`, never enrolled), and these probes are searched for
among the references twice. Strangers: without their SKU, as if it were not in the catalog: what
would the best answer be? Own items: in their SKU without their picture. Then the shipped strangers
are searched for among all of them.

The bias to keep in mind: views made of a catalog picture are easier for the own SKU than photos
from a counter. That flatters what is accepted rightly, not what is accepted wrongly: a known item
that is seen badly is like a stranger to all other SKUs, and strangers are what limits are set by.

What is assumed: the SKUs of a catalog stand for articles of its kind that are not in it. They also
are each other's references, so their scores are exchangeable but not quite independent: on made-up
catalogs of 25 SKUs, 93 of 100 kept a bound that 95 should (tests/test_claims.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.groups import Groups, look_alikes
from kiosk.catalog.leave_out import Floats, LeavingOut, Numbers, Probes, References, evenly
from kiosk.catalog.second import Compared, compare
from kiosk.catalog.strangers import Strangers

MOST_PLAIN = 4000
"""Pictures that are looked at for being in the catalog twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The two nearest SKUs of each of Q views; similarity -inf where there is none."""

    similarity: Floats
    sku: Numbers
    second: Floats
    runner_up: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """One entry per probe, P in all, unless something else is said."""

    count: int
    """Different articles in the catalog: SKUs that share a picture are one."""
    skus: Numbers
    """Its own SKU."""
    articles: Numbers
    """The article that is."""
    own: Floats
    """Best similarity to what is left of the own SKU."""
    others: Nearest
    """Other articles: what it would be taken for, were its own not in the catalog."""
    noise: float
    """By how much the view of a picture moves its lead over the nearest other SKU."""
    groups: Groups
    twins: int
    """Pictures that another SKU has too; such SKUs are not tried against each other."""
    outside: Nearest
    """(M,) the shipped strangers."""
    compared: Compared | None = None
    """The same with a second look, for some of the probes; None: there is none."""

    def has_look_alikes(self, skus: Numbers) -> NDArray[np.bool_]:
        """Which of these SKUs are in a group."""
        return np.isin(skus, sorted(self.groups.skus))


def measure(
    references: References,
    probes: Probes,
    looked: Probes | None,
    strangers: Strangers,
) -> Samples:
    """Search for every probe with its SKU or its picture left out, and for every stranger."""
    table = LeavingOut(references)
    table.join_twins(evenly(np.flatnonzero(references.views == 0), MOST_PLAIN))
    vectors, pictures = probes.vectors, probes.pictures
    own = table.best(vectors, pictures, own=True)[0]
    others = _left_out(table, probes)
    noise = table.noise(probes)
    skus = table.skus_of(pictures)
    joined = table.joined()
    pairs = look_alikes(skus, others.sku, own - others.similarity, noise) | set(joined)
    return Samples(
        count=len(np.unique(table.articles_of(references.pictures))),
        skus=skus,
        articles=table.articles_of(pictures),
        own=own,
        others=others,
        noise=noise,
        groups=Groups.of(pairs, frozenset(sku for pair in joined for sku in pair)),
        twins=table.twins,
        outside=_outside(table, strangers),
        compared=compare(table, looked) if looked is not None else None,
    )


def _left_out(table: LeavingOut, probes: Probes) -> Nearest:
    best, rows = table.best(probes.vectors, probes.pictures, own=False)
    first = table.owners(rows)
    second, more = table.best(probes.vectors, probes.pictures, own=False, without=first)
    return Nearest(best, first, second, table.owners(more))


def _outside(table: LeavingOut, strangers: Strangers) -> Nearest:
    best, rows = table.best_outside(strangers.vectors)
    first = table.owners(rows)
    second, more = table.best_outside(strangers.vectors, first)
    return Nearest(best, first, second, table.owners(more))
