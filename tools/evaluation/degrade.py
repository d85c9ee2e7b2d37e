# SPDX-License-Identifier: Apache-2.0
"""Ways in which a camera sees an item worse: each with a mild, a medium and a strong setting.

Pure and seeded: one picture, setting and seed give the same pixels every time. Strength 0 is the
picture as it is. Sizes are relative to the picture or to the box of the item, so that photos of
any resolution are treated alike. BGR uint8 (H, W, 3) in and out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.values import Box, Pixels
from kiosk.vision.boxes import clip, grown
from kiosk.vision.image import resize, rotated

STRENGTHS = ("plain", "mild", "medium", "strong")
MAX_FRAME_PX = 1280
"""Longer side of a frame in which an item is made small."""
_MIN_LEFT_PX = 40
_SKIN = ((140, 170, 215), (105, 140, 195), (70, 95, 150), (50, 65, 100))
_FINGER = 0.16
"""Width of a finger as a share of the item's side it crosses."""
_CLUTTER = 140
"""Things lying around in the strong background."""

Random = np.random.Generator
Recipe = Callable[[Pixels, float, Box, Random], Pixels]


@dataclass(frozen=True, slots=True)
class Degradation:
    """One way of seeing worse."""

    name: str
    about: str
    """What the setting's number means."""
    settings: tuple[float, float, float]
    """Mild, medium, strong."""
    recipe: Recipe


def degraded(
    pixels: Pixels, how: Degradation, strength: int, box: Box | None, seed: tuple[int, ...]
) -> Pixels:
    """The picture at strength 0 (as it is) to 3; `box` is the item (None: the middle of it)."""
    if strength == 0:
        return pixels
    height, width = pixels.shape[:2]
    item = box or Box(0.15 * width, 0.15 * height, 0.85 * width, 0.85 * height)
    random = np.random.default_rng([*seed, strength])
    changed = how.recipe(pixels, how.settings[strength - 1], item, random)
    return np.ascontiguousarray(changed)


def _small(pixels: Pixels, share: float, box: Box, random: Random) -> Pixels:
    """The photo fills `share` of a larger frame; the counter around it is plain."""
    height, width = pixels.shape[:2]
    longer = min(MAX_FRAME_PX, round(max(height, width) / share))
    scale = min(1.0, longer * share / max(height, width))
    inner = resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
    frame_height = max(inner.shape[0], round(inner.shape[0] / share))
    frame_width = max(inner.shape[1], round(inner.shape[1] / share))
    frame = _counter(frame_height, frame_width, _border_colour(pixels), random)
    top = round((frame_height - inner.shape[0]) * random.uniform(0.3, 0.7))
    left = round((frame_width - inner.shape[1]) * random.uniform(0.3, 0.7))
    frame[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return frame


def _coarse(pixels: Pixels, item_px: float, box: Box, random: Random) -> Pixels:
    """The item's longer side has `item_px` pixels; the frame keeps its size."""
    height, width = pixels.shape[:2]
    scale = item_px / max(box.width, box.height, 1.0)
    if scale >= 1:
        return pixels
    shrunk = resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
    return resize(shrunk, width, height)


def _defocused(pixels: Pixels, share: float, box: Box, random: Random) -> Pixels:
    """A disc of confusion with a radius of `share` of the longer side."""
    radius = share * max(pixels.shape[:2])
    reach = math.ceil(radius)
    grid = np.arange(-reach, reach + 1, dtype=np.float32)
    distance = np.hypot(grid[:, None], grid[None, :])
    return _filtered(pixels, np.clip(radius + 0.5 - distance, 0, 1))


def _moved(pixels: Pixels, share: float, box: Box, random: Random) -> Pixels:
    """A streak of `share` of the longer side, in any direction."""
    length = share * max(pixels.shape[:2])
    angle = random.uniform(0, math.pi)
    reach = math.ceil(length / 2)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for step in np.linspace(-length / 2, length / 2, 4 * reach + 1):
        x, y = reach + step * math.cos(angle), reach + step * math.sin(angle)
        kernel[round(y), round(x)] += 1
    return _filtered(pixels, kernel)


def _filtered(pixels: Pixels, kernel: NDArray[Any]) -> Pixels:
    weights = kernel / kernel.sum()
    return np.asarray(cv2.filter2D(pixels, -1, weights, borderType=cv2.BORDER_REPLICATE), np.uint8)


def _exposed(pixels: Pixels, stops: float, box: Box, random: Random) -> Pixels:
    """`stops` more or less light on the sensor, clipped where it ends."""
    curve = (np.arange(256) / 255) ** 2.2 * 2.0**stops
    table = np.rint(255 * np.clip(curve, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    return np.asarray(table[pixels], np.uint8)


def _noisy(pixels: Pixels, deviation: float, box: Box, random: Random) -> Pixels:
    """Noise of a sensor short of light: half of it in all channels alike, more in the dark."""
    shape = pixels.shape
    grain = random.standard_normal((*shape[:2], 1)) + random.standard_normal(shape)
    level = deviation / math.sqrt(2) * (1.3 - 0.6 * pixels / 255)
    return np.clip(np.rint(pixels + level * grain), 0, 255).astype(np.uint8)


def _covered(pixels: Pixels, share: float, box: Box, random: Random) -> Pixels:
    """Three fingers from one side cover about `share` of the item's box."""
    result = pixels.copy()
    side = int(random.integers(3))  # 0 left, 1 right, 2 bottom
    tone = np.array(_SKIN[int(random.integers(len(_SKIN)))], np.float64)
    along, across = (box.height, box.width) if side == 2 else (box.width, box.height)
    depth = along * share / (3 * _FINGER)
    thick = max(2, round(_FINGER * across))
    for number in range(3):
        place = (number + 0.5 + random.uniform(0.1, 0.4)) / 3.5
        reach = depth * random.uniform(0.85, 1.15)
        colour = tuple(float(value) for value in tone * random.uniform(0.9, 1.1))
        if side == 2:
            x = box.x1 + place * box.width
            start, end = (x, float(pixels.shape[0] + thick)), (x, box.y2 - reach)
        else:
            y = box.y1 + place * box.height
            outer = -float(thick) if side == 0 else float(pixels.shape[1] + thick)
            start = (outer, y)
            end = (box.x1 + reach, y) if side == 0 else (box.x2 - reach, y)
        points = [tuple(round(value) for value in point) for point in (start, end)]
        cv2.line(result, points[0], points[1], colour, thick, cv2.LINE_AA)
    return result


def _turned(pixels: Pixels, degrees: float, box: Box, random: Random) -> Pixels:
    """Turned about the centre, clockwise or not; the edges are repeated outwards."""
    return rotated(pixels, degrees * float(random.choice((-1, 1))))


def _cut_off(pixels: Pixels, share: float, box: Box, random: Random) -> Pixels:
    """The frame ends where `share` of the item's width or height is still missing."""
    height, width = pixels.shape[:2]
    side = int(random.integers(4))
    left = box.x1 + share * box.width if side == 0 else 0
    right = box.x2 - share * box.width if side == 1 else width
    top = box.y1 + share * box.height if side == 2 else 0
    bottom = box.y2 - share * box.height if side == 3 else height
    x1, y1 = min(round(left), width - _MIN_LEFT_PX), min(round(top), height - _MIN_LEFT_PX)
    x2, y2 = max(round(right), _MIN_LEFT_PX), max(round(bottom), _MIN_LEFT_PX)
    return pixels[max(0, y1) : y2, max(0, x1) : x2]


def _elsewhere(pixels: Pixels, clutter: float, box: Box, random: Random) -> Pixels:
    """All but the item's box is another counter, with things lying on it by `clutter` (0..1)."""
    height, width = pixels.shape[:2]
    tone = random.uniform(60, 190) + random.uniform(-25, 25, 3)
    scene = _counter(height, width, tone, random)
    for _ in range(round(_CLUTTER * clutter * clutter)):
        colour = tuple(float(value) for value in random.uniform(0, 255, 3))
        x, y = int(random.integers(width)), int(random.integers(height))
        size = float(random.uniform(0.02, 0.12) * max(height, width))
        axes = (round(size), max(1, round(size * random.uniform(0.15, 1))))
        cv2.ellipse(scene, (x, y), axes, float(random.uniform(0, 180)), 0, 360, colour, -1)
    kept = clip(grown(box, 0.03), width, height)
    rows = slice(math.floor(kept.y1), math.ceil(kept.y2))
    columns = slice(math.floor(kept.x1), math.ceil(kept.x2))
    scene[rows, columns] = pixels[rows, columns]
    return scene


def _border_colour(pixels: Pixels) -> NDArray[Any]:
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    return np.asarray(np.median(np.concatenate(edges), axis=0), np.float64)


def _counter(height: int, width: int, tone: NDArray[Any], random: Random) -> Pixels:
    """A plain counter: one colour, light from one side, a little grain."""
    angle = random.uniform(0, 2 * math.pi)
    x = np.linspace(-0.5, 0.5, width)[None, :] * math.cos(angle)
    y = np.linspace(-0.5, 0.5, height)[:, None] * math.sin(angle)
    light = 1 + 0.2 * (x + y)
    grain = random.standard_normal((height, width, 1)) * 3
    return np.asarray(np.clip(np.rint(light[:, :, None] * tone + grain), 0, 255), np.uint8)


DEGRADATIONS: tuple[Degradation, ...] = (
    Degradation("small", "the photo's share of the frame's side", (0.6, 0.4, 0.25), _small),
    Degradation("coarse", "pixels of the item's longer side", (160, 96, 56), _coarse),
    Degradation(
        "defocus", "radius of the blur, share of the frame", (0.005, 0.012, 0.025), _defocused
    ),
    Degradation("motion", "length of the streak, share of the frame", (0.015, 0.04, 0.08), _moved),
    Degradation("dark", "stops of light", (-0.7, -1.7, -3.0), _exposed),
    Degradation("bright", "stops of light", (0.5, 1.0, 1.7), _exposed),
    Degradation("noise", "deviation of pixel values", (7, 18, 35), _noisy),
    Degradation("occlusion", "share of the item under fingers", (0.1, 0.25, 0.4), _covered),
    Degradation("rotation", "degrees", (10, 25, 45), _turned),
    Degradation("cut-off", "share of the item outside the frame", (0.1, 0.25, 0.4), _cut_off),
    Degradation("background", "clutter of another counter, 0 to 1", (0.0, 0.5, 1.0), _elsewhere),
)
