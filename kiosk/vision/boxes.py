# SPDX-License-Identifier: Apache-2.0
"""Pure box geometry on `x1, y1, x2, y2`: no pixels, no models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Box

Boxes = NDArray[np.float32]
"""(N, 4) float32, x1, y1, x2, y2."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a frame was shrunk into a model's input: `input = frame * scale + (left, top)`."""

    scale: float
    left: float
    top: float

    @classmethod
    def fit(cls, width: int, height: int, to_width: int, to_height: int) -> Letterbox:
        """Keep the aspect, centre the picture."""
        scale = min(to_width / width, to_height / height)
        return cls(scale, (to_width - width * scale) / 2, (to_height - height * scale) / 2)

    def back(self, boxes: Boxes) -> Boxes:
        """Boxes in model input pixels as boxes in frame pixels."""
        shift = np.array([self.left, self.top, self.left, self.top], np.float32)
        return ((boxes - shift) / np.float32(self.scale)).astype(np.float32)


def clip(box: Box, width: float, height: float) -> Box:
    """The part of `box` inside a frame of `width` x `height`."""
    return Box(
        min(max(box.x1, 0.0), width),
        min(max(box.y1, 0.0), height),
        min(max(box.x2, 0.0), width),
        min(max(box.y2, 0.0), height),
    )


def iou(first: Box, second: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(first.x2, second.x2) - max(first.x1, second.x1)
    height = min(first.y2, second.y2) - max(first.y1, second.y1)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (first.area + second.area - both)


def within(first: Box, second: Box) -> float:
    """Share of the smaller box that the two have in common, 0..1."""
    width = min(first.x2, second.x2) - max(first.x1, second.x1)
    height = min(first.y2, second.y2) - max(first.y1, second.y1)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max(min(first.area, second.area), 1e-9)


def suppress(boxes: Boxes, scores: NDArray[np.float32], overlap: float) -> list[int]:
    """Greedy non-maximum suppression: rows to keep, best score first.

    A box is dropped when its intersection over union with a better one exceeds `overlap`.
    """
    order = np.argsort(-scores, kind="stable")
    areas = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    kept: list[int] = []
    while order.size:
        best, rest = int(order[0]), order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        both = np.prod(np.maximum(high - low, 0), axis=1)
        union = np.maximum(areas[best] + areas[rest] - both, 1e-9)
        order = rest[both / union <= overlap]
    return kept


def grown_square(box: Box, margin: float) -> Box:
    """The smallest square around `box`, grown by `margin` of its side on every edge."""
    x, y = box.centre
    half = max(box.width, box.height) / 2 * (1 + 2 * margin)
    return Box(x - half, y - half, x + half, y + half)


def grown(box: Box, margin: float) -> Box:
    """`box` with each edge moved out by `margin` of that side's length."""
    dx, dy = box.width * margin, box.height * margin
    return Box(box.x1 - dx, box.y1 - dy, box.x2 + dx, box.y2 + dy)


def stretched(box: Box, dx: float, dy: float) -> Box:
    """`box` in a picture that is `dx` times as wide and `dy` times as high."""
    return Box(box.x1 * dx, box.y1 * dy, box.x2 * dx, box.y2 * dy)


def touches_edge(box: Box, width: int, height: int, slack: float = 0.005) -> bool:
    """True when the box reaches the border of the frame: the item may be cut off."""
    dx, dy = slack * width, slack * height
    return box.x1 <= dx or box.y1 <= dy or box.x2 >= width - dx or box.y2 >= height - dy
