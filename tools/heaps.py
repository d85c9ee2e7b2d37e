# SPDX-License-Identifier: Apache-2.0
"""Heaps and shelves: many of one thing, as shops show them.

Owns the rule what a heap's box is: eight or more of one thing, side by side, are one item, and its
box is the visible part of the heap. A shelf is scenery: what stands on it is small and not meant.
"""

from __future__ import annotations

import cv2
import numpy as np

from tools.backdrops import F32, U8, Rng, colour

LEVELS = 22  # of each colour axis in the histograms of `heap_box`


def _likeness(image: U8) -> F32:
    """How much each pixel's colour belongs to the middle and not to the rim, 0..1."""
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
    height, width = lab.shape[:2]
    bins = (lab / [32, 12, 12]).astype(int)  # coarse in light, fine in colour
    key = (bins[..., 0] * LEVELS + bins[..., 1]) * LEVELS + bins[..., 2]
    ys, xs = np.mgrid[0:height, 0:width]
    ys, xs = (ys + 0.5) / height - 0.5, (xs + 0.5) / width - 0.5
    middle = np.exp(-(xs**2 + ys**2) / (2 * 0.22**2))
    rim = (1 - middle) * (np.maximum(abs(xs), abs(ys)) > 0.4)

    def histogram(weight: F32) -> F32:
        counts = np.bincount(key.ravel(), weight.ravel(), LEVELS**3).astype(np.float32)
        smooth = cv2.GaussianBlur(counts.reshape(LEVELS, LEVELS, LEVELS), (0, 0), 0.8).ravel()
        return np.asarray(smooth / max(float(weight.sum()), 1e-6), np.float32)

    inner, outer = histogram(middle), histogram(rim)
    likely = (inner / (inner + 0.6 * outer + 1e-6))[key].astype(np.float32)
    return np.asarray(cv2.GaussianBlur(likely, (0, 0), 3), np.float32)


def heap_box(image: U8) -> tuple[float, float, float, float]:
    """Box x1, y1, x2, y2 of the heap (or held thing) in the middle of a BGR shop photo, by colour.

    The whole picture where the middle does not differ from the rim.
    """
    height, width = image.shape[:2]
    whole = (0.0, 0.0, float(width), float(height))
    scale = 96 / max(height, width)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    likely = _likeness(np.asarray(cv2.GaussianBlur(small, (0, 0), 1.0), np.uint8))
    grey = (np.clip(likely, 0, 1) * 255).astype(np.uint8)
    level, _ = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    if (grey > level).all() or (grey <= level).all():
        return whole
    low, high = float(grey[grey <= level].mean()), float(grey[grey > level].mean())
    if high - low < 38:
        return whole
    solid = (grey > low + 0.6 * (high - low)).astype(np.uint8)
    solid = np.asarray(cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((7, 7))), np.uint8)
    solid = np.asarray(cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((9, 9))), np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid)
    rows, columns = labels.shape
    middle = labels[rows // 2 - 6 : rows // 2 + 6, columns // 2 - 6 : columns // 2 + 6]
    there = np.bincount(middle.ravel(), minlength=count)[1:]
    if not there.any():
        return whole
    x, y, w, h = (float(v) for v in stats[1 + int(there.argmax())][:4])
    return x / scale, y / scale, min(width, (x + w) / scale), min(height, (y + h) / scale)


def _variants(rng: Rng, cut: U8, side: float, upright: bool) -> list[F32]:
    """Premultiplied float BGRA pictures of a cut-out, `side` pixels long, turned at random."""
    scale = side / max(cut.shape[:2])
    small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    alpha = small[..., 3:].astype(np.float32) / 255
    flat = np.dstack([small[..., :3].astype(np.float32) * alpha, alpha])
    turned = []
    spread = 4.0 if upright else float(rng.choice([12.0, 180.0]))
    for _ in range(1 if upright else 5):
        reach = int(np.hypot(*flat.shape[:2])) + 3
        middle = np.array([reach / 2, reach / 2])
        warp = cv2.getRotationMatrix2D(
            (flat.shape[1] / 2, flat.shape[0] / 2), rng.normal(0, spread), 1.0
        )
        warp[:, 2] += middle - [flat.shape[1] / 2, flat.shape[0] / 2]
        turned.append(np.asarray(cv2.warpAffine(flat, warp, (reach, reach)), np.float32))
    return turned


def _paste(canvas: F32, patch: F32, x: float, y: float) -> None:
    """Lay a premultiplied patch, centred at (x, y), over the premultiplied canvas."""
    height, width = canvas.shape[:2]
    tall, wide = patch.shape[:2]
    left, top = int(x - wide / 2), int(y - tall / 2)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + wide, width), min(top + tall, height)
    if x2 <= x1 or y2 <= y1:
        return
    piece = patch[y1 - top : y2 - top, x1 - left : x2 - left]
    canvas[y1:y2, x1:x2] = canvas[y1:y2, x1:x2] * (1 - piece[..., 3:]) + piece


def heap(rng: Rng, cut: U8, height: int, width: int) -> tuple[F32, F32]:
    """Many of one thing heaped in a part of the frame: BGR float H×W×3, alpha 0..1 H×W."""
    side = min(height, width) * rng.uniform(0.13, 0.36)
    variants = _variants(rng, cut, side, upright=False)
    reach = np.array([0.0, 0.0, width, height])
    inset = rng.uniform(0, 0.3, 4) * (rng.random(4) < rng.choice([0.0, 0.5, 1.0]))
    reach += inset * [width, height, -width, -height]
    pitch = side * rng.uniform(0.55, 0.8)
    xs = np.arange(reach[0] + side / 2, max(reach[2] - side / 2, reach[0] + side), pitch)
    ys = np.arange(reach[1] + side / 2, max(reach[3] - side / 2, reach[1] + side), pitch)
    if not inset.any():  # it runs out of the frame on all sides
        xs, ys = np.arange(0, width + pitch, pitch), np.arange(0, height + pitch, pitch)
    places = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2)
    places = places + rng.normal(0, 0.12 * pitch, places.shape)
    canvas = np.zeros((height, width, 4), np.float32)
    for x, y in places[rng.permutation(len(places))] if rng.random() < 0.5 else places:
        patch = variants[int(rng.integers(len(variants)))]
        dark = np.zeros_like(patch)
        dark[..., 3] = cv2.GaussianBlur(patch[..., 3], (0, 0), 2.0) * 0.5
        _paste(canvas, dark * (canvas[..., 3].max() > 0), x, y + 1)
        tone = np.append(np.exp(rng.normal(0, 0.10) + rng.normal(0, 0.04, 3)), 1.0)
        _paste(canvas, np.asarray(patch * tone, np.float32), x, y)
    alpha = canvas[..., 3]
    return np.asarray(canvas[..., :3] / np.maximum(alpha, 1e-3)[..., None], np.float32), alpha


def shelf(rng: Rng, cuts: list[U8], height: int, width: int) -> F32:
    """Rows of goods behind the one that is meant, a little out of focus: scenery, H×W×3 float."""
    scene = np.dstack(
        [np.tile(colour(rng, 20, 140), (height, width, 1)), np.ones((height, width), np.float32)]
    ).astype(np.float32)
    row = height * rng.uniform(0.16, 0.4)
    y = rng.uniform(0.2, 1.0) * row
    while y < height + row:
        x = -rng.uniform(0, row)
        board = (0, int(y)), (width, int(y + 0.07 * row) + 1)
        cv2.rectangle(scene, *board, [*map(float, colour(rng, 90, 230, 0.2)), 1.0], -1)
        while x < width:
            cut = cuts[int(rng.integers(len(cuts)))]
            tall = row * rng.uniform(0.6, 0.9)
            side = tall * max(1.0, min(1.6, cut.shape[1] / cut.shape[0]))
            patch = _variants(rng, cut, side, upright=True)[0]
            step = patch.shape[0] * min(1.0, cut.shape[1] / cut.shape[0]) * rng.uniform(0.7, 1.0)
            for _ in range(int(rng.integers(1, 5))):
                _paste(scene, patch, x + step / 2, y - tall / 2)
                x += max(step, 4.0)
        y += row
    picture = scene[..., :3] * rng.uniform(0.45, 1.0)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.6, 3.0)), np.float32)
