# SPDX-License-Identifier: Apache-2.0
"""Exact limits of a share: Clopper and Pearson 1934, "The use of confidence or fiducial limits".

For independent things only; for photos of which several show one thing, resample whole things
(`tools.evaluation.bootstrap`). Unlike a resample it has a width where nothing ever happened.
Found by bisection on the binomial tail, written apart from the product's own, which it checks.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from tools.evaluation.bootstrap import LEVEL, NONE, Estimate

_STEPS = 60
_DIGITS = 6


def clopper_pearson(hits: int, tries: int, level: float = LEVEL) -> Estimate:
    """The share of `hits` among `tries` with its two-sided interval; no number without tries."""
    if not tries:
        return NONE
    tail = (1 - level) / 2
    low = _share(lambda share: 1 - at_most(hits - 1, tries, share) < tail) if hits else 0.0
    high = _share(lambda share: at_most(hits, tries, share) > tail) if hits < tries else 1.0
    return Estimate(*(round(value, _DIGITS) for value in (hits / tries, low, high)))


def at_most(hits: int, tries: int, share: float) -> float:
    """Chance of at most `hits` among `tries` when each is one with the chance `share`."""
    if hits < 0 or share >= 1:
        return 0.0 if hits < tries else 1.0
    if share <= 0:
        return 1.0
    logs = math.log(share), math.log1p(-share)
    return math.fsum(
        math.exp(_log_ways(tries, count) + count * logs[0] + (tries - count) * logs[1])
        for count in range(min(hits, tries) + 1)
    )


def _log_ways(tries: int, count: int) -> float:
    return math.lgamma(tries + 1) - math.lgamma(count + 1) - math.lgamma(tries - count + 1)


def _share(too_low: Callable[[float], bool]) -> float:
    """Where `too_low` changes from true to false between 0 and 1."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if too_low(middle) else (low, middle)
    return (low + high) / 2
