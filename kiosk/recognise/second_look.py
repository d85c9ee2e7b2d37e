# SPDX-License-Identifier: Apache-2.0
"""The second look: the print of the nearest SKUs, compared until the time is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from kiosk.catalog.details import Details
from kiosk.catalog.snapshot import Candidate
from kiosk.values import Features, Match, Verified
from kiosk.verify import compare_all, joined

Turn = tuple[int, Features]
"""Place among the candidates, and a picture of it to compare."""


@dataclass(frozen=True, slots=True)
class Compared:
    matches: tuple[Match, ...]
    """With what was found, by falling evidence."""
    left: int
    """Candidates that there was no time for."""


def turns(candidates: Sequence[Candidate], details: Details) -> list[Turn]:
    """Round by round: every SKU is compared once before any is compared again."""
    rounds = zip_longest(*(candidate.pictures for candidate in candidates))
    return [
        (place, reference)
        for pictures in rounds
        for place, picture in enumerate(pictures)
        if picture is not None and (reference := details.of(picture)) is not None
    ]


def compared(
    query: Features, matches: Sequence[Match], order: Sequence[Turn], until_s: float
) -> Compared:
    """`query` held against every turn, until `time.perf_counter` passes `until_s`."""
    found = list(compare_all(query, (reference for _, reference in order), until_s))
    best: dict[int, Verified] = {}
    for (place, _), one in zip(order, found, strict=False):
        if place not in best or one.strength > best[place].strength:
            best[place] = one
    left = {place for place, _ in order[len(found) :]}
    joint = [
        replace(
            match,
            # A SKU with pictures left is not compared yet: one of them may show the very print.
            verified=None if place in left else best[place],
            fused=joined(match.similarity, best[place]),
        )
        if place in best
        else match
        for place, match in enumerate(matches)
    ]
    return Compared(by_evidence(joint), len(left))


def by_evidence(matches: Sequence[Match]) -> tuple[Match, ...]:
    return tuple(sorted(matches, key=lambda match: -match.evidence))
