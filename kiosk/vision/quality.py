# SPDX-License-Identifier: Apache-2.0
"""How well an item is seen in one frame: sizes, sharpness, light. Measurements, no judgement.

What they mean for a decision is for `kiosk.decide.coach`; what covers an item is measured by
`kiosk.vision.background`. Cheap: everything is measured on a crop of the embedder's size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Box, Pixels, Quality
from kiosk.vision.boxes import clip
from kiosk.vision.image import crop, resize

SIDE_PX = 224
"""Longer side of the crop that is measured: what the embedder gets to see."""
DARK = 0.06
"""Luma (0..1) below which a pixel is nearly black."""
CLIPPED = 0.98
"""Luma (0..1) above which a pixel is blown out."""
_STEP_PX = 4
_FLOOR = 2.0
"""Squared luma steps (0..255) that sensor noise makes: a plain item is not a blurred one."""
_LUMA = np.array([0.114, 0.587, 0.299], np.float32)

Floats = NDArray[np.float32]


def measure(
    pixels: Pixels, box: Box, *, before: Box | None = None, covered: float = 0.0
) -> Quality:
    """Measure the item in `box` of a BGR uint8 (H, W, 3) frame.

    `before` is its box one frame earlier, `covered` what `Surroundings.covered` found. Raises
    ImageError when the box lies outside the frame.
    """
    height, width = pixels.shape[:2]
    cut = crop(pixels, clip(box, width, height), 0)
    luma = _brought_to_size(cut).astype(np.float32) @ _LUMA
    side = max(box.width, box.height)
    return Quality(
        side_px=side,
        fill=max(box.width / width, box.height / height),
        sharpness=sharpness(luma),
        brightness=float(luma.mean()) / 255,
        dark=float((luma < 255 * DARK).mean()),
        clipped=float((luma > 255 * CLIPPED).mean()),
        moved=0.0 if before is None else moved(before, box),
        covered=covered,
    )


def _brought_to_size(cut: Pixels) -> Pixels:
    while max(cut.shape[:2]) >= 2 * SIDE_PX and min(cut.shape[:2]) >= 2:
        rows, columns = cut.shape[0] // 2, cut.shape[1] // 2
        cut = resize(cut[: 2 * rows, : 2 * columns], columns, rows)  # halving is the fast case
    scale = SIDE_PX / max(cut.shape[:2])
    return resize(cut, max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))


def sharpness(luma: Floats) -> float:
    """How steep the edges of a (H, W) luma picture, 0..255, are, whatever their height and number.

    From the steps between neighbours and those between pixels 4 apart: edges as sharp as pixels
    allow give 1, ever softer ones less, down to 0; grain gives more than 1. It is that of the axis
    along which it is less, which is how a streak shows. What has no edges counts as sharp.
    """
    along = [_steepness(luma, axis) for axis in (0, 1) if luma.shape[axis] > _STEP_PX]
    return min(along, default=1.0)


def _steepness(luma: Floats, axis: int) -> float:
    lines = luma if axis == 1 else luma.T
    near = float(np.square(lines[:, 1:] - lines[:, :-1]).mean())
    far = float(np.square(lines[:, _STEP_PX:] - lines[:, :-_STEP_PX]).mean())
    # A long slope gives a quarter: its steps are as many times smaller as they are apart.
    ratio = float(np.sqrt((near + _FLOOR) / (far + _FLOOR)))
    return max(0.0, _STEP_PX * ratio - 1)


def moved(before: Box, box: Box) -> float:
    """How far a box moved or grew, of its longer side now."""
    steps = (abs(a - b) for a, b in zip(_edges(before), _edges(box), strict=True))
    return max(steps) / max(box.width, box.height, 1.0)


def _edges(box: Box) -> tuple[float, float, float, float]:
    return box.x1, box.y1, box.x2, box.y2
