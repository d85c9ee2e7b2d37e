# SPDX-License-Identifier: Apache-2.0
"""From samples to thresholds: each is a measured score of some thing, at the place that risk and
sample size give it (`kiosk.catalog.bounds`), and no number is made up here.

A thing is an article or a shipped stranger; its score is that of its worst view, because views of
one thing are not independent. Two gates may accept, similarity and print, so the places that the
risk leaves are shared between them. Where there are too few things for the risk, the limit lies at
the largest score and is raised by doubt, that of similarity as far as the scores foresee: what is
stated then is only what the largest supports.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.bounds import at_most, foreseen, largest, least_things, rank
from kiosk.catalog.leave_out import SAME_PICTURE, Floats, Numbers
from kiosk.catalog.samples import Nearest, Samples
from kiosk.catalog.second import Compared
from kiosk.values import NEVER_APART
from kiosk.verify import APART

FEWEST_ARTICLES = 5
"""With fewer, the catalog's own pictures say nothing of strangers: the kiosk only asks."""
NEVER = 1.01
"""No similarity reaches this."""
STRANGERS_BELOW_CHOOSE = 0.8
CHOOSE_RISK = 0.01
"""What is offered does not depend on the risk of what is accepted."""
CATEGORY_RISK, MOST_CATEGORY_RISK = 0.05, 0.2
"""Share of categories named wrongly: what is wanted, and what is settled for and stated."""
DIFFERS_RISK = 0.05
"""Share of own items that may be told to be something else."""


@dataclass(frozen=True, slots=True)
class Places:
    """How many of the largest scores each gate may leave above its limit, plus one."""

    similarity: int
    print: int
    """0: there is no such gate."""
    kept: bool
    """There are enough articles for the risk."""
    bound: float
    """What these places state, whatever was asked."""
    articles: int
    """Articles behind the bound: those without look-alikes."""
    needed: int
    """Articles that it takes for the risk; 0: there are enough."""


def worst(things: Numbers, scores: Floats) -> Floats:
    """(U,) the largest score of each thing; things in order."""
    names, places = np.unique(things, return_inverse=True)
    found = np.full(len(names), -np.inf, np.float32)
    np.maximum.at(found, places, scores)
    return found


def limit(scores: NDArray[np.floating], place: int) -> float:
    """The score at this place from the top, 0 at least; 0 where there are none."""
    return max(0.0, largest(scores, place)) if len(scores) else 0.0


def above(value: float) -> float:
    """The least number of four digits that is larger."""
    return (math.floor(value * 1e4) + 1) / 1e4


def doubt(things: int, risk: float) -> float:
    """How far few things leave strangers unmeasured: 1 for one, 0 from 1 / risk.

    The next stranger beats the best of K others with a chance of about 1/K, where `risk` was asked.
    """
    return math.sqrt(max(0.0, 1 / max(things, 1) - risk) / (1 - risk))


def places_of(samples: Samples, risk: float) -> Places:
    """Where the limits of both gates lie."""
    # A new article meets one SKU more than one that was left out: so much likelier to resemble one.
    meets = samples.count / max(1, samples.count - 1)
    share = risk / meets
    plain = ~samples.has_look_alikes(samples.skus) & np.isfinite(samples.others.similarity)
    count = len(np.unique(samples.articles[plain]))
    if samples.compared is None:
        place = rank(count, share)
        bound = min(1.0, meets * at_most(max(1, place) - 1, count))
        return Places(max(1, place), 0, place > 0, bound, count, 0 if place else _needed(risk, 1))
    tried = len(np.unique(_printed(samples)[0]))
    if tried == count:  # both gates on the same articles: their places add up
        both = rank(count, share)
        first, second = max(1, both - both // 2), max(1, both // 2)
        kept, bound = both > 1, at_most(first + second - 1, count)
    else:
        sure = 1 - (1 - 0.95) / 2
        first, second = (rank(number, share / 2, sure) for number in (count, tried))
        kept = min(first, second) > 0
        first, second = max(1, first), max(1, second)
        bound = at_most(first - 1, count, sure) + at_most(second - 1, tried, sure)
    needed = 0 if kept else _needed(risk, 2)
    return Places(first, second, kept, min(1.0, meets * bound), min(count, tried), needed)


def _needed(risk: float, blocks: int) -> int:
    """Articles that a catalog without look-alikes needs for so many places."""
    count = least_things(risk, blocks)
    return least_things(risk * (count - 1) / count, blocks)


def taken_for(samples: Samples) -> Floats:
    """(P,) similarity to the nearest other SKU, where similarity may accept that: it has no
    look-alikes but, perhaps, the one that was left out.
    """
    others, groups = samples.others, samples.groups
    free = [
        not groups.look_alikes(int(sku), int(own))
        for sku, own in zip(others.sku, samples.skus, strict=True)
    ]
    return np.where(np.array(free, np.bool_), others.similarity, -np.inf).astype(np.float32)


def _compared_for(samples: Samples, compared: Compared) -> Floats:
    """(L,) the same for the views that were compared."""
    groups = samples.groups
    return np.array(
        [
            max(
                (
                    one.similarity
                    for one in others
                    if not groups.look_alikes(int(one.sku), int(own))
                ),
                default=-np.inf,
            )
            for own, others in zip(compared.skus, compared.others, strict=True)
        ],
        np.float32,
    )


def strangers_of(samples: Samples) -> Floats:
    """(U,) largest similarity of each article, in any of its views, without its own SKU."""
    articles, seen = samples.articles, taken_for(samples)
    if samples.compared is not None:  # among them the view on a good day: none looks as similar
        articles = np.concatenate([articles, samples.compared.articles])
        seen = np.concatenate([seen, _compared_for(samples, samples.compared)])
    return worst(articles, seen)


def accept_of(samples: Samples, places: Places, risk: float, tried: float) -> float:
    """Least similarity to accept: `tried`, and where there are too few articles for the risk, as
    far beyond as their scores foresee. A small catalog then accepts by the print alone.
    """
    if places.kept or tried >= NEVER:
        return tried
    scores = strangers_of(samples)
    scores = scores[np.isfinite(scores)]
    beyond = foreseen(scores, risk) if len(scores) >= FEWEST_ARTICLES else SAME_PICTURE
    return above(max(tried, min(SAME_PICTURE, beyond)))


def tried_of(samples: Samples, places: Places, risk: float) -> float:
    """Similarity that articles left out and shipped strangers stay below."""
    if samples.count < FEWEST_ARTICLES:
        return NEVER
    found = limit(strangers_of(samples), places.similarity)
    outside = samples.outside.similarity
    found = max(found, limit(outside, max(1, rank(len(outside), risk))))
    typical = float(np.median(samples.own))
    raised = found + (0 if places.kept else doubt(samples.count, risk)) * max(0, typical - found)
    return above(max(found, min(SAME_PICTURE, raised)))


def choose_of(samples: Samples, accept: float) -> float:
    """Least evidence to offer a choice: most strangers stay below."""
    seen = samples.others.similarity
    seen = seen[np.isfinite(seen)]
    some = float(np.quantile(seen, STRANGERS_BELOW_CHOOSE)) if len(seen) else 0.0
    low = float(np.quantile(samples.own, 0.05))
    return min(accept, some + doubt(samples.count, CHOOSE_RISK) * max(0.0, low - some))


def _printed(samples: Samples) -> tuple[Numbers, Floats]:
    """Articles and print evidence of the compared probes; a look-alike left out says only how its
    twin would look, and twins are told `apart`.
    """
    assert samples.compared is not None
    compared = samples.compared
    plain = ~samples.has_look_alikes(compared.skus)
    evidence = np.maximum(compared.other_evidence(printed=True), np.float32(0))
    return compared.articles[plain], evidence[plain]


def by_print_of(samples: Samples, places: Places, tried: float, risk: float) -> float:
    """Beyond the evidence that strangers have whose print is found in part: other flavours.

    A catalog may hold no two of one brand, however large it is, so that little or nothing of the
    kind was tried: then it is raised.
    """
    if samples.compared is None:
        return NEVER_APART
    if tried >= NEVER:
        return NEVER
    articles, evidence = _printed(samples)
    scores = worst(articles, evidence)
    found = max(tried, limit(scores, places.print))
    known = doubt(int(np.count_nonzero(evidence > 0)), risk)
    more = known if places.kept else max(known, doubt(samples.count, risk))
    return above(max(found, min(SAME_PICTURE, found + more * (1 - found))))


def leads_of(samples: Samples, accept: float, by_print: float, risk: float) -> tuple[float, float]:
    """`margin` and `apart`: above the wrong leads that would have been accepted."""
    leads = samples.others.similarity - samples.own
    harm = (samples.others.similarity >= accept) & ~samples.has_look_alikes(samples.skus)
    margin = max(samples.noise, _lead(samples.articles, np.where(harm, leads, 0), risk))
    if samples.compared is None:
        return margin, NEVER_APART
    compared: Compared = samples.compared
    rivals = compared.other_evidence(printed=False)
    leads = np.where(rivals >= by_print, rivals - compared.own_evidence(), 0).astype(np.float32)
    disputed = samples.has_look_alikes(compared.skus)
    margin = max(margin, _lead(compared.articles, np.where(disputed, 0, leads), risk))
    return margin, max(APART, margin, above(float(leads.max(initial=0))))


def _lead(articles: Numbers, leads: Floats, risk: float) -> float:
    scores = worst(articles, leads.astype(np.float32))
    found = limit(scores, max(1, rank(len(scores), risk)))
    return above(found) if found > 0 else 0.0


def same_of(samples: Samples, accept: float, risk: float) -> float:
    """Least evidence to say that an item is one named SKU: the nearest others stay below."""
    if accept >= NEVER:
        return NEVER
    if samples.compared is None:
        articles, evidence = samples.articles, samples.others.similarity
    else:
        articles = samples.compared.articles
        evidence = samples.compared.other_evidence(printed=False)
    scores = worst(articles, evidence)
    place = rank(len(scores), risk)
    found = max(accept, limit(scores, max(1, place)))
    more = 0.0 if place else doubt(len(scores), risk) * (1 - found)
    return above(max(found, min(SAME_PICTURE, found + more)))


def differs_of(samples: Samples, choose: float) -> float:
    """Evidence that views of the own SKU rarely fall below. Views made of a catalog picture are
    easier than photos, so it is never above what is still offered as a choice.
    """
    if samples.compared is None:
        articles, evidence = samples.articles, samples.own
    else:
        articles, evidence = samples.compared.articles, samples.compared.own_evidence()
    scores = worst(articles, -evidence)
    return min(choose, -largest(scores, max(1, rank(len(scores), DIFFERS_RISK))))


def category_of(samples: Samples, categories: Sequence[str]) -> tuple[float, float]:
    """Least similarity to name a category, and the share of wrong names that this supports."""
    names = np.array(categories)
    known = names[samples.skus] != ""
    articles = samples.articles[known]
    count = len(np.unique(articles))
    risk = max(CATEGORY_RISK, at_most(0, count))
    if len(set(categories) - {""}) < 2 or risk > MOST_CATEGORY_RISK:
        return NEVER_APART, 0.0
    named = _named(samples.others, names)
    wrong = (named != "") & (named != names[samples.skus])
    scores = worst(articles, np.where(wrong, samples.others.similarity, 0)[known])
    found = limit(scores, max(1, rank(count, risk)))
    outside = np.where(_named(samples.outside, names) != "", samples.outside.similarity, 0)
    return above(max(found, limit(outside, max(1, rank(len(outside), risk))))), risk


def _named(nearest: Nearest, names: NDArray[np.str_]) -> NDArray[np.str_]:
    """The category that both nearest SKUs share; empty: none."""
    both = (names[nearest.sku] == names[nearest.runner_up]) & np.isfinite(nearest.second)
    return np.where(both, names[nearest.sku], "")
