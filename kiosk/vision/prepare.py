# SPDX-License-Identifier: Apache-2.0
"""Preparation of catalog pictures: the background taken away, the light made even.

For references only: what a camera sees is never prepared, so each step has to make references more
like what cameras see, not prettier. Pure and deterministic: the same bytes for the same pixels.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.errors import UsageError
from kiosk.values import Box, Pixels
from kiosk.vision.boxes import clip, grown, stretched
from kiosk.vision.image import resize

CLEAN, LIGHT = "clean", "light"
STEPS = (CLEAN, LIGHT)
"""Every step, in the order in which they are done."""

BACKDROP = 127
"""Grey in the place of the background: what the embedder's input is padded with."""
LEAST_ITEM, MOST_ITEM = 0.15, 0.97
"""Share of its box that an item may fill: with less or more its outline was not found."""
LEAST_SPAN = 0.8
"""Share of the box's width and of its height that it spans: the detector saw it reach so far."""
TARGET = 118.0
"""Level that the mean of an item is brought towards."""
MOST_GAIN, MOST_TINT = 1.4, 1.2
"""Bounds of what is changed: a black item stays black, a red one red."""
_SIDE = 224
"""Pixels of the longer side at which the outline is looked for."""
_AROUND = 0.2
"""Of the background, shown around the box, as a share of its sides."""
_ROUNDS = 3
_TINY = 8
_BRIGHTEST = 6.0
"""Power of the mean that takes the colour of the light from the brightest places."""

Mask = NDArray[np.bool_]


def steps_of(text: str) -> tuple[str, ...]:
    """The steps that `clean,light` and the like name, in their order. Raises UsageError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in STEPS:
            raise UsageError(f"--prepare {name}: give some of {', '.join(STEPS)}")
    return tuple(step for step in STEPS if step in names)


def recipe(step: str) -> str:
    """Everything that shapes what `step` does: other recipes give other references."""
    numbers = {
        CLEAN: (BACKDROP, LEAST_ITEM, MOST_ITEM, LEAST_SPAN, _SIDE, _AROUND, _ROUNDS),
        LIGHT: (TARGET, MOST_GAIN, MOST_TINT, _BRIGHTEST),
    }
    return f"{step} {' '.join(f'{number:g}' for number in numbers[step])}"


def prepared(pixels: Pixels, box: Box, steps: tuple[str, ...]) -> Pixels:
    """The BGR uint8 (H, W, 3) picture with these `steps` done for the item in `box`.

    A step that does not find what it needs changes nothing.
    """
    if CLEAN in steps:
        pixels = cleaned(pixels, box)
    if LIGHT in steps:
        pixels = evenly_lit(pixels, box)
    return pixels


def cleaned(pixels: Pixels, box: Box) -> Pixels:
    """All but the item in `box` made grey; as it was where no outline is found."""
    outline = _outline(pixels, box)
    if outline is None:
        return pixels
    height, width = pixels.shape[:2]
    area = _whole(clip(grown(box, _AROUND), width, height))
    weight = np.zeros((height, width), np.float32)
    inner = cv2.resize(
        outline.astype(np.float32), (area[2] - area[0], area[3] - area[1]), interpolation=1
    )
    weight[area[1] : area[3], area[0] : area[2]] = inner
    weight = weight[..., None]
    mixed = pixels * weight + np.float32(BACKDROP) * (1 - weight)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def evenly_lit(pixels: Pixels, box: Box) -> Pixels:
    """The whole picture in white light, the item in `box` as bright as most; within bounds.

    The colour of the light is taken from the whole picture: that of an item is its own.
    """
    left, top, right, bottom = _whole(clip(box, pixels.shape[1], pixels.shape[0]))
    if right <= left or bottom <= top:
        return pixels
    counts = [np.bincount(pixels[..., channel].ravel(), minlength=256) for channel in range(3)]
    powers = (np.arange(256) / 255.0) ** _BRIGHTEST
    light = [(count @ powers / count.sum()) ** (1 / _BRIGHTEST) for count in counts]
    bright = np.maximum(np.array(light), 1e-3)
    tint = np.clip(bright.mean() / bright, 1 / MOST_TINT, MOST_TINT)
    level = max(1.0, float(pixels[top:bottom, left:right].mean()))
    gain = min(MOST_GAIN, max(1 / MOST_GAIN, TARGET / level))
    levels = np.arange(256, dtype=np.float64)[:, None] * (tint * gain)[None, :]
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table[None]), np.uint8)


def _outline(pixels: Pixels, box: Box) -> Mask | None:
    """Where the item is in the box and what surrounds it, small; None when that cannot be told."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = _whole(clip(grown(box, _AROUND), width, height))
    if right - left < _TINY or bottom - top < _TINY:
        return None
    scale = min(1.0, _SIDE / max(right - left, bottom - top))
    small = resize(
        pixels[top:bottom, left:right],
        max(_TINY, round((right - left) * scale)),
        max(_TINY, round((bottom - top) * scale)),
    )
    across, down = small.shape[1] / (right - left), small.shape[0] / (bottom - top)
    moved = Box(box.x1 - left, box.y1 - top, box.x2 - left, box.y2 - top)
    inner = _whole(clip(stretched(moved, across, down), small.shape[1], small.shape[0]))
    mask = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    mask[inner[1] : inner[3], inner[0] : inner[2]] = cv2.GC_PR_FGD
    seeds = int((mask == cv2.GC_BGD).sum()), int((mask == cv2.GC_PR_FGD).sum())
    if min(seeds) < _TINY:
        return None  # the item fills the picture: nothing shows what its background looks like
    cv2.setRNGSeed(0)  # it clusters colours from random starts
    nothing = np.zeros((1, 65), np.float64)
    unused = (0, 0, 1, 1)  # with a mask it needs no rectangle
    cv2.grabCut(
        small, mask, unused, nothing, nothing.copy(), _ROUNDS, cv2.GC_INIT_WITH_MASK
    )  # fmt: skip
    item = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    share = float(item.sum()) / seeds[1]
    across, down = float(item.any(axis=0).sum()), float(item.any(axis=1).sum())
    spans = min(across / (inner[2] - inner[0]), down / (inner[3] - inner[1])) >= LEAST_SPAN
    return item if spans and LEAST_ITEM <= share <= MOST_ITEM else None


def _whole(box: Box) -> tuple[int, int, int, int]:
    """The box in whole pixels, nothing of it cut off."""
    return math.floor(box.x1), math.floor(box.y1), math.ceil(box.x2), math.ceil(box.y2)
