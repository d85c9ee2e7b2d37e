# SPDX-License-Identifier: Apache-2.0
"""Real photos as training scenes: a part of a photo with the box of the item in it.

Owns which part: all of it, the item's surroundings, or so near that the frame cuts the item off.
"""

from __future__ import annotations

import numpy as np

from tools.backdrops import F32, U8, Rng
from tools.cutouts import Photo, mask_box
from tools.lens import PAD, camera, letterbox


def window(rng: Rng, mask: U8) -> tuple[int, int, int, int]:
    """A part of a photo, x1, y1, x2, y2: all, around the item, or so close that it is cut off."""
    height, width = mask.shape
    box = np.array(mask_box(mask))
    chance = rng.random()
    if chance < 0.3:
        return 0, 0, width, height
    if chance < 0.7:
        keep = rng.uniform(0, 1, 4)
        x1, y1 = (box[:2] * keep[:2]).astype(int)
        x2 = int(width - (width - box[2]) * keep[2])
        y2 = int(height - (height - box[3]) * keep[3])
        return int(x1), int(y1), x2, y2
    ys, xs = np.nonzero(mask > 127)
    pick = int(rng.integers(len(xs)))
    reach = np.maximum((box[2:] - box[:2]) * rng.uniform(0.6, 1.3, 2), 64) / 2
    low = np.clip(np.array([xs[pick], ys[pick]]) - reach, 0, None).astype(int)
    high = np.minimum(low + (2 * reach).astype(int), [width, height])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def whole_photo(rng: Rng, photos: list[Photo], side: int) -> tuple[U8, F32]:
    """A real photo with its teacher's box: a part of it, mirrored, in another light."""
    chosen = photos[int(rng.integers(len(photos)))]
    x1, y1, x2, y2 = window(rng, chosen.mask)
    image, mask = chosen.pixels[y1:y2, x1:x2], chosen.mask[y1:y2, x1:x2]
    if (mask > 127).mean() < 0.04:
        image, mask = chosen.pixels, chosen.mask
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    if rng.random() < 0.2:
        image, mask = np.rot90(image), np.rot90(mask)
    box = np.array(mask_box(mask), np.float32)
    small, moved = letterbox(np.ascontiguousarray(image, np.uint8), box[None], side)
    inside = (small != PAD).any(2, keepdims=True)
    lit = camera(rng, small.astype(np.float32))
    return np.where(inside, lit, small).astype(np.uint8), moved
