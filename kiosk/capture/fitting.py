# SPDX-License-Identifier: Apache-2.0
"""One frame size for pictures of many sizes: what recorded sources share."""

from __future__ import annotations

from kiosk.values import Pixels
from kiosk.vision.boxes import Letterbox
from kiosk.vision.image import letterbox, resize

_GREY = 114


def size_within(pixels: Pixels, width: int, height: int) -> tuple[int, int]:
    """Width and height of `pixels` shrunk to lie within `width` x `height`; never enlarged."""
    fit = Letterbox.fit(int(pixels.shape[1]), int(pixels.shape[0]), width, height)
    scale = min(1.0, fit.scale)
    return max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))


def fitted(pixels: Pixels, width: int, height: int) -> Pixels:
    """`pixels` at exactly `width` x `height`: scaled, with grey bands where its shape differs."""
    if pixels.shape[:2] == (height, width):
        return pixels
    if size_within(pixels, width, height) == (width, height):
        return resize(pixels, width, height)
    return letterbox(pixels, width, height, _GREY)[0]
