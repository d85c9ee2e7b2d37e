# SPDX-License-Identifier: Apache-2.0
"""Flat things: pouches, tubes, blister packs, jewellery: a cut-out sheet with relief, in space.

Owns sheets. A skin is BGRA uint8 with the slopes of its relief; a view is one perspective warp, its
light follows the slopes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.rendering import label, light, pictures
from tools.rendering.design import F32, U8, Design, Rng, colour_of, toned

SHEET_PX = 320


@dataclass(frozen=True, slots=True)
class Skin:
    """BGRA sheet, its relief's slopes at half its size, gloss (0..1), largest turn, convex hull."""

    sheet: U8
    slopes: F32
    gloss: float
    yaw_limit: float
    hull: np.ndarray


def relief(heights: F32, alpha: U8) -> F32:
    """Slopes of a height map in pixels; nothing outside the sheet."""
    down = cv2.Sobel(heights, cv2.CV_32F, 0, 1, scale=0.125)
    right = cv2.Sobel(heights, cv2.CV_32F, 1, 0, scale=0.125)
    inside = (alpha > 0).astype(np.float32)
    return np.dstack([right * inside, down * inside]).astype(np.float32)


def sheet(colour: U8, alpha: U8, slopes: F32, gloss: float, yaw_limit: float) -> Skin:
    """A skin of parts of one size; the slopes are kept at half of it, for speed."""
    half = (max(1, alpha.shape[1] // 2), max(1, alpha.shape[0] // 2))
    small = np.asarray(cv2.resize(slopes, half, interpolation=cv2.INTER_AREA), np.float32)
    return Skin(np.dstack([colour, alpha]), small, gloss, yaw_limit, hull_of(alpha))


def hull_of(alpha: U8) -> np.ndarray:
    """Corners (n, 2) of the convex hull of what can be seen, in pixels."""
    contours, _ = cv2.findContours(
        (alpha > 8).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    return np.asarray(cv2.convexHull(np.vstack(contours))[:, 0], float) + 0.5


def wrinkles(rng: Rng, rows: int, columns: int, cells: int) -> F32:
    """Smooth noise rows×columns of about unit size."""
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return np.asarray(
        cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32
    )


def _bulge(alpha: U8) -> F32:
    """A cushion over the sheet: the square root of the distance from its edge."""
    small = cv2.resize(alpha, (alpha.shape[1] // 2, alpha.shape[0] // 2))
    small[0] = small[-1] = small[:, 0] = small[:, -1] = 0
    away = cv2.distanceTransform((small > 127).astype(np.uint8), cv2.DIST_L2, 3)
    cushion = cv2.GaussianBlur(np.sqrt(away), (0, 0), 4)
    return np.asarray(cv2.resize(cushion, alpha.shape[::-1]), np.float32)


def _canvas(one: Design) -> tuple[int, int]:
    unit = SHEET_PX / max(one.size[:2])
    return max(40, round(one.size[0] * unit)), max(40, round(one.size[1] * unit))


def pouch(one: Design) -> Skin:
    """A bag: bulging, wrinkled, with sealed ends, glossy or matt."""
    rng = np.random.default_rng([one.layout, 20])
    width, height = _canvas(one)
    colour = label.front(one, width, height)
    alpha = np.zeros((height, width), np.uint8)
    pinch, seal = rng.uniform(0, 0.07) * width, int(rng.uniform(0.03, 0.07) * height)
    t = np.linspace(0, 1, 20)
    waist = pinch * np.sin(np.pi * t) * rng.choice([-1.0, 1.0])
    ragged = rng.normal(0, 0.5, 20)
    left = np.column_stack([1 + pinch + waist + ragged, t * (height - 3) + 1])
    right = np.column_stack([width - 2 - pinch - waist - ragged, t * (height - 3) + 1])
    pictures.fill(alpha, np.vstack([left, right[::-1]]), (255, 255, 255))
    heights = _bulge(alpha) * rng.uniform(2, 5) + wrinkles(rng, height, width, 6) * 5
    heights += wrinkles(rng, height, width, 22) * rng.uniform(0.3, 1.6)
    for rows in (slice(0, seal), slice(height - seal, height)):
        heights[rows] = np.sin(np.arange(heights[rows].shape[0]) * 1.6)[:, None] * 0.8
        if rng.random() < 0.6:
            colour[rows] = colour_of(one.main) if rng.random() < 0.5 else (200, 200, 205)
    gloss = float(rng.uniform(0.2, 1))
    return sheet(colour, alpha, relief(heights, alpha), gloss, 0.9)


def tube(one: Design) -> Skin:
    """A squeezed tube: wide and flat at the crimp, narrow at the cap; it lies or stands."""
    rng = np.random.default_rng([one.layout, 21])
    width, height = _canvas(one)
    cap = int(height * rng.uniform(0.12, 0.2))
    colour = np.empty((height, width, 3), np.uint8)
    sideways = rng.random() < 0.6
    body = height - cap
    face = label.front(one, body, width) if sideways else label.front(one, width, body)
    colour[:body] = np.rot90(face) if sideways else face
    colour[body:] = label.palette(one).accent
    colour[body:, ::6] = (colour[body:, ::6] * 0.8).astype(np.uint8)
    alpha = np.zeros((height, width), np.uint8)
    narrow, neck = rng.uniform(0.1, 0.25) * width, rng.uniform(0.2, 0.3) * width
    right = np.array([width - 2, width - 2 - narrow, width - neck, width - neck])
    levels = np.array([1, body, body, height - 2])
    left = width - 1 - right[::-1]
    outline = np.column_stack([np.append(right, left), np.append(levels, levels[::-1])])
    pictures.fill(alpha, outline, (255, 255, 255))
    across = np.sqrt(np.clip(1 - np.linspace(-1, 1, width) ** 2, 0, 1)) * width * 0.3
    rise = np.clip(np.linspace(0, 1.4, height), 0, 1)
    heights = rise[:, None] * across[None] + wrinkles(rng, height, width, 5) * 2
    slopes = relief(heights.astype(np.float32), alpha)
    return sheet(colour, alpha, slopes, float(rng.uniform(0.3, 0.9)), 0.8)


def blister(one: Design) -> Skin:
    """A printed card with a hang hole and a clear bubble over a small thing."""
    rng = np.random.default_rng([one.layout, 22])
    width, height = _canvas(one)
    colour = label.front(one, width, height)
    alpha = np.zeros((height, width), np.uint8)
    cv2.rectangle(alpha, (3, 3), (width - 4, height - 4), 255, -1)
    cv2.rectangle(alpha, (3, 3), (width - 4, height - 4), 255, 5)
    hole = (width // 2, int(height * 0.05) + 4)
    cv2.ellipse(alpha, hole, (max(4, width // 14), 4), 0, 0, 360, 0, -1, cv2.LINE_AA)
    heights = np.zeros((height, width), np.float32)
    x1, x2 = int(width * 0.18), int(width * 0.82)
    y1, y2 = int(height * rng.uniform(0.4, 0.5)), int(height * 0.88)
    thing = np.random.default_rng([one.picture, 23])
    colour[y1:y2, x1:x2] = (colour[y1:y2, x1:x2] * 0.3 + 150).astype(np.uint8)
    count = int(thing.choice([1, 1, 2, 4]))
    for k in range(count):
        tone = colour_of((thing.uniform(0, 360), thing.uniform(0, 0.9), thing.uniform(0.2, 0.95)))
        centre = (x1 + (x2 - x1) * (k + 0.5) / count, (y1 + y2) / 2)
        reach = min((x2 - x1) / count, y2 - y1) * 0.42
        pictures.fill(colour, pictures.blob(thing, centre, reach, 0.4), tone)
        dot = pictures.blob(thing, centre, reach * 0.4, 0.3)
        pictures.fill(colour, dot, toned(tone, 0.6))
    cv2.rectangle(heights, (x1, y1), (x2, y2), 14.0, -1)
    heights = np.asarray(cv2.GaussianBlur(heights, (0, 0), 2.5), np.float32)
    return sheet(colour, alpha, relief(heights, alpha), 1.0, 0.8)


def view(skin: Skin, rng: Rng, at: light.Pose, side: int) -> U8:
    """BGRA side×side×4."""
    rows, columns = skin.sheet.shape[:2]
    half = np.array([columns, rows]) / 2
    plane = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    yaw = float(np.clip(at.yaw, -skin.yaw_limit, skin.yaw_limit))
    tipped = light.Pose(yaw, at.pitch, at.roll, at.near)
    points = np.vstack([plane, skin.hull - half])
    flat = light.project(np.column_stack([points, np.zeros(len(points))]), tipped)
    fit = light.fitting(flat[4:], side, None if at is light.FRONT else rng)
    target = light.moved(fit, flat[:4]).astype(np.float32)
    lamp = rng.normal(0, 0.5, 2)
    sheet = _lit_sheet(skin, lamp, rng)
    length = float(np.linalg.norm(target - np.roll(target, 1, 0), axis=1).max())
    sheet = light.shrunk_for(sheet, length)
    rows, columns = sheet.shape[:2]
    start = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
    warp = cv2.getPerspectiveTransform(start, target)
    out = cv2.warpPerspective(sheet, warp, (side, side), flags=cv2.INTER_LINEAR)
    alpha = np.asarray(cv2.extractChannel(out, 3), np.uint8)
    solid = cv2.merge([np.maximum(alpha, 1)] * 3)
    colour = np.asarray(cv2.divide(out[..., :3], solid, scale=255), np.uint8)
    field = light.ramp(rng, rng.uniform(0.05, 0.2))
    return light.lit(colour, alpha, field, light.highlight(rng, 0.5 * skin.gloss))


def _lit_sheet(skin: Skin, lamp: np.ndarray, rng: Rng) -> U8:
    """The sheet in this view's light, premultiplied so that nothing bleeds in at its edge."""
    towards = np.array([lamp[0], lamp[1] - 0.5], np.float32)
    slope = skin.slopes[..., 0] * towards[0] + skin.slopes[..., 1] * towards[1]
    field: F32 = np.clip(1 - 0.9 * slope, 0.35, 1.45).astype(np.float32)
    strength = np.float32(skin.gloss * rng.uniform(60, 420))
    shine: F32 = np.clip(-slope - np.float32(0.18), 0, 0.5) * strength
    sheet = light.lit(np.ascontiguousarray(skin.sheet[..., :3]), skin.sheet[..., 3], field, shine)
    weight = cv2.merge([sheet[..., 3]] * 3)
    sheet[..., :3] = cv2.multiply(sheet[..., :3], weight, scale=1 / 255)
    return sheet
