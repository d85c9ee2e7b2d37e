# SPDX-License-Identifier: Apache-2.0
"""How a box becomes the embedder's square, for training and measuring.

Owns the reference meaning of the embedder card's `fit`, `margin` and `pad`; the product's own cropping must give the
same pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
PAD = 114


def crop(
    image: U8, box: tuple[float, float, float, float], fit: str, margin: float, side: int
) -> U8:
    """The pixels of `box` (x1, y1, x2, y2) of a BGR uint8 image as side×side×3.

    Every side of the box first moves out by `margin` times the box's width or height. Then "letterbox": clip to
    the image, keep the aspect, centre on grey 114; "stretch": clip and squeeze; "square": widen the shorter
    side until the box is square, grey 114 where the image ends.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    grow_x, grow_y = (x2 - x1) * margin, (y2 - y1) * margin
    x1, y1, x2, y2 = x1 - grow_x, y1 - grow_y, x2 + grow_x, y2 + grow_y
    if fit == "square":
        half = max(x2 - x1, y2 - y1) / 2
        cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
        x1, y1, x2, y2 = cx - half, cy - half, cx + half, cy + half
        scale = side / (2 * half)
        move = np.array([[scale, 0, -x1 * scale], [0, scale, -y1 * scale]], np.float32)
    left, top = max(0, int(np.floor(x1))), max(0, int(np.floor(y1)))
    right, bottom = min(width, int(np.ceil(x2))), min(height, int(np.ceil(y2)))
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    piece = image[top:bottom, left:right]
    tall, wide = piece.shape[:2]
    if fit == "stretch":
        return resized(piece, side, side)
    if fit == "letterbox":
        scale = side / max(tall, wide)
        new_w, new_h = max(1, round(wide * scale)), max(1, round(tall * scale))
        canvas = np.full((side, side, 3), PAD, np.uint8)
        x, y = (side - new_w) // 2, (side - new_h) // 2
        canvas[y : y + new_h, x : x + new_w] = resized(piece, new_w, new_h)
        return canvas
    if fit != "square":
        raise ValueError(f"fit must be letterbox, square or stretch, not {fit!r}")
    new_w, new_h = max(1, round(wide * scale)), max(1, round(tall * scale))
    small = resized(piece, new_w, new_h)
    canvas = np.full((side, side, 3), PAD, np.uint8)
    x, y = round(move[0, 2] + left * scale), round(move[1, 2] + top * scale)
    x, y = min(max(x, 0), side - 1), min(max(y, 0), side - 1)
    new_w, new_h = min(new_w, side - x), min(new_h, side - y)
    canvas[y : y + new_h, x : x + new_w] = small[:new_h, :new_w]
    return canvas


def resized(image: U8, width: int, height: int) -> U8:
    """Averaged when shrinking, bilinear when growing."""
    shrinks = width < image.shape[1] or height < image.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)
