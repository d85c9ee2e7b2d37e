# SPDX-License-Identifier: Apache-2.0
"""What n different things support about a rate, and where a limit must lie to keep one.

Two sides of one distribution. A rate seen w times in n things is at most `at_most(w, n)`
(Clopper and Pearson, Biometrika 26, 1934, exact and one-sided). A limit at the k-th largest of n
scores is passed by the next thing with a chance that is Beta(k, n - k + 1) distributed, whatever
the scores' distribution (Wilks, Ann. Math. Stat. 12, 1941; as a conformal predictor: Vovk, ACML
2012), and P(that chance > risk) = P(Binomial(n, risk) < k). Limits on several scores of the same
things add their k (statistically equivalent blocks: Tukey, Ann. Math. Stat. 18, 1947).

The things must be independent draws: several views of one thing are one thing.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
"""How sure every bound is: wrong for at most one catalog in twenty."""
_STEPS = 60


def at_most(wrong: int, things: int, confidence: float = CONFIDENCE) -> float:
    """Upper bound on the rate behind `wrong` of `things`; 1 where nothing was tried."""
    if wrong >= things:
        return 1.0
    low, high = wrong / things, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _chance_of_so_few(wrong, things, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def rank(things: int, risk: float, confidence: float = CONFIDENCE) -> int:
    """The largest k for which the k-th largest of so many scores keeps the risk; 0: none does."""
    if things < 1:
        return 0
    chances = np.cumsum(_chances(things, risk, things))
    return int(np.count_nonzero(chances <= 1 - confidence))


def least_things(risk: float, blocks: int = 1, confidence: float = CONFIDENCE) -> int:
    """How many things it takes for the `blocks`-th largest to keep the risk."""
    low, high = blocks - 1, blocks
    while _chance_of_so_few(blocks - 1, high, risk) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = _chance_of_so_few(blocks - 1, middle, risk) <= 1 - confidence
        low, high = (low, middle) if enough else (middle, high)
    return high


def foreseen(scores: NDArray[np.floating], risk: float) -> float:
    """Where the next score would lie beyond with a chance of `risk`, if scores were normal.

    The prediction limit of Hahn (J. Am. Stat. Assoc. 64, 1969). An extrapolation for samples that
    are too small to say: never the ground of a claim. `scores`: at least three.
    """
    count = len(scores)
    spread = float(np.std(scores, ddof=1)) * math.sqrt(1 + 1 / count)
    return float(np.mean(scores)) + _student(1 - risk, count - 1) * spread


def _student(share: float, freedom: int) -> float:
    """Quantile of Student's t: Abramowitz and Stegun 26.7.5, exact to 2 % from five on."""
    z = NormalDist().inv_cdf(share)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(sum(term / freedom**power for power, term in enumerate(terms)))


def largest(scores: NDArray[np.floating], place: int) -> float:
    """The `place`-th largest of the scores, counted from 1."""
    return float(np.partition(scores, len(scores) - place)[len(scores) - place])


def _chance_of_so_few(wrong: int, things: int, share: float) -> float:
    """P(Binomial(things, share) <= wrong)."""
    return float(_chances(things, share, wrong + 1).sum())


def _chances(things: int, share: float, count: int) -> NDArray[np.float64]:
    """P(Binomial(things, share) = j) for j below `count`, which is at most `things` + 1."""
    if share <= 0 or share >= 1:
        at = 0 if share <= 0 else things
        return np.asarray(np.arange(count) == at, np.float64)
    number = np.arange(1, count, dtype=np.float64)
    steps = np.log(things - number + 1) - np.log(number) + math.log(share) - math.log1p(-share)
    first = things * math.log1p(-share)
    return np.asarray(np.exp(first + np.concatenate([[0.0], np.cumsum(steps)])))
