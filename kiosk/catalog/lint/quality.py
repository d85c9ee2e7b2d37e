# SPDX-License-Identifier: Apache-2.0
"""Pictures that show too little of an item: taken from too far away, or out of focus.

Judged from what a release holds: the box in pixels of the picture, and the thumbnail, which has
about as many pixels as the embedder gets. Blur that vanishes when a picture is shrunk that far does
no harm.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kiosk.catalog.lint.content import Content, Floats
from kiosk.catalog.lint.findings import Code, Finding, Severity
from kiosk.catalog.lint.nearest import Tell
from kiosk.values import Pixels
from kiosk.vision.decode import decode_picture

TINY_PX = 96
"""Longer side of the box in pixels; the views that stand for a camera far away have 90 to 150."""
GOOD_PX = 224
"""What the advice asks for: the embedder's input."""
BLURRED = 0.2
"""Steepness of the sharpest edges below which a picture is blurred: 493 sharp catalog pictures have
0.27 and more; blurred by 1.2 % of their side 9 of 10 have less than this, by 1.6 % all."""
_CELL = 10
_CONTRASTED = 0.9
"""Edges are looked for where the contrast is in the top tenth."""
_FLAT = 8.0
"""Least contrast, in grey values, that an edge can have."""
_WEIGHTS = np.array([0.114, 0.587, 0.299], np.float32)
"""Of blue, green and red in grey."""


def quality(content: Content, tell: Tell) -> Iterator[Finding]:
    """Tiny and blurred pictures, a finding for each."""
    total = len(content.pictures)
    for number, picture in enumerate(content.pictures):
        if number % 50 == 0:
            tell("Looking at pictures", number, total)
        side = max(picture.box.width, picture.box.height)
        if side < TINY_PX:
            yield _finding(content, number, Code.TINY, f"is only {side:.0f} pixels large")
            continue  # enlarged it would be blurred as well
        # Of a pen or a ruler it is a few pixels wide.
        pixels = decode_picture(content.thumbnail(number), picture.thumbnail.file, least_side=1)
        if steepness(pixels) < BLURRED:
            yield _finding(content, number, Code.BLURRED, "is blurred")


_ADVICE = {
    Code.TINY: f"Take it again from nearer, so that the item has {GOOD_PX} pixels or more; if it "
    "fills the picture already, lay it on a plain ground so that it is found.",
    Code.BLURRED: "Take it again in focus and held still; in doubt leave it out.",
}


def _finding(content: Content, number: int, code: Code, what: str) -> Finding:
    picture = content.shown(number)
    return Finding(
        code,
        Severity.WARNING,
        f"The item in {picture.name} {what}.",
        _ADVICE[code],
        skus=(picture.sku,),
        pictures=(picture,),
    )


def steepness(pixels: Pixels) -> float:
    """How steep the sharpest edges of a BGR uint8 (H, W, 3) picture are: the largest step from
    pixel to pixel, of the contrast around it; about 0.15 (blurred) to 0.8.
    """
    grey = pixels.astype(np.float32) @ _WEIGHTS
    steps = np.hypot(np.diff(grey, axis=0)[:, :-1], np.diff(grey, axis=1)[:-1])
    found = [_cells(grey[:-1, :-1], steps, shift) for shift in (0, _CELL // 2)]
    contrast, steepest = (np.concatenate(values) for values in zip(*found, strict=True))
    if not len(contrast):
        return 1.0
    clear = contrast >= np.quantile(contrast, _CONTRASTED)
    return float(np.median(steepest[clear] / np.maximum(contrast[clear], _FLAT)))


def _cells(grey: Floats, steps: Floats, shift: int) -> tuple[Floats, Floats]:
    """Contrast and largest step in each square cell, the first one `shift` pixels in."""
    down, across = (max(0, side - shift) // _CELL for side in grey.shape)
    area = slice(shift, shift + down * _CELL), slice(shift, shift + across * _CELL)
    values, slopes = (
        table[area].reshape(down, _CELL, across, _CELL).swapaxes(1, 2).reshape(-1, _CELL * _CELL)
        for table in (grey, steps)
    )
    if not len(values):
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    return values.max(axis=1) - values.min(axis=1), slopes.max(axis=1)
