# SPDX-License-Identifier: Apache-2.0
"""Which SKUs of a catalog a look may list: the nearest, or the nearest of those that are wanted."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.catalog.details import COMPARED_SKUS
from kiosk.catalog.snapshot import Candidate, Snapshot
from kiosk.values import Embedding, Record

LISTED_SKUS = COMPARED_SKUS
"""SKUs kept per look: what a choice can offer, and some to compare and to fuse over frames."""

Wanted = Callable[[Record], bool]
"""Whether a SKU may be listed."""


def listed(
    snapshot: Snapshot, embedding: Embedding, wanted: Wanted | None
) -> tuple[Candidate, ...]:
    """The nearest SKUs, the most similar first; others are fetched for those not wanted."""
    count = LISTED_SKUS
    while True:
        found = snapshot.candidates(embedding, count)
        if wanted is None:
            return found
        kept = [each for each in found if wanted(snapshot.record(each.match.sku))]
        if len(kept) >= LISTED_SKUS or len(found) < count:
            return tuple(kept[:LISTED_SKUS])
        count *= 4


def may_list(snapshot: Snapshot, sku: str, wanted: Wanted | None) -> bool:
    return wanted is None or wanted(snapshot.record(sku))
