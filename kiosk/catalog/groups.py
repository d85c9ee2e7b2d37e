# SPDX-License-Identifier: Apache-2.0
"""Look-alikes: SKUs that no margin tells apart, and the groups that they form.

Two SKUs are look-alikes when one of them comes as near to the other's own views as the other does,
give or take what the view of a picture moves anyway, in half of the views; or when the two have the
same picture. A group is whatever such pairs connect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from kiosk.catalog.leave_out import Floats, Numbers

CLOSE = 1.0
OFTEN = 0.5
"""A SKU is another's look-alike when in this share of its views the other is as near, give or take
CLOSE times the noise."""

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Groups:
    """Which SKUs, by number, are look-alikes of which."""

    pairs: frozenset[Pair] = frozenset()
    """Both ways round."""
    twins: frozenset[int] = frozenset()
    """SKUs that share a picture with another one: nothing tells these apart."""
    _of: dict[int, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[Pair], twins: frozenset[int] = frozenset()) -> Groups:
        """The groups that these pairs, in any order, form."""
        both = frozenset(way for one, other in pairs for way in ((one, other), (other, one)))
        found: dict[int, set[int]] = {}
        for one, other in both:
            found.setdefault(one, set()).add(other)
        return cls(both, twins, {sku: frozenset(others) for sku, others in found.items()})

    def look_alikes(self, sku: int, without: int = -1) -> frozenset[int]:
        """Those of `sku`, as they would be if the catalog did not have SKU `without`."""
        return self._of.get(sku, frozenset()) - {without}

    @property
    def skus(self) -> frozenset[int]:
        """All SKUs that have look-alikes."""
        return frozenset(self._of)

    def members(self) -> tuple[tuple[int, ...], ...]:
        """The groups, each in order, in the order of their first SKUs."""
        left, found = set(self._of), []
        while left:
            group, edge = set[int](), {min(left)}
            while edge:
                group |= edge
                edge = {other for sku in edge for other in self._of[sku]} - group
            found.append(tuple(sorted(group)))
            left -= group
        return tuple(found)


def look_alikes(owners: Numbers, rivals: Numbers, leads: Floats, noise: float) -> set[Pair]:
    """Pairs of SKUs that the views show to be look-alikes.

    owners, rivals, leads: (P,) for each view its SKU, the nearest other one, and by how much its
    own one is nearer.
    """
    close = np.isfinite(leads) & (leads < CLOSE * noise)
    found: set[Pair] = set()
    for sku in np.unique(owners[close]):
        others, counts = np.unique(rivals[close & (owners == sku)], return_counts=True)
        if counts.max() >= OFTEN * np.count_nonzero(owners == sku):
            found.add((int(sku), int(others[counts.argmax()])))
    return found
