# SPDX-License-Identifier: Apache-2.0
"""Groups of SKUs that similarity cannot tell apart, and what the print makes of each pair.

The groups are the release's own where it states them, so that a lint and a kiosk say the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from kiosk import verify
from kiosk.catalog.leave_out import evenly
from kiosk.catalog.lint.content import Content, Rows
from kiosk.catalog.lint.findings import Pair, Print
from kiosk.catalog.lint.nearest import Nearness
from kiosk.search import similarities
from kiosk.values import NEVER_APART, Features, Verified

MOST_MARGIN = 0.05
"""Lead below which SKUs are look-alikes in a release that was never calibrated: about what the view
of a picture moves it."""
COMES_CLOSE = 0.105
"""Lead below which a camera view may fall short of the margin now and then: of 8 photos of drawn
articles with such a twin 4 led by less than the margin, of 12 whose twin is less alike none."""
SEEN_AT = 0.8
"""Similarity at which a camera typically sees a reference of its own SKU: a catalog picture is
nearer to itself than any camera will be, and then a print can raise it by less."""
CLEAR = 0.5
"""Strength from which on a print was found: the picture's own, or the other's on it."""
_TRIED = 3
"""Nearest other SKUs that are held against each picture."""
_MOST_ROWS = 256
"""References of a SKU that a view is held against: evenly chosen where there are more."""
_SISTERS = 4
_ALL_PAIRS, _EACH = 6, 2
"""A group of up to this many SKUs is shown with all its pairs; a larger one with this many of each
SKU, the closest."""
_MOST_PAIRED = 60
"""SKUs of a group that are held against each other: with more nobody reads on."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A picture and the other SKU that it comes close to."""

    picture: int
    sku: int
    lead: float
    """Middle lead of its views over that SKU."""


def groups(content: Content, near: Nearness) -> tuple[tuple[int, ...], ...]:
    """Positions of SKUs that cannot be told apart by similarity; each SKU is in one group at most.

    Those of the release where it is calibrated; else whatever leads by less than MOST_MARGIN.
    """
    if content.thresholds.samples:
        return content.groups
    return _joined(_edges(content, near, MOST_MARGIN))


def close(
    content: Content, near: Nearness, told: Iterable[tuple[int, ...]]
) -> tuple[tuple[int, ...], ...]:
    """SKUs that come close to each other without being in one of the groups `told`."""
    group = {sku: number for number, some in enumerate(told) for sku in some}
    edges = _edges(content, near, COMES_CLOSE)
    return _joined(pair for pair in edges if group.get(pair[0], -1) != group.get(pair[1], -2))


def _edges(content: Content, near: Nearness, least: float) -> Iterator[tuple[int, int]]:
    """Pairs of SKUs one of which has a picture that leads over the other by less than `least`."""
    for met in _meetings(content, near):
        if met.lead < least:
            yield int(content.owners[met.picture]), met.sku


def _meetings(content: Content, near: Nearness) -> Iterator[Meeting]:
    """Pictures that come near enough to another SKU for it to be offered."""
    least = content.thresholds.choose
    for picture in range(len(content.pictures)):
        for sku, value in zip(near.rivals[picture, :_TRIED], near.near[picture], strict=False):
            if sku >= 0 and value >= least:
                yield Meeting(picture, int(sku), lead(content, picture, int(sku)))


def _joined(edges: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """What hangs together, each sorted."""
    group: dict[int, int] = {}
    members: dict[int, list[int]] = defaultdict(list)

    def find(sku: int) -> int:
        while group.setdefault(sku, sku) != sku:
            group[sku] = group[group[sku]]
            sku = group[sku]
        return sku

    for left, right in edges:
        group[find(left)] = find(right)
    for sku in sorted(group):
        members[find(sku)].append(sku)
    return tuple(sorted(tuple(some) for some in members.values() if len(some) > 1))


def lead(content: Content, picture: int, sku: int) -> float:
    """By how much the views of a picture are nearer to the rest of its own SKU than to `sku`; the
    middle one. A view is not held against itself.
    """
    mine = content.rows_of(picture)
    rows = np.arange(mine.start, mine.stop)
    views = content.vectors[rows].astype(np.float32)
    own = _some(content, int(content.owners[picture]), rows)
    near = views @ content.vectors[own].astype(np.float32).T
    near[np.equal.outer(rows, own)] = -np.inf
    best = near.max(axis=1)
    other = views @ content.vectors[_some(content, sku)].astype(np.float32).T
    # The only reference of its SKU: a camera sees it as it is, at best.
    return float(np.median(np.where(np.isfinite(best), best, 1.0) - other.max(axis=1)))


def _some(content: Content, sku: int, always: Rows | None = None) -> Rows:
    """Rows of a SKU, evenly chosen, and those in `always`."""
    rows = content.rows_of_sku(sku)
    every = evenly(np.arange(rows.start, rows.stop), _MOST_ROWS)
    return every if always is None else np.union1d(every, always)


def pairs(content: Content, group: tuple[int, ...]) -> tuple[Pair, ...]:
    """The pairs of a group, the closest first; of a large group only the closest of each SKU."""
    closest = sorted(
        (_closest(content, left, right) for left, right in combinations(group[:_MOST_PAIRED], 2)),
        key=lambda near: (near.lead, near.left, near.right),
    )
    if len(group) > _ALL_PAIRS:
        seen: Counter[int] = Counter()
        kept = []
        for near in closest:
            skus = content.owners[[near.left, near.right]].tolist()
            if min(seen[sku] for sku in skus) < _EACH:
                kept.append(near)
                seen.update(skus)
        closest = kept
    return tuple(_looked(content, near) for near in closest)


@dataclass(frozen=True, slots=True)
class _Near:
    """Two pictures where two SKUs come closest."""

    left: int
    right: int
    similarity: float
    lead: float


def _closest(content: Content, left: int, right: int) -> _Near:
    """Where two SKUs come closest: the picture of either that leads least, and what it is like."""
    found = [_least(content, one, other) for one, other in ((left, right), (right, left))]
    one, other = found[0], _Near(found[1].right, found[1].left, found[1].similarity, found[1].lead)
    nearest = min(one, other, key=lambda near: near.lead)
    return replace(nearest, similarity=max(one.similarity, other.similarity))


def _least(content: Content, sku: int, other: int) -> _Near:
    """The picture of `sku` nearest to any reference of `other`, and its lead over it."""
    mine = evenly(np.array(content.pictures_of(sku)), _MOST_ROWS)
    rows = _some(content, other)
    near = similarities(content.plain(mine), content.vectors[rows].astype(np.float32))
    at, column = np.unravel_index(int(near.argmax()), near.shape)
    picture = int(mine[at])
    met = int(np.searchsorted(content.first, rows[column], side="right")) - 1
    return _Near(picture, met, float(near[at, column]), lead(content, picture, other))


def pair_of(content: Content, left: int, right: int) -> Pair:
    """Two pictures of different SKUs as a pair."""
    similarity = float(similarities(content.plain([left]), content.plain([right]))[0, 0])
    other = int(content.owners[right])
    return _looked(content, _Near(left, right, similarity, lead(content, left, other)))


def _looked(content: Content, near: _Near) -> Pair:
    """The pair with what the second look makes of it."""
    one, other = (content.details.of(picture) for picture in (near.left, near.right))
    least = content.thresholds.apart
    pair = Pair(
        content.shown(near.left),
        content.shown(near.right),
        similarity=near.similarity,
        lead=near.lead,
        print=Print.OFF,
    )
    if one is None or other is None or least >= NEVER_APART:
        return pair
    looks = [
        _print_lead(seen, its, _own_print(content, picture, seen), near.similarity)
        for picture, seen, its in ((near.left, one, other), (near.right, other, one))
    ]
    worst = min(look.lead for look in looks)
    points = max(look.points for look in looks)
    return replace(pair, print=_verdict(looks, least), print_lead=worst, points=points)


def _verdict(looks: Sequence[_PrintLead], least: float) -> Print:
    if min(look.lead for look in looks) >= least:
        return Print.APART
    if min(look.own for look in looks) < CLEAR:
        return Print.LITTLE
    return Print.SAME if max(look.other for look in looks) >= CLEAR else Print.CLOSE


@dataclass(frozen=True, slots=True)
class _PrintLead:
    lead: float
    own: float
    """Strength of the picture's print on its own SKU's pictures."""
    other: float
    """Strength of its print on the other picture."""
    points: int


def _print_lead(seen: Features, other: Features, own: Verified, similarity: float) -> _PrintLead:
    """How far a picture, as a camera would see it, leads over the other one by evidence."""
    its = verify.compare(seen, other)
    evidence = verify.joined(SEEN_AT, own) - verify.joined(SEEN_AT * similarity, its)
    return _PrintLead(evidence, own.strength, its.strength, its.points)


def _own_print(content: Content, picture: int, seen: Features) -> Verified:
    """A picture held against the nearest others of its SKU: what they do not share, such as the
    place of every apple in a crate, no camera will see again. The only picture is held against
    itself.
    """
    others = np.array(content.pictures_of(int(content.owners[picture])))
    others = evenly(others[others != picture], _MOST_ROWS)
    if not len(others):
        return verify.compare(seen, seen)
    order = np.argsort(-(content.plain(others) @ content.plain([picture])[0]), kind="stable")
    known = (content.details.of(int(others[at])) for at in order[:_SISTERS])
    found = verify.compare_all(seen, (one for one in known if one is not None), np.inf)
    return max(found, key=lambda one: one.strength, default=verify.NOTHING)
