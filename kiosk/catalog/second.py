# SPDX-License-Identifier: Apache-2.0
"""The second look of a calibration: probes compared with their candidates as a kiosk would do it.

Without it thresholds would be measured on another number than the one they are held against. Costs
stay bounded: evenly chosen probes only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk import verify
from kiosk.catalog.details import COMPARED_PICTURES, COMPARED_SKUS, Details
from kiosk.catalog.leave_out import Floats, LeavingOut, Probes, Rows, evenly
from kiosk.values import Features, Verified

MOST_PROBES = 300
_BLOCK = 32


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Evidence instead of similarities, for the probes that were compared."""

    own: Floats
    """Best evidence for the own SKU."""
    rivals: Floats
    """Best evidence for any other SKU; -inf where there is none."""
    disputed: NDArray[np.bool_]
    """Probes of SKUs with look-alikes."""
    strangers: Floats
    """Best evidence for any other SKU, of probes without look-alikes; 0: no print was found."""

    def wrong_leads(self, by_print: float) -> tuple[Floats, NDArray[np.bool_]]:
        """By how much another SKU that would be accepted came before the own one, and which of
        these are disputed.
        """
        leads = self.rivals - self.own
        wrong = (leads > 0) & (self.rivals >= by_print)
        return leads[wrong], self.disputed[wrong]


def compare(table: LeavingOut, looked: Probes, contested: Collection[int]) -> Compared | None:
    """Probes with local features against what is left out for them; None when there are none."""
    rows = evenly(np.arange(len(looked.details)), MOST_PROBES)
    if not len(rows):
        return None
    pictures = looked.pictures[rows]
    chosen = Probes(looked.vectors[rows], pictures, tuple(looked.details[row] for row in rows))
    own, _ = _evidence(table, chosen, own=True)
    rivals, found = _evidence(table, chosen, own=False)
    disputed = np.isin(table.skus_of(pictures), sorted(contested))
    # A look-alike left out says only how its twin would look, and twins are told `apart`.
    strangers = np.where(found, rivals, np.float32(0))[~disputed]
    return Compared(own, rivals, disputed, strangers)


def _evidence(table: LeavingOut, probes: Probes, *, own: bool) -> tuple[Floats, NDArray[np.bool_]]:
    """Best evidence of each probe for its own SKU, or for any other, and whether a print was found
    there.
    """
    best = np.full(len(probes.pictures), -np.inf, np.float32)
    found = np.zeros(len(best), np.bool_)
    count = table.rows_to_rank(COMPARED_SKUS)
    for start in range(0, len(best), _BLOCK):
        block = slice(start, start + _BLOCK)
        near, rows = table.nearest(probes.vectors[block], probes.pictures[block], count, own=own)
        for at, seen in enumerate(probes.details[block]):
            best[start + at], found[start + at] = _best(table, seen, near[at], rows[at])
    return best, found


def _best(table: LeavingOut, seen: Features, near: Floats, rows: Rows) -> tuple[float, bool]:
    """The most evidence that any of the nearest SKUs has, and whether its print was found."""
    similarity: dict[int, float] = {}
    pictures: dict[int, list[int]] = {}
    for value, row in zip(near, rows, strict=True):
        sku, picture = table.owner(int(row))
        if not np.isfinite(value) or (sku not in similarity and len(similarity) == COMPARED_SKUS):
            continue
        similarity.setdefault(sku, float(value))
        if picture not in pictures.setdefault(sku, []) and len(pictures[sku]) < COMPARED_PICTURES:
            pictures[sku].append(picture)
    looked = {sku: _look(seen, pictures[sku], table.details) for sku in similarity}
    return max(
        ((verify.joined(similarity[sku], one), one.points > 0) for sku, one in looked.items()),
        default=(-np.inf, False),
    )


def _look(seen: Features, pictures: Iterable[int], details: Details) -> Verified:
    """The best comparison of a crop with any of these pictures."""
    known = [found for found in map(details.of, pictures) if found is not None]
    if not known:
        return verify.NOTHING
    found = verify.compare_all(seen, known, np.inf)
    return max(found, key=lambda one: one.strength, default=verify.NOTHING)
