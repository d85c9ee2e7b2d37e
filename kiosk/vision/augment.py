# SPDX-License-Identifier: Apache-2.0
"""Views: how a catalog picture would look turned, dim, bright, out of focus or boxed a bit wrong.

A view is a named recipe of plain numbers. It works on the whole picture around the box, before the
crop is cut, so that a turned item shows what really surrounds it. Pure and deterministic. Some
views become references; others only try how a camera might see the item.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kiosk.values import Box, Pixels
from kiosk.vision.boxes import clip
from kiosk.vision.image import blurred, brightened, crop, flipped, resize, rotated

Cut = TypeVar("Cut")
"""What a stage makes of a box in a picture: `Embedder.crop` a model's input, `features` its own."""

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
    squeeze: tuple[float, float] = (1.0, 1.0)
    """Factors on width and height: the item stands or lies askew to the camera."""
    far: int = 0
    """Pixels that the longer side of the box has left for a camera far away; 0: all of them."""
    gamma: float = 1.0
    """Above 1: darker shadows, such as under one lamp."""
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors on blue, green and red: the colour of the light."""
    noise: float = 0.0
    """Deviation of the sensor's noise, in pixel values."""

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
            f"squeezed {self.squeeze[0]:g},{self.squeeze[1]:g}" if self.squeeze != (1, 1) else "",
            f"{self.far} pixels" if self.far else "",
            f"gamma {self.gamma:g}" if self.gamma != 1 else "",
            "light {:g},{:g},{:g}".format(*self.tint) if self.tint != (1, 1, 1) else "",
            f"noise {self.noise:g}" if self.noise else "",
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
CAMERA: tuple[View, ...] = (
    View("far", 5, 0.8, 0, 1.12, (0.06, -0.04), far=110, tint=(0.9, 1, 1.08), noise=6),
    View("farther", -12, 1.2, 0, 0.9, (-0.05, 0.05), far=90, tint=(1.1, 1, 0.92), noise=5),
    View("narrow", 15, 0.65, squeeze=(0.82, 1), far=130, gamma=1.3, noise=8),
    View("flat", -6, 1, 0.02, 1.2, (0, 0.05), squeeze=(1, 0.82), tint=(0.85, 1, 1.1), far=150),
    View("covered", 3, 1.1, 0, 0.78, (0.08, 0.04), far=120, gamma=0.8, noise=5),
    View("wide", -3, 0.9, 0, 1.3, (-0.04, 0.1), far=120, tint=(1.05, 1, 0.95), noise=6),
)
"""How a camera over a counter may see the item, on a bad day. Never enrolled: thresholds are
measured with them, because photos from a camera are not there yet when a catalog is built."""
NEAR = View("near", 7, 0.95, 0, 1.05, squeeze=(0.9, 1), far=260, tint=(0.95, 1, 1.05), noise=4)
"""How it sees the item on a good day: then a look-alike's print is found best, too."""


def seen(pixels: Pixels, box: Box, view: View, cut: Callable[[Pixels, Box], Cut]) -> Cut:
    """What `cut` makes of `view` of the item in `box` of a BGR uint8 (H, W, 3) picture.

    Raises ImageError for a box that is empty or lies outside the picture.
    """
    return Item(pixels, box).seen(view, cut)


class Item:
    """An item in a picture, to look at in several views: what surrounds it is cut out once."""

    def __init__(self, pixels: Pixels, box: Box) -> None:
        """`pixels` is BGR uint8 (H, W, 3); it is not changed, and must not be meanwhile."""
        self._pixels = pixels
        self._box = box
        self._around: tuple[Pixels, Box] | None = None

    def seen(self, view: View, cut: Callable[[Pixels, Box], Cut]) -> Cut:
        """As the function `seen`."""
        if view == PLAIN:
            return cut(self._pixels, self._box)
        if self._around is None:
            self._around = _surroundings(self._pixels, self._box)
        around, inner = self._around
        if view.mirror:
            around = flipped(around)
            inner = Box(around.shape[1] - inner.x2, inner.y1, around.shape[1] - inner.x1, inner.y2)
        if view.squeeze != (1, 1):
            around, inner = _scaled(around, inner, *view.squeeze)
        if view.turn:
            around, inner = rotated(around, view.turn), _turned(inner, view.turn)
        side = max(inner.width, inner.height)
        if view.defocus:
            around = blurred(around, max(0.3, view.defocus * side))
        if 0 < view.far < side:
            around, inner = _scaled(around, inner, view.far / side, view.far / side)
        return cut(_lit(around, view), _moved(inner, view))


def _scaled(pixels: Pixels, box: Box, across: float, down: float) -> tuple[Pixels, Box]:
    """The picture and its box, scaled to whole pixels."""
    height, width = pixels.shape[:2]
    new_width, new_height = max(1, round(width * across)), max(1, round(height * down))
    across, down = new_width / width, new_height / height
    scaled = Box(box.x1 * across, box.y1 * down, box.x2 * across, box.y2 * down)
    return resize(pixels, new_width, new_height), scaled


def _lit(pixels: Pixels, view: View) -> Pixels:
    """The picture in the view's light, with its sensor noise: the same noise every time."""
    if (view.gamma, view.tint, view.noise) == (1, (1, 1, 1), 0):
        return brightened(pixels, view.gain) if view.gain != 1 else pixels
    curve = np.float32(255) * (np.arange(256, dtype=np.float32) / 255) ** np.float32(view.gamma)
    light = np.array(view.tint, np.float32) * np.float32(view.gain)
    values = curve[pixels] * light
    random = np.random.default_rng(0)
    values += random.standard_normal(values.shape, np.float32) * np.float32(view.noise)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


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
