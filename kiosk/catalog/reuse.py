# SPDX-License-Identifier: Apache-2.0
"""Which segments of an earlier release the next one keeps, and what has to be written anew.

Pure: what is wanted and what is there in, a plan out. A picture that came back is no longer under
its tombstone. Bytes sent are weighed against what every kiosk has to search: see MOST_SEGMENTS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.records import PictureEntry
from kiosk.values import Record

MOST_SEGMENTS = 32
"""Beyond, the newest are merged. Where 1 % of 100,000 references changes a day, 60 days cost 0.8 MB
each, the vectors of the changes alone being 0.5, and at most 4.4 MB on one day (`tools.churn`)."""
MOST_DEAD = 0.4
"""Share of references under tombstones from which all is written anew: all but the small
segments would have to be sent again."""

Identity = tuple[str, str, str, str, str]
"""SKU, name, sha256, key and custom content of an enrolled picture."""
Home = tuple[int, int]
"""Segment, and picture in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Previous:
    """A segment of the earlier release."""

    records: Sequence[Record]
    pictures: Sequence[PictureEntry]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to do."""

    kept: tuple[int, ...] = ()
    """Segments that stay, by number, the newest last."""
    dead: Mapping[int, NDArray[np.bool_]] = field(default_factory=dict)
    """For each of these, which of its pictures are gone."""
    written: tuple[tuple[int, Home | None], ...] = ()
    """Pictures of the new segment, in order: number among the wanted, and where to copy all but
    its custom content from; None: it is new."""
    records: tuple[str, ...] = ()
    """SKUs whose record the new segment holds, in order."""


def plan(
    wanted: Sequence[Identity], known: Mapping[str, Record], before: Sequence[Previous]
) -> Plan:
    """How to come from the segments `before` to the pictures `wanted`, which are in order."""
    places: dict[Identity, Home] = {}
    others: dict[tuple[str, ...], Home] = {}
    for number, each in enumerate(before):
        owners = [record.sku for record in each.records]
        for at, one in enumerate(each.pictures):
            identity = _settled((owners[one.sku], one.name, one.sha256, one.key, one.custom))
            places.setdefault(identity, (number, at))
            others.setdefault(identity[:-1], (number, at))
    homes = [places.get(_settled(identity)) for identity in wanted]
    live = [np.zeros(len(each.pictures), np.bool_) for each in before]
    for home in homes:
        if home is not None:
            live[home[0]][home[1]] = True
    kept = _kept(before, live, sum(home is None for home in homes))
    written = [
        (number, home or others.get(_settled(wanted[number])[:-1]))  # its custom content is new
        for number, home in enumerate(homes)
        if home is None or home[0] not in kept
    ]
    newest = {record.sku: record for number in kept for record in before[number].records}
    skus = {identity[0] for identity in wanted}
    changed = {sku for sku in skus if newest.get(sku) != known[sku]}
    changed |= {wanted[number][0] for number, _ in written}
    dead = {number: ~live[number] for number in kept}
    return Plan(kept, dead, tuple(written), tuple(sorted(changed)))


def _settled(identity: Identity) -> Identity:
    """Keys begin with the sha256, or need not: what is kept of them is the rest."""
    sku, name, sha256, key, custom = identity
    return sku, name, sha256, key.removeprefix(sha256), custom


def _kept(
    before: Sequence[Previous], live: Sequence[NDArray[np.bool_]], new: int
) -> tuple[int, ...]:
    weights = [np.array([len(one.views) for one in each.pictures], np.int64) for each in before]
    living = [int(weight[alive].sum()) for weight, alive in zip(weights, live, strict=True)]
    total = sum(int(weight.sum()) for weight in weights)
    kept = [number for number, count in enumerate(living) if count]
    if not kept or total - sum(living) > MOST_DEAD * total:
        return ()
    if len(kept) + 1 > MOST_SEGMENTS:
        views = max(1, round(total / max(1, sum(len(weight) for weight in weights))))
        kept = kept[: merged_from([living[number] for number in kept], new * views)]
    return tuple(kept)


def merged_from(living: Sequence[int], new: int) -> int:
    """The first of the segments that the newest is merged with: those up to its size, so that a
    reference is written again few times, and never the oldest.
    """
    size, first = new, len(living)
    while first > 1 and living[first - 1] <= size and len(living) - first < MOST_SEGMENTS // 4:
        first -= 1
        size += living[first]
    return min(first, max(1, len(living) - 1))
