# SPDX-License-Identifier: Apache-2.0
"""When an addition may be made, and what it may be accepted by. Pure: similarities in, words out.

Rules: what is an existing SKU already is not added under another name; what takes matches from an
existing SKU is not added at all; an addition never accepts more laxly than the release. Nobody has
measured how strangers resemble it, so beside the release's limit it has one of its own, beyond the
nearest other SKU by the release's margin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiosk.search import similarities
from kiosk.values import Embedding, Thresholds

SAME_VIEW = 0.985
"""Two views more similar than this show the same side. Measured on the demo counter: frames of one
item at rest 0.987 to 0.996 while it turns by a few degrees, other visits of it 0.81 to 0.985."""

Floats = NDArray[np.float32]


def differs(view: Embedding, others: Floats) -> bool:
    """A (D,) view shows another side than each of (K, D) others."""
    return not len(others) or float(similarities(view, others).max()) < SAME_VIEW


def accept_limit(nearest: float, thresholds: Thresholds) -> float:
    """Least similarity to accept an addition whose nearest other SKU is so similar to it."""
    return max(thresholds.accept, nearest + thresholds.margin)


def steals(own: float, new: float, thresholds: Thresholds) -> bool:
    """Whether a view of an existing SKU is lost to an addition.

    own, new: its similarity to its own SKU and to the addition. Lost is a match that was found
    before and has no clear lead over the addition, by the release's own margin: that is how far
    another view of the same picture moves a lead.
    """
    return min(own, new) >= thresholds.choose and own - new < thresholds.margin


def taken(
    references: Floats, pictures: NDArray[np.integer], new: Floats, thresholds: Thresholds
) -> tuple[int, int] | None:
    """The (reference, new vector) where (M, D) `new` takes from a SKU with (K, D) references.

    A reference stands for a scan that looks like it: it is lost when, with its own picture left
    out, the addition is nearer than the SKU's other pictures; and when the addition is so near to
    the very picture that the release's limit would accept it. pictures: (K,), the number of the
    picture behind each reference. None: nothing is taken.
    """
    near = similarities(references, new)
    worst = near.max(axis=1)
    least = min(thresholds.choose, thresholds.accept)  # nothing below is lost or accepted
    if worst.max() < least:
        return None
    among = similarities(references, references)
    among[pictures[:, None] == pictures[None, :]] = -1.0
    own = among.max(axis=1)
    for row in np.argsort(-worst, kind="stable"):
        if worst[row] < least:
            break
        same = worst[row] >= thresholds.accept
        if same or steals(float(own[row]), float(worst[row]), thresholds):
            return int(row), int(near[row].argmax())
    return None
