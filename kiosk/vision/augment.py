# SPDX-License-Identifier: Apache-2.0
"""Views: how a catalog picture would look turned, dim, bright, out of focus or boxed a bit wrong.

A view is a named recipe of plain numbers. It works on the whole picture around the box, before the
crop is cut, so that a turned item shows what really surrounds it. Pure and deterministic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kiosk.values import Box, Pixels
from kiosk.vision.boxes import clip
from kiosk.vision.image import blurred, brightened, crop, flipped, resize, rotated

Cut = Callable[[Pixels, Box], Pixels]
"""`Embedder.crop`: the model's input for a box in a picture."""

CONTEXT = 0.75
"""What is kept around the box before turning, as a share of its longer side."""
WORKING_SIDE = 448
"""Pixels the longer side of a box is shrunk to: more than any crop shows, and bounded memory."""


@dataclass(frozen=True, slots=True)
class View:
    """One recipe. The defaults change nothing."""

    name: str
    turn: float = 0.0
    """Degrees clockwise."""
    gain: float = 1.0
    """Factor on every pixel value."""
    defocus: float = 0.0
    """Sigma of the blur as a share of the box's longer side."""
    zoom: float = 1.0
    """Size of the box a detector would give, compared with the true one."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Where it would lie, in widths and heights of the true box."""
    mirror: bool = False

    def __str__(self) -> str:
        """The whole recipe in words; two views that differ differ here."""
        steps = [
            "mirrored" if self.mirror else "",
            f"turned {self.turn:g} degrees" if self.turn else "",
            f"box x{self.zoom:g} moved {self.shift[0]:g},{self.shift[1]:g}"
            if self.zoom != 1 or self.shift != (0.0, 0.0)
            else "",
            f"brightness x{self.gain:g}" if self.gain != 1 else "",
            f"blurred {self.defocus:g}" if self.defocus else "",
        ]
        return f"{self.name}: " + (", ".join(step for step in steps if step) or "as it is")


PLAIN = View("plain")
VIEWS: tuple[View, ...] = (
    PLAIN,
    View("left", turn=-8),
    View("right", turn=8),
    View("far-left", turn=-20, zoom=1.04),
    View("far-right", turn=20, zoom=1.04),
    View("dim", gain=0.75, zoom=0.95, shift=(0.03, -0.03)),
    View("bright", gain=1.3, zoom=1.06, shift=(-0.03, 0.03)),
    View("soft", defocus=0.012),
    View("tight", zoom=0.88, shift=(-0.02, -0.02)),
    View("loose", zoom=1.15, shift=(0.03, 0.02)),
)
"""Views of every picture; the first is the picture as it is."""
MIRRORED: tuple[View, ...] = (
    View("mirrored", mirror=True),
    View("mirrored-left", turn=-12, mirror=True),
    View("mirrored-right", turn=12, mirror=True),
)
"""More views where an item may be met mirrored, such as the other piece of a pair."""


def seen(pixels: Pixels, box: Box, view: View, cut: Cut) -> Pixels:
    """The model crop of `view` of the item in `box` of a BGR uint8 (H, W, 3) picture.

    Raises ImageError for a box that is empty or lies outside the picture.
    """
    if view == PLAIN:
        return cut(pixels, box)
    around, inner = _surroundings(pixels, box)
    if view.mirror:
        around = flipped(around)
        inner = Box(around.shape[1] - inner.x2, inner.y1, around.shape[1] - inner.x1, inner.y2)
    if view.turn:
        around, inner = rotated(around, view.turn), _turned(inner, view.turn)
    if view.defocus:
        around = blurred(around, max(0.3, view.defocus * max(inner.width, inner.height)))
    if view.gain != 1:
        around = brightened(around, view.gain)
    return cut(around, _moved(inner, view))


def _surroundings(pixels: Pixels, box: Box) -> tuple[Pixels, Box]:
    """A square of the picture centred on the box, and the box in it.

    Beyond the edge of the picture its last pixels are repeated: a catalog picture often ends at the
    item, and a grey corner that turns with it would be learnt as part of it.
    """
    height, width = pixels.shape[:2]
    x, y = box.centre
    half = math.ceil(max(box.width, box.height) * (0.5 + CONTEXT))
    left, top = round(x) - half, round(y) - half
    whole = Box(left, top, left + 2 * half, top + 2 * half)
    inside = clip(whole, width, height)
    around = crop(pixels, inside, 0)
    scale = min(1.0, WORKING_SIDE / max(box.width, box.height))
    if scale < 1:
        shrunk = (max(1, round(side * scale)) for side in around.shape[1::-1])
        around = resize(around, *shrunk)
    missing = (
        (round((inside.y1 - whole.y1) * scale), round((whole.y2 - inside.y2) * scale)),
        (round((inside.x1 - whole.x1) * scale), round((whole.x2 - inside.x2) * scale)),
        (0, 0),
    )
    corners = (box.x1 - left, box.y1 - top, box.x2 - left, box.y2 - top)
    return np.pad(around, missing, mode="edge"), Box(*(value * scale for value in corners))


def _turned(box: Box, degrees: float) -> Box:
    """The box of the turned item, the centre kept.

    Between the box of a turned rectangle (a carton fills its box) and of a turned ellipse (fruit
    does not): nobody knows the outline.
    """
    x, y = box.centre
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    width, height = box.width, box.height
    rectangle = (width * cos + height * sin, width * sin + height * cos)
    ellipse = (math.hypot(width * cos, height * sin), math.hypot(width * sin, height * cos))
    half_width = (rectangle[0] + ellipse[0]) / 4
    half_height = (rectangle[1] + ellipse[1]) / 4
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)


def _moved(box: Box, view: View) -> Box:
    x, y = box.centre
    x += view.shift[0] * box.width
    y += view.shift[1] * box.height
    half_width, half_height = box.width * view.zoom / 2, box.height * view.zoom / 2
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)
