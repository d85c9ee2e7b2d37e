# SPDX-License-Identifier: Apache-2.0
"""Where one limit for all is not enough: categories and single SKUs that strangers come nearest to.

A category is known from the answer itself, so a limit of its own keeps the same promise within it
(Mondrian conformal prediction: Vovk, ACML 2012). Limits here are only ever higher than the
release's, so that nothing stated of the release gets less true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kiosk.catalog.bounds import at_most, rank
from kiosk.catalog.calibration import CategoryLine, Count
from kiosk.catalog.leave_out import Floats, Numbers
from kiosk.catalog.limits import above, limit, taken_for
from kiosk.catalog.samples import Samples


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Things that are not in the catalog: the SKU each came nearest to, and how near."""

    sku: Numbers
    similarity: Floats


def arrivals(samples: Samples) -> tuple[Arrivals, Arrivals]:
    """Articles left out, each in its worst view, and the shipped strangers."""
    scores = taken_for(samples)
    order = np.lexsort((-scores, samples.articles))
    first = order[np.unique(samples.articles[order], return_index=True)[1]]
    first = first[np.isfinite(scores[first])]
    return (
        Arrivals(samples.others.sku[first], scores[first]),
        Arrivals(samples.outside.sku, samples.outside.similarity),
    )


def by_category(
    samples: Samples, categories: Sequence[str], accept: float, risk: float
) -> tuple[CategoryLine, ...]:
    """A line for each category, where there are several."""
    names = np.array(categories)
    both = arrivals(samples)
    lines = []
    for name in sorted(set(categories)) if len(set(categories)) > 1 else ():
        here = [some.similarity[names[some.sku] == name] for some in both]
        wrong = [int(np.count_nonzero(scores >= accept)) for scores in here]
        own = [
            above(limit(scores, max(1, rank(len(scores), risk))))
            for scores, count in zip(here, wrong, strict=True)
            if count > risk * len(scores)
        ]
        counts = [
            Count(len(scores), count, min(1.0, above(at_most(count, len(scores)))))
            for scores, count in zip(here, wrong, strict=True)
        ]
        lines.append(
            CategoryLine(
                category=name,
                skus=int(np.count_nonzero(names == name)),
                articles=counts[0],
                others=counts[1],
                accept=max([accept, *own]) if own else None,
            )
        )
    return tuple(lines)


def by_sku(
    samples: Samples, categories: Sequence[str], accept: float, lines: Sequence[CategoryLine]
) -> dict[int, float]:
    """SKUs with a limit above the release's: their category's, or that of a stranger that came
    nearer still.
    """
    higher = {line.category: line.accept for line in lines if line.accept is not None}
    found = {
        sku: higher[name]
        for sku, name in enumerate(categories)
        if higher.get(name, accept) > accept
    }
    for some in arrivals(samples):
        near = np.flatnonzero(some.similarity >= accept)
        for sku, similarity in zip(some.sku[near], some.similarity[near], strict=True):
            if similarity >= found.get(int(sku), accept):
                found[int(sku)] = above(float(similarity))
    return dict(sorted(found.items()))
