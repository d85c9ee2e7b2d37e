# SPDX-License-Identifier: Apache-2.0
"""One picture of an item as the kiosk's camera and locator may hand it to the embedder.

Owns the random chain the embedder is trained through: turn and perspective over a background, a box
that is a little wrong, fingers, light, blur, noise, JPEG. Colours move only as far as light and
cameras move them: twins that differ in colour must stay apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Rng = np.random.Generator
PAD = 114
CANVAS = 320
GOOD_LIGHT = 0.3
"""Share of views that only turn and cut: fine shades must be seen as they are, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """BGRA uint8 H×W×4, and the box of its item in it: x1, y1, x2, y2."""

    pixels: U8
    box: F32


def camera_view(rng: Rng, picture: Picture, backgrounds: list[U8], side: int) -> U8:
    """A BGR uint8 side×side×3 input of the embedder, drawn at random."""
    canvas, box = placed(rng, picture, backgrounds)
    if rng.random() < 0.2:
        canvas = _fingers(rng, canvas, box)
    box = _wrong(rng, box)
    if rng.random() < GOOD_LIGHT:
        return _cut(canvas, box, side)
    return _cut(canvas, box, side, lambda part: _photographed(rng, part))


def plain_view(picture: Picture, side: int) -> U8:
    """The picture as it is, its item alone on grey: what teachers look at."""
    colour, alpha = picture.pixels[..., :3], picture.pixels[..., 3:].astype(np.float32) / 255
    flat = (colour * alpha + PAD * (1 - alpha)).astype(np.uint8)
    return _cut(flat, picture.box, side)


def placed(rng: Rng, picture: Picture, backgrounds: list[U8]) -> tuple[U8, F32]:
    """The item turned, tilted and scaled onto a random background; its new box."""
    x1, y1, x2, y2 = (float(v) for v in picture.box)
    cx, cy, long = (x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, y2 - y1, 1.0)
    cut_out = bool((picture.pixels[..., 3] < 128).any())
    angle = _angle(rng, cut_out)
    scale = CANVAS * rng.uniform(0.5, 0.8) / long
    spin = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float64
    )
    lean = np.array([[rng.uniform(0.8, 1.2), rng.normal(0, 0.06)], [rng.normal(0, 0.06), 1.0]])
    turn = scale * (spin @ lean)
    warp = np.eye(3)
    warp[:2, :2] = turn
    warp[:2, 2] = CANVAS / 2 - turn @ np.array([cx, cy])
    tilt = np.eye(3)
    tilt[2, :2] = rng.normal(0, 0.0004, 2)
    warp = tilt @ warp
    edge = cv2.BORDER_CONSTANT if cut_out else cv2.BORDER_REPLICATE
    seen = cv2.warpPerspective(
        picture.pixels, warp, (CANVAS, CANVAS), flags=cv2.INTER_AREA, borderMode=edge
    )
    if cut_out:
        rows, columns = np.nonzero(seen[..., 3] > 100)
        if len(rows) < 50:
            return np.full((CANVAS, CANVAS, 3), PAD, np.uint8), picture.box
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)
        ground = _ground(rng, backgrounds)
        weight = seen[..., 3:].astype(np.float32) / 255
        return (seen[..., :3] * weight + ground * (1 - weight)).astype(np.uint8), box
    corners = np.array([[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]], np.float64)
    around = cv2.perspectiveTransform(corners, warp)[0]
    box = np.concatenate([around.min(0), around.max(0)]).astype(np.float32)
    return np.ascontiguousarray(seen[..., :3]), box


@cache
def _noise() -> F32:
    """16 sheets of 512×512, drawn once: drawing it anew costs as much as a training step."""
    return np.random.default_rng(0).normal(0, 1, (16, 512, 512)).astype(np.float32)


def _angle(rng: Rng, free: bool) -> float:
    kind = rng.random()
    if free and kind < 0.25:
        return float(rng.uniform(-math.pi, math.pi))
    return float(rng.normal(0, 0.2 if free else 0.1))


def _ground(rng: Rng, backgrounds: list[U8]) -> F32:
    if rng.random() < 0.35:
        plain = np.full((CANVAS, CANVAS, 3), rng.uniform(20, 235, 3), np.float32)
        return np.asarray(plain + 8 * _noise()[0, :CANVAS, :CANVAS, None], np.float32).clip(0, 255)
    room = backgrounds[int(rng.integers(len(backgrounds)))]
    part = int(min(room.shape[:2]) * rng.uniform(0.4, 1.0))
    y = int(rng.integers(room.shape[0] - part + 1))
    x = int(rng.integers(room.shape[1] - part + 1))
    return cv2.resize(room[y : y + part, x : x + part], (CANVAS, CANVAS)).astype(np.float32)


def _wrong(rng: Rng, box: F32) -> F32:
    """The box as a detector gives it: a little off, sometimes loose, sometimes cut."""
    size = np.tile(box[2:] - box[:2], 2)
    off = rng.normal(0, 0.035, 4)
    if rng.random() < 0.3:
        off += np.array([-1, -1, 1, 1]) * rng.uniform(0, 0.12)
    if rng.random() < 0.2:
        k = int(rng.integers(4))
        off[k] += (1 if k < 2 else -1) * rng.uniform(0.05, 0.3)
    return np.asarray(box + off * size, np.float32)


def _cut(canvas: U8, box: F32, side: int, lens: Callable[[U8], U8] = lambda part: part) -> U8:
    """The box alone, through the lens, on the grey the product puts around it."""
    height, width = canvas.shape[:2]
    x1, y1 = max(0, round(float(box[0]))), max(0, round(float(box[1])))
    x2, y2 = min(width, round(float(box[2]))), min(height, round(float(box[3])))
    part = canvas[y1 : max(y2, y1 + 4), x1 : max(x2, x1 + 4)]
    out = np.full((side, side, 3), PAD, np.uint8)
    if not part.size:
        return out
    scale = side / max(part.shape[:2])
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    y, x = (side - size[1]) // 2, (side - size[0]) // 2
    resized = np.asarray(cv2.resize(part, size, interpolation=how), np.uint8)
    out[y : y + size[1], x : x + size[0]] = lens(resized)
    return out


def _fingers(rng: Rng, canvas: U8, box: F32) -> U8:
    """One to three finger-like ellipses of skin colour reaching in from one side of the box."""
    out = canvas.copy()
    skin = np.array([120, 150, 200]) * rng.uniform(0.3, 1.15) + rng.normal(0, 8, 3)
    colour = tuple(float(v) for v in skin.clip(0, 255))
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    thick = 0.07 * (width + height) / 2
    angle = rng.uniform(0, 2 * math.pi)
    for k in range(int(rng.integers(1, 4))):
        bend = angle + (k - 1) * 0.35
        at = (
            int((box[0] + box[2]) / 2 + math.cos(bend) * width * 0.5),
            int((box[1] + box[3]) / 2 + math.sin(bend) * height * 0.5),
        )
        axes = (int(thick * rng.uniform(2, 4)), int(thick * rng.uniform(0.8, 1.3)))
        cv2.ellipse(out, at, axes, math.degrees(bend), 0, 360, colour, -1, cv2.LINE_AA)
    return out


def _photographed(rng: Rng, crop: U8) -> U8:
    """Light, glare, focus, distance, sensor and JPEG."""
    height, width = crop.shape[:2]
    if rng.random() < 0.3:  # far away: few pixels
        share = rng.uniform(0.3, 0.8)
        small = (max(1, int(width * share)), max(1, int(height * share)))
        less = cv2.resize(crop, small, interpolation=cv2.INTER_AREA)
        crop = np.asarray(cv2.resize(less, (width, height)), np.uint8)
    focus = rng.random()
    if focus < 0.25:
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.4, 2.2)), np.uint8)
    elif focus < 0.35:
        crop = np.asarray(cv2.filter2D(crop, -1, _smear(rng)), np.uint8)
    level = np.arange(256, dtype=np.float32)[:, None] / 255
    tint = rng.normal(1, 0.06, 3) * math.exp(rng.normal(0, 0.22))
    curve = level ** math.exp(rng.normal(0, 0.15)) * tint + rng.normal(0, 0.02)
    table = (255 * curve).clip(0, 255).astype(np.uint8)
    crop = np.asarray(cv2.LUT(crop, np.ascontiguousarray(table[None])), np.uint8)
    if rng.random() < 0.15:
        crop = _glare(rng, crop)
    if rng.random() < 0.5:
        sheet = _noise()[int(rng.integers(16))]
        y, x = (int(v) for v in rng.integers(0, 256, 2))
        noise = sheet[y : y + height, x : x + width, None]
        crop = (crop + noise * rng.uniform(1, 9)).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        crop = np.asarray(cv2.imdecode(cv2.imencode(".jpg", crop, quality)[1], 1), np.uint8)
    return crop


def _smear(rng: Rng) -> F32:
    """The kernel of a hand that moves: a line of random length and direction."""
    size = int(rng.integers(2, 6)) * 2 + 1
    kernel = np.zeros((size, size), np.float32)
    angle, middle = rng.uniform(0, math.pi), size // 2
    dx, dy = int(math.cos(angle) * middle), int(math.sin(angle) * middle)
    cv2.line(kernel, (middle - dx, middle - dy), (middle + dx, middle + dy), 1.0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _glare(rng: Rng, crop: U8) -> U8:
    """A soft white spot of a lamp."""
    height, width = crop.shape[:2]
    side = max(height, width)
    spot = np.zeros((height, width), np.float32)
    at = (int(rng.integers(width)), int(rng.integers(height)))
    axes = (int(side * rng.uniform(0.05, 0.25)), int(side * rng.uniform(0.03, 0.12)))
    cv2.ellipse(spot, at, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    spot = np.asarray(cv2.GaussianBlur(spot, (0, 0), side * 0.03), np.float32)
    lit = crop + 255 * rng.uniform(0.4, 1.0) * spot[..., None]
    return np.asarray(lit.clip(0, 255), np.uint8)
