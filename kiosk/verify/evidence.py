# SPDX-License-Identifier: Apache-2.0
"""From what the second look found to one number, and that number joined with the similarity.

The strength is fitted to right and wrong candidates (`kiosk.verify.weights`) and knows nothing of
similarities. Joining only ever raises a similarity towards 1, by a share of what is missing: so it
holds for any embedder, and evidence without a second look stays comparable.
"""

from __future__ import annotations

import hashlib
import math

from kiosk.values import Features, Verified
from kiosk.verify import cover, weights
from kiosk.verify.geometry import LEAST_POINTS, arranged
from kiosk.verify.matching import Floats, directions, pairs

RAISED = 0.9
"""Share of the way from its similarity to 1 that a print found beyond doubt raises a match."""
NOTHING = Verified(points=0, coverage=0.0, colour=0.0, strength=0.0)
LEAST_COLOUR = 0.3
"""Agreement of the colours below which the print is another one."""
ENOUGH_IN_VIEW = 0.6
"""Share of the reference's detail that has to be in view to count in full: a corner of a face, or
a sticker with a logo, is not the item."""
_RULES = 2


def method() -> str:
    """Names everything that shapes the evidence, given the features."""
    fitted = (weights.CONSTANT, weights.LOG_POINTS, weights.COVERAGE, weights.COLOUR)
    limits = (weights.APART, RAISED, LEAST_COLOUR, ENOUGH_IN_VIEW)
    digest = hashlib.sha256(repr((fitted, limits)).encode()).hexdigest()
    return f"{_RULES}-{digest[:8]}"


def compare(query: Features, reference: Features, looking: Floats | None = None) -> Verified:
    """Whether the query crop shows the print of the reference crop.

    `looking`: `directions(query)`, when the caller has them from another comparison.
    """
    if min(len(query.points), len(reference.points)) < LEAST_POINTS:
        return NOTHING
    looking = directions(query) if looking is None else looking
    found = arranged(query, reference, pairs(looking, directions(reference)))
    if found is None:
        return NOTHING
    points = len(found.agreeing)
    seen = min(1.0, cover.in_view(reference, query, found) / ENOUGH_IN_VIEW)
    covered = cover.coverage(reference, query, found) * seen
    colour = cover.colour(reference, query, found)
    return Verified(points, covered, colour, strength(points, covered, colour))


def strength(points: int, coverage: float, colour: float) -> float:
    """How much of the print was found, 0..1; 0 for too few points. Grows with each of the three.

    Colours take from what the points have, and everything where they do not agree: however many
    points do, a twin in another colour is another item.
    """
    if points < LEAST_POINTS or colour < LEAST_COLOUR:
        return 0.0
    total = weights.CONSTANT + weights.LOG_POINTS * math.log1p(points) + weights.COVERAGE * coverage
    return (1 - weights.COLOUR * (1 - colour)) / (1 + math.exp(-total))


def joined(similarity: float, found: Verified) -> float:
    """Similarity and second look as one: from `similarity` (nothing found) to almost 1."""
    return similarity + max(0.0, 1.0 - similarity) * RAISED * found.strength
