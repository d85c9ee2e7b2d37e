# SPDX-License-Identifier: Apache-2.0
"""How well each item of a frame is seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from kiosk.decide.tracks import assigned
from kiosk.values import Box, Detection, Frame, Quality
from kiosk.vision.background import Background
from kiosk.vision.boxes import touches_edge
from kiosk.vision.quality import measure


@dataclass(frozen=True, slots=True)
class View:
    """How well one item is seen."""

    quality: Quality
    whole: bool
    spent_ms: float


def views_of(
    frame: Frame, items: Sequence[Detection], seen: Sequence[Box], background: Background | None
) -> list[View]:
    """A view for each item. `seen` is where items were a frame ago."""
    boxes = [item.box for item in items]
    started = time.perf_counter()
    around = background.beside(frame.pixels) if background is not None and boxes else None
    views = []
    for box, place in zip(boxes, assigned(seen, boxes), strict=True):
        others = [other for other in boxes if other is not box]
        quality = measure(
            frame.pixels,
            box,
            before=None if place is None else seen[place],
            covered=around.covered(box, others) if around is not None else 0.0,
        )
        whole = not touches_edge(box, frame.width, frame.height)
        now = time.perf_counter()
        views.append(View(quality, whole, 1000 * (now - started)))
        started = now
    return views
