# SPDX-License-Identifier: Apache-2.0
"""Locate: where in a picture are items? Class-agnostic; several at once, or none."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kiosk.config import LocateConfig
from kiosk.errors import ModelError
from kiosk.values import Box, Detection, Pixels
from kiosk.vision.boxes import clip, grown_square, iou, suppress, within
from kiosk.vision.image import letterbox
from kiosk.vision.session import Card, Session

MIN_SIDE_PX = 4.0
"""A box thinner than this in the model's input is noise, not an item."""
MIN_SEEN_PX = 1.0
"""Least side of a box's part inside the picture: one in the grey beside it shows nothing."""
SURROUNDINGS = 0.15
"""Share of the box's side shown around it in the second look."""
NEAR_ENOUGH = 0.5
"""Share of the picture's longer side from which on a second look finds no better box."""
SAME_ITEM = 0.1
"""Least overlap of the second box with the first; a loose first box overlaps little."""
KEPT_SCORE = 0.5
"""Share of the least score that suffices where an item already was."""
STILL_THERE = 0.3
"""Least overlap with where the item was."""
PART = 0.6
"""A box of which another one holds this share is a part of that item, such as its label."""
STICKINESS = 1.6
"""How much more prominent another item must be to take the attention away."""


class Locator:
    """The detector model and how its answers become boxes in the picture."""

    def __init__(self, session: Session, config: LocateConfig) -> None:
        session.card.needs("boxes", "scores")
        self.config = config
        self._session = session
        inputs = session.card.input
        self._width, self._height = int(inputs["width"]), int(inputs["height"])
        self._pad = int(inputs.get("pad", 114))
        defaults = session.card.body.get("defaults", {})
        if not config.score and "score" not in defaults:
            raise ModelError(
                f"{session.card.path}: its card has no [defaults] score and locate.score is 0; "
                "set locate.score or restore the card"
            )
        self._score = config.score or float(defaults["score"])

    @property
    def card(self) -> Card:
        return self._session.card

    def locate(self, pixels: Pixels, seen: Sequence[Box] = ()) -> tuple[Detection, ...]:
        """Items in a BGR uint8 (H, W, 3) picture, best first, boxes in its pixels.

        Where items were `seen` before, a lower score will do: they must not blink when the detector
        wavers, while a new item has to convince.
        """
        height, width = pixels.shape[:2]
        canvas, fit = letterbox(pixels, self._width, self._height, self._pad)
        outputs = self._session.run(canvas[None])
        boxes, scores = outputs["boxes"][0], outputs["scores"][0]
        sides = boxes[:, 2:] - boxes[:, :2]
        good = (scores >= self._score * (KEPT_SCORE if seen else 1.0)) & (sides >= MIN_SIDE_PX).all(
            axis=1
        )
        boxes, scores = fit.back(boxes[good]), scores[good]
        kept = suppress(boxes, scores, self.config.overlap)[: self.config.items]
        clipped = ((clip(Box(*map(float, boxes[row])), width, height), row) for row in kept)
        found = tuple(
            Detection(box, float(scores[row]))
            for box, row in clipped
            if min(box.width, box.height) >= MIN_SEEN_PX
        )
        return tuple(
            each
            for each in found
            if each.score >= self._score or any(iou(each.box, box) > STILL_THERE for box in seen)
        )

    def refined(self, pixels: Pixels, detection: Detection) -> Detection:
        """A closer second look at one item: the model sees little else, so its box fits better.

        A small item is a few pixels in the model's input; cut out with some surroundings it fills
        it. The first box stays when it is large, which saves the look, and when the second look
        finds nothing that overlaps it.
        """
        height, width = pixels.shape[:2]
        if max(detection.box.width, detection.box.height) >= NEAR_ENOUGH * max(width, height):
            return detection
        window = clip(grown_square(detection.box, SURROUNDINGS), width, height)
        left, top = math.floor(window.x1), math.floor(window.y1)
        right, bottom = math.ceil(window.x2), math.ceil(window.y2)
        found = [
            Detection(
                Box(each.box.x1 + left, each.box.y1 + top, each.box.x2 + left, each.box.y2 + top),
                detection.score,
            )
            for each in self.locate(pixels[top:bottom, left:right])
        ]
        best = max(found, key=lambda each: iou(each.box, detection.box), default=detection)
        return best if iou(best.box, detection.box) >= SAME_ITEM else detection


def subject(detections: tuple[Detection, ...], width: int, height: int) -> Detection | None:
    """The most prominent item of a picture; None when nothing is there."""
    return next(iter(attended(detections, width, height)), None)


def attended(
    detections: tuple[Detection, ...], width: int, height: int, seen: Sequence[Box] = ()
) -> tuple[Detection, ...]:
    """The items a kiosk looks at, the most prominent first: sure, large and near the middle.

    Size counts by its square root so that a big thing at the rim does not win over the item that a
    person holds up in the centre. The item `seen` in focus before (the first) keeps the attention
    unless another one is clearly more prominent: two items side by side must not take turns. What
    lies within a more prominent box is a part of that item.
    """

    def weight(detection: Detection) -> float:
        x, y = detection.box.centre
        off = math.hypot((x - width / 2) / width, (y - height / 2) / height)
        size = math.sqrt(detection.box.area / (width * height))
        kept = STICKINESS if seen and iou(detection.box, seen[0]) > STILL_THERE else 1.0
        return detection.score * size * (1.0 - min(off, 0.7)) * kept

    chosen: list[Detection] = []
    for each in sorted(detections, key=lambda each: -weight(each)):
        if all(within(each.box, other.box) < PART for other in chosen):
            chosen.append(each)
    return tuple(chosen)
