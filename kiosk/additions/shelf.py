# SPDX-License-Identifier: Apache-2.0
"""Which additions are searched over a release, why the others are not, and by which limits.

What was tried before is tried again with every other release: an addition that would take matches
from one of its SKUs is kept and not searched. What a release has itself is the release's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kiosk.additions.rule import accept_limit
from kiosk.additions.trying import Probes, Standing, tried
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

    def with_one(
        self, addition: Addition, nearest: float, others: Sequence[Addition], limits: Thresholds
    ) -> Shelf:
        """One more that has just been tried against this release and `others`."""
        there = [other for other in others if other.addition_id in self.standing]
        standing = dict(self.standing)
        _place(standing, there, addition, nearest, limits)
        return replace(self, standing=standing)


def shelved(base: Snapshot, additions: Sequence[Addition], probes_of: ProbesOf) -> Shelf:
    """Try every addition against a release, oldest first."""
    standing: dict[str, Standing] = {}
    trouble: dict[str, str] = {}
    used: list[Addition] = []
    probes = probes_of(base) if additions else None
    for addition in additions:
        said = out_of_place(base, addition)
        found: Rival | Standing | None = None
        if not said:
            found = tried(base, addition.sku, addition.views, None, probes)
        if isinstance(found, Rival):
            said = TAKES.format(name=found.name, sku=found.sku)
        if isinstance(found, Standing):
            _place(standing, used, addition, found.nearest, base.thresholds)
            used.append(addition)
        else:
            trouble[addition.addition_id] = said
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


def _place(
    standing: dict[str, Standing],
    others: Sequence[Addition],
    addition: Addition,
    nearest: float,
    limits: Thresholds,
) -> None:
    """Put an addition beside others: each of them is another SKU to the rest."""
    wide = _wide(addition)
    for other in others:
        if other.sku == addition.sku:
            continue
        near = float(similarities(wide, _wide(other)).max())
        nearest = max(nearest, near)
        raised = max(standing[other.addition_id].nearest, near)
        standing[other.addition_id] = Standing(raised, accept_limit(raised, limits))
    standing[addition.addition_id] = Standing(nearest, accept_limit(nearest, limits))


def _wide(addition: Addition) -> NDArray[np.float32]:
    return np.concatenate([view.vectors for view in addition.views]).astype(np.float32)
