# SPDX-License-Identifier: Apache-2.0
"""The second look of a calibration: probes compared with their candidates as a kiosk would do it.

Without it thresholds would be measured on another number than the one they are held against. Costs
stay bounded: evenly chosen probes only. SKUs go by their numbers here, as texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kiosk import verify
from kiosk.catalog.details import COMPARED_PICTURES, COMPARED_SKUS, Details
from kiosk.catalog.leave_out import Floats, LeavingOut, Numbers, Probes, Rows, evenly
from kiosk.values import Features, Match, Verified

MOST_PROBES = 300
_BLOCK = 32
NOTHING = -np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """The probes that were compared, and what a kiosk would have in hand for each."""

    skus: Numbers
    """(L,) their own SKUs."""
    articles: Numbers
    """(L,) and the articles these are; see `LeavingOut.articles_of`."""
    own: tuple[tuple[Match, ...], ...]
    """For each the match of its own SKU, without its own picture where there are others."""
    others: tuple[tuple[Match, ...], ...]
    """The matches of other SKUs, by falling evidence."""

    def own_evidence(self) -> Floats:
        """(L,) evidence for the own SKU."""
        return _most(self.own, printed=False)

    def other_evidence(self, *, printed: bool) -> Floats:
        """(L,) best evidence for any other SKU; -inf where there is none. `printed`: only of those
        whose print was found, at least in part.
        """
        return _most(self.others, printed=printed)


def _most(looks: Iterable[tuple[Match, ...]], *, printed: bool) -> Floats:
    most = [
        max((one.evidence for one in look if not printed or _points(one) > 0), default=NOTHING)
        for look in looks
    ]
    return np.array(most, np.float32)


def _points(match: Match) -> int:
    return match.verified.points if match.verified is not None else 0


def compare(table: LeavingOut, looked: Probes) -> Compared | None:
    """Probes with local features against what is left out for them; None when there are none."""
    rows = evenly(np.arange(len(looked.details)), MOST_PROBES)
    if not len(rows):
        return None
    pictures = looked.pictures[rows]
    chosen = Probes(looked.vectors[rows], pictures, tuple(looked.details[row] for row in rows))
    return Compared(
        table.skus_of(pictures),
        table.articles_of(pictures),
        _matches(table, chosen, own=True),
        _matches(table, chosen, own=False),
    )


def _matches(table: LeavingOut, probes: Probes, *, own: bool) -> tuple[tuple[Match, ...], ...]:
    """What a kiosk would find for each probe in what is left, by falling evidence."""
    found: list[tuple[Match, ...]] = []
    count = table.rows_to_rank(COMPARED_SKUS)
    for start in range(0, len(probes.pictures), _BLOCK):
        block = slice(start, start + _BLOCK)
        near, rows = table.nearest(probes.vectors[block], probes.pictures[block], count, own=own)
        for at, seen in enumerate(probes.details[block]):
            found.append(_looked(table, seen, near[at], rows[at]))
    return tuple(found)


def _looked(table: LeavingOut, seen: Features, near: Floats, rows: Rows) -> tuple[Match, ...]:
    """The nearest SKUs, each with what the second look finds."""
    best: dict[int, tuple[float, int]] = {}
    pictures: dict[int, list[int]] = {}
    for value, row in zip(near, rows, strict=True):
        sku, picture = table.owner(int(row))
        if not np.isfinite(value) or (sku not in best and len(best) == COMPARED_SKUS):
            continue
        best.setdefault(sku, (float(value), int(row)))
        if picture not in pictures.setdefault(sku, []) and len(pictures[sku]) < COMPARED_PICTURES:
            pictures[sku].append(picture)
    matches = []
    for sku, (similarity, row) in best.items():
        found = _look(seen, pictures[sku], table.details)
        fused = verify.joined(similarity, found)
        matches.append(Match(str(sku), similarity, row, verified=found, fused=fused))
    return tuple(sorted(matches, key=lambda match: -match.evidence))


def _look(seen: Features, pictures: Iterable[int], details: Details) -> Verified:
    """The best comparison of a crop with any of these pictures."""
    known = [found for found in map(details.of, pictures) if found is not None]
    if not known:
        return verify.NOTHING
    found = verify.compare_all(seen, known, np.inf)
    return max(found, key=lambda one: one.strength, default=verify.NOTHING)
