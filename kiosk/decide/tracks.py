# SPDX-License-Identifier: Apache-2.0
"""Which look belongs to which visit: the item that lies where one lay, or nearest to there."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kiosk.values import Box
from kiosk.vision.boxes import iou

REACH = 0.6
"""An item may move by this share of its longer side between two frames and still be the same."""
REST_OVERLAP = 0.8
"""Boxes that overlap at least this much: the item lies still."""


def assigned(known: Sequence[Box], seen: Sequence[Box]) -> list[int | None]:
    """For each of `seen` the position in `known` of the same item, or None. Each is used once.

    Overlap first, then nearness: an item that is pushed along does not overlap where it was.
    """
    pairs = sorted(
        (
            (-iou(before, now), _distance(before, now), old, new)
            for old, before in enumerate(known)
            for new, now in enumerate(seen)
            if iou(before, now) > 0 or _distance(before, now) <= REACH
        ),
    )
    result: list[int | None] = [None] * len(seen)
    taken: set[int] = set()
    for _, _, old, new in pairs:
        if old not in taken and result[new] is None:
            result[new] = old
            taken.add(old)
    return result


def still(before: Box, now: Box) -> bool:
    """The item did not move to speak of."""
    return iou(before, now) >= REST_OVERLAP


def _distance(before: Box, now: Box) -> float:
    """Between the centres, in longer sides of the larger box."""
    (x, y), (u, v) = before.centre, now.centre
    side = max(before.width, before.height, now.width, now.height, 1.0)
    return math.hypot(x - u, y - v) / side
