# SPDX-License-Identifier: Apache-2.0
"""What a kiosk would match with a view that is not in front of its camera any more."""

from __future__ import annotations

import math

from kiosk.catalog.snapshot import Snapshot
from kiosk.decide import judge
from kiosk.recognise.listed import LISTED_SKUS
from kiosk.recognise.second_look import compared, turns
from kiosk.values import Embedding, Features, Match, Outcome


def matches_of(
    snapshot: Snapshot, embedding: Embedding, features: Features | None
) -> tuple[Match, ...]:
    """SKUs by falling evidence: a search, and a second look where similarity does not settle it.

    The second look takes all the time it needs; `features` None: it is not taken.
    """
    candidates = snapshot.candidates(embedding, LISTED_SKUS)
    matches = tuple(candidate.match for candidate in candidates)
    order = turns(candidates, snapshot.details)
    if features is None or not order:
        return matches
    if judge(matches, snapshot.thresholds).outcome is Outcome.ACCEPTED:
        return matches
    return compared(features, matches, order, math.inf).matches
