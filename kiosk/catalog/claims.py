# SPDX-License-Identifier: Apache-2.0
"""What a release may claim: the kiosk's own rule is played back on what was left out.

A bound is never below what its count supports, nor below what the places of the limits support:
limits that were set on the same things leave few of them above by construction. A known article
that is seen badly is a stranger to all other SKUs, so the same places bound how often it is taken
for another one; look-alikes are only ever told apart by their print.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from kiosk.catalog.bounds import CONFIDENCE, at_most, rank
from kiosk.catalog.limits import Places, above
from kiosk.catalog.samples import Nearest, Samples
from kiosk.decide.rule import judge
from kiosk.values import NEVER_APART, Claim, Match, Outcome, Thresholds

UNLISTED = "articles like these that are not in the catalog"
VARIANTS = "variants of its look-alikes that are not in the catalog"
OTHERS = "other things, such as clothes, waste and made-up goods (by similarity)"
LISTED = "articles of the catalog, taken for another one"

View = tuple[int, tuple[Match, ...]]
"""The article that a view shows, and what a kiosk would have in hand."""


def claims(samples: Samples, thresholds: Thresholds, places: Places) -> tuple[Claim, ...]:
    """Everything that can be claimed; nothing where nothing was tried."""
    alike = frozenset(samples.articles[samples.has_look_alikes(samples.skus)].tolist())
    tried = np.isfinite(samples.others.similarity)
    alone = frozenset(samples.articles[tried].tolist()) - alike
    unlisted = _wrong(_unlisted(samples), thresholds)
    listed = {
        article
        for article, matches in _listed(samples)
        if (sku := taken(matches, thresholds)) and _article(samples, sku) != article
    }
    number = len(samples.outside.sku)
    others = _wrong(_pairs(samples.outside, range(number), samples), thresholds)
    outside = at_most(max(1, rank(number, thresholds.asked)) - 1, number)
    both = frozenset(samples.articles.tolist())
    found = (
        _claim(UNLISTED, unlisted, alone, _views(samples, alone), places.bound),
        _claim(VARIANTS, unlisted, alike, _views(samples, alike), 0.0),
        _claim(OTHERS, others, frozenset(range(number)), number, outside),
        _claim(LISTED, listed, both, _views(samples, both), places.bound),
    )
    return tuple(claim for claim in found if claim is not None)


def recognised(samples: Samples, thresholds: Thresholds) -> tuple[int, int]:
    """Camera views made of own pictures that are accepted as what they are, of how many."""
    views = list(_listed(samples))
    if samples.compared is not None:  # the others lack what a kiosk would look at next
        views = views[len(samples.skus) :]
    right = [_article(samples, taken(matches, thresholds)) == article for article, matches in views]
    return sum(right), len(right)


def taken(matches: Sequence[Match], thresholds: Thresholds) -> str | None:
    """The SKU that one view is accepted as, before or after its second look."""
    plain = [replace(match, verified=None, fused=None) for match in matches]
    for some in (plain, matches):
        verdict = judge(sorted(some, key=lambda match: -match.evidence), thresholds)
        if verdict.outcome is Outcome.ACCEPTED:
            return verdict.sku
    return None


def _claim(
    about: str, wrong: set[int], things: frozenset[int], views: int, support: float
) -> Claim | None:
    if not things:
        return None
    count = len(wrong & things)
    bound = min(1.0, above(max(support, at_most(count, len(things)))))
    return Claim(about, count, len(things), views, bound, CONFIDENCE)


def _views(samples: Samples, articles: frozenset[int]) -> int:
    return int(np.isin(samples.articles, sorted(articles)).sum())


def _wrong(views: Iterable[View], thresholds: Thresholds) -> set[int]:
    return {thing for thing, matches in views if taken(matches, thresholds)}


def _unlisted(samples: Samples) -> Iterator[View]:
    """Every probe without its SKU: by similarity, then those that were compared."""
    yield from _pairs(samples.others, samples.articles.tolist(), samples, samples.skus.tolist())
    if samples.compared is not None:
        compared = samples.compared
        for sku, article, others in zip(
            compared.skus.tolist(), compared.articles.tolist(), compared.others, strict=True
        ):
            yield article, _grouped(others, samples, sku)


def _listed(samples: Samples) -> Iterator[View]:
    """Every probe with its SKU, without its own picture where there are others."""
    nearest = samples.others
    for at, (article, sku) in enumerate(
        zip(samples.articles.tolist(), samples.skus.tolist(), strict=True)
    ):
        pair = (
            Match(str(sku), float(samples.own[at]), 0),
            Match(str(nearest.sku[at]), float(nearest.similarity[at]), 0),
        )
        yield article, _grouped(_finite(pair), samples)
    if samples.compared is not None:
        compared = samples.compared
        for article, own, others in zip(
            compared.articles.tolist(), compared.own, compared.others, strict=True
        ):
            yield article, _grouped((*own, *others), samples)


def _pairs(
    nearest: Nearest, things: Iterable[int], samples: Samples, without: Sequence[int] = ()
) -> Iterator[View]:
    """The two nearest SKUs of each thing: all that the rule needs of similarities."""
    for at, thing in enumerate(things):
        pair = (
            Match(str(nearest.sku[at]), float(nearest.similarity[at]), 0),
            Match(str(nearest.runner_up[at]), float(nearest.second[at]), 0),
        )
        yield thing, _grouped(_finite(pair), samples, without[at] if without else -1)


def _finite(matches: Iterable[Match]) -> tuple[Match, ...]:
    return tuple(match for match in matches if np.isfinite(match.similarity))


def _grouped(matches: Iterable[Match], samples: Samples, without: int = -1) -> tuple[Match, ...]:
    """With their groups as they are, or would be without one SKU."""
    groups = samples.groups
    return tuple(
        replace(
            match,
            group=str(min(others))
            if (others := groups.look_alikes(int(match.sku), without))
            else "",
            accept=NEVER_APART if int(match.sku) in groups.twins else None,
        )
        for match in matches
    )


def _article(samples: Samples, sku: str | None) -> int:
    """The article that a SKU is; -1 for none, or one that was not probed."""
    if sku is None:
        return -1
    at = np.flatnonzero(samples.skus == int(sku))
    return int(samples.articles[at[0]]) if len(at) else -1
