# SPDX-License-Identifier: Apache-2.0
"""Which additions are searched over a release, why the others are not, and by which limits.

What was tried before is tried again with every other release: an addition that would take matches
from one of its SKUs is kept and not searched. What a release has itself is the release's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from kiosk.additions.rule import accept_limit
from kiosk.additions.trying import Probes, Standing, ranked, tried
from kiosk.additions.values import Addition, Rival
from kiosk.catalog.segment import Added, MemorySegment
from kiosk.catalog.snapshot import Snapshot
from kiosk.errors import CatalogError
from kiosk.search import similarities
from kiosk.values import Box, Code, Record, Thresholds

IN_CATALOG = "It is in the catalog now: the release's own pictures answer."
FILED = "Its barcode is in the catalog now, as {sku}: that answers."
GONE = "The catalog has no {sku} any more."
OTHER_MODEL = "Made with another model; it is being made again."
NO_PICTURES = "Made with another model, and its pictures are gone: add it again."
TAKES = "It would take matches from {name} ({sku}) of this catalog."
_NOWHERE = Box(0, 0, 0, 0)

ProbesOf = Callable[[Snapshot], Probes | None]


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """What is searched, beside which release."""

    release: str
    standing: Mapping[str, Standing]
    """By addition, of those that are searched."""
    trouble: Mapping[str, str]
    """By addition, why it is not searched."""

    def knows(self, addition: Addition) -> bool:
        """It was tried."""
        return addition.addition_id in self.standing or addition.addition_id in self.trouble

    def with_one(
        self, addition: Addition, nearest: float, others: Sequence[Addition], limits: Thresholds
    ) -> Shelf:
        """One more that has just been tried against this release and `others`."""
        there = [_Placed(other) for other in others if other.addition_id in self.standing]
        standing = dict(self.standing)
        _place(standing, there, _Placed(addition), nearest, limits)
        return replace(self, standing=standing)


def shelved(
    base: Snapshot, additions: Sequence[Addition], probes_of: ProbesOf, known: Shelf | None = None
) -> Shelf:
    """Try every addition against a release, oldest first, but those that `known` has tried."""
    shelf = known or Shelf(base.release, {}, {})
    fresh = [each for each in additions if not shelf.knows(each)]
    standing, trouble = dict(shelf.standing), dict(shelf.trouble)
    trouble |= {each.addition_id: out_of_place(base, each) for each in fresh}
    there = [_Placed(each) for each in additions if each.addition_id in standing]
    fresh = [each for each in fresh if not trouble[each.addition_id]]
    probes = probes_of(base) if fresh else None
    near = iter(ranked(base, [view for each in fresh for view in each.views]))
    for addition in fresh:
        own = list(islice(near, len(addition.views)))
        found = tried(base, addition.sku, addition.views, None, probes, own)
        if isinstance(found, Rival):
            trouble[addition.addition_id] = TAKES.format(name=found.name, sku=found.sku)
        else:
            del trouble[addition.addition_id]
            placed = _Placed(addition)
            _place(standing, there, placed, found.nearest, base.thresholds)
            there.append(placed)
    return Shelf(base.release, standing, trouble)


def out_of_place(base: Snapshot, addition: Addition) -> str:
    """Why an addition is not for this release; empty: it may be tried."""
    embedder = base.manifest.embedder.sha256
    if addition.embedder != embedder or any(not len(view.vectors) for view in addition.views):
        return OTHER_MODEL
    known = has(base, addition.sku)
    if addition.more:
        return "" if known else GONE.format(sku=addition.sku)
    if known:
        return IN_CATALOG
    codes = [Code(code, "", _NOWHERE) for code in addition.record.barcodes]
    filed = base.coded(codes)
    return FILED.format(sku=filed[0]) if filed else ""


def has(base: Snapshot, sku: str) -> bool:
    try:
        base.record(sku)
    except CatalogError:
        return False
    return True


def composed(base: Snapshot, shelf: Shelf, additions: Sequence[Addition]) -> Snapshot:
    """A snapshot that searches the release and what stands on the shelf, or the release's own where
    nothing does. It shares what the release has open; both are closed by their owners.
    """
    used = [each for each in additions if each.addition_id in shelf.standing]
    if not used:
        return base
    records: dict[str, Record] = {}
    limits: dict[str, float] = {}
    pictures = []
    for addition in used:
        record = base.record(addition.sku) if addition.more else addition.record
        records[addition.sku] = record
        accept = shelf.standing[addition.addition_id].accept
        limits[addition.sku] = max(accept, limits.get(addition.sku, accept))
        pictures += [
            Added(addition.sku, view.vectors, addition.thumbnail, view.features)
            for view in addition.views
        ]
    return base.extended(MemorySegment(list(records.values()), pictures), limits)


class _Placed:
    """An addition, and its references widened once."""

    def __init__(self, addition: Addition) -> None:
        self.name, self.sku = addition.addition_id, addition.sku
        self.wide: NDArray[np.float32] = np.concatenate(
            [view.vectors for view in addition.views]
        ).astype(np.float32)


def _place(
    standing: dict[str, Standing],
    others: Sequence[_Placed],
    addition: _Placed,
    nearest: float,
    limits: Thresholds,
) -> None:
    """Put an addition beside others: each of them is another SKU to the rest."""
    for other in others:
        if other.sku == addition.sku:
            continue
        near = float(similarities(addition.wide, other.wide).max())
        nearest = max(nearest, near)
        if near > standing[other.name].nearest:
            standing[other.name] = Standing(near, accept_limit(near, limits))
    standing[addition.name] = Standing(nearest, accept_limit(nearest, limits))
