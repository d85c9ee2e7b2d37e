# SPDX-License-Identifier: Apache-2.0
"""Round fruit and roots: a lumpy ball with a natural skin, turned any way.

Owns produce that is no lathe's work. Every view is another piece: the same variety, its lumps and
blush a little different, which is what a SKU of apples is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.rendering import light, pictures
from tools.rendering.design import F32, U8, Design, Rng, colour_of, toned
from tools.rendering.turned import natural

SKIN_PX = 320
"""Side of the skin's chart: the pole that faces us in the middle, the far pole all around."""


@dataclass(frozen=True, slots=True)
class Skin:
    """The skin around the ball, its lumps (amplitude and phase by order), stem and gloss."""

    surface: U8
    lumps: F32
    aspect: float
    stem: bool
    gloss: float


def dress(one: Design) -> Skin:
    """The variety: skin, shape and stem."""
    rng = np.random.default_rng([one.layout, 41])
    surface = natural(one, rng, SKIN_PX, SKIN_PX)
    root = one.kind == "root"
    rough = rng.uniform(0.02, 0.10 if root else 0.035)
    lumps = np.column_stack(
        [rng.normal(0, rough, 5) / np.arange(1, 6) ** 0.5, rng.uniform(0, 6.3, 5)]
    )
    if root:
        for _ in range(int(rng.integers(2, 14))):  # eyes and dirt
            at = (int(rng.integers(SKIN_PX)), int(rng.integers(SKIN_PX)))
            dark = toned(colour_of(one.main), 0.55)
            cv2.ellipse(
                surface, at, (int(rng.integers(2, 8)), 2), rng.uniform(0, 180), 0, 360, dark, -1
            )
        surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), 0.8), np.uint8)
    gloss = 0.1 if root else float(rng.uniform(0.1, 0.9))
    return Skin(
        surface, lumps.astype(np.float32), one.size[1], not root and rng.random() < 0.7, gloss
    )


def view(one: Design, skin: Skin, rng: Rng, at: light.Pose, side: int) -> U8:
    """BGRA side×side×4: one piece of the variety."""
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    reach = np.ones(72)
    for order, (size, phase) in enumerate(skin.lumps, start=1):
        reach += (size + rng.normal(0, 0.012)) * np.cos(order * angles + phase + rng.normal(0, 0.2))
    shape = np.array([1.0, skin.aspect * rng.uniform(0.93, 1.07)])
    turn = np.array([[np.cos(at.roll), -np.sin(at.roll)], [np.sin(at.roll), np.cos(at.roll)]])
    outline = (np.column_stack([np.cos(angles), np.sin(angles)]) * reach[:, None] * shape) @ turn.T
    fit = light.fitting(outline, side, None if at is light.FRONT else rng)
    xs, ys = np.meshgrid(np.linspace(0, side - 1, light.GRID), np.linspace(0, side - 1, light.GRID))
    ball = light.moved(np.linalg.inv(fit), np.column_stack([xs.ravel(), ys.ravel()])) @ turn / shape
    away = np.linalg.norm(ball, axis=1)
    edge = np.interp(
        np.arctan2(ball[:, 1], ball[:, 0]) % (2 * np.pi), angles, reach, period=2 * np.pi
    )
    share = np.minimum(away / edge, 0.995)
    ball = ball / np.maximum(away, 1e-6)[:, None] * share[:, None]
    normal = np.column_stack([ball, -np.sqrt(1 - share**2)])
    tilt = light.Pose(at.yaw * 2.5, at.pitch * 1.6, 0.0, 5.0)
    where = normal @ light.rotation(tilt)
    stretch = np.arccos(np.clip(-where[:, 2], -1, 1)) / np.hypot(where[:, 0], where[:, 1] + 1e-6)
    column, row = ((where[:, axis] * stretch / np.pi + 1) / 2 * (SKIN_PX - 1) for axis in (0, 1))
    colour = _sampled(skin.surface, column, row, side)
    lamp = np.array([rng.normal(0, 0.5), rng.uniform(-0.9, 0.0), -1.0])
    lamp /= np.linalg.norm(lamp)
    facing = np.maximum(normal @ lamp, 0)
    field = (0.42 + 0.68 * facing).astype(np.float32).reshape(light.GRID, -1)
    shine = (facing ** rng.uniform(30, 90) * skin.gloss * 190).astype(np.float32)
    if skin.stem:
        top = light.rotation(tilt) @ np.array([0.0, -0.93, 0.0])
        if top[2] < 0.25:
            _stem(colour, rng, light.moved(fit, (top[:2] * shape @ turn.T)[None])[0], side)
    alpha = light.coverage([light.moved(fit, outline)], side)
    return light.lit(colour, alpha, field, shine.reshape(light.GRID, -1))


def _fine(values: F32, side: int) -> F32:
    grid = np.linspace(0, light.GRID - 1, side, dtype=np.float32)
    wide, tall = np.meshgrid(grid, grid)
    coarse = values.reshape(light.GRID, light.GRID).astype(np.float32)
    return np.asarray(cv2.remap(coarse, wide, tall, cv2.INTER_LINEAR), np.float32)


def _sampled(surface: U8, column: np.ndarray, row: np.ndarray, side: int) -> U8:
    columns = _fine(column.astype(np.float32), side)
    rows = _fine(row.astype(np.float32), side)
    return np.asarray(cv2.remap(surface, columns, rows, cv2.INTER_LINEAR), np.uint8)


def _stem(canvas: U8, rng: Rng, at: np.ndarray, side: int) -> None:
    """A short stalk in its hollow."""
    hollow = pictures.blob(rng, (float(at[0]), float(at[1])), side * 0.045, 0.2)
    pictures.fill(canvas, hollow, (30, 60, 70))
    tip = at + rng.normal(0, 0.04, 2) * side
    start, end = (int(at[0]), int(at[1])), (int(tip[0]), int(tip[1]))
    cv2.line(canvas, start, end, (30, 45, 60), max(2, side // 50), cv2.LINE_AA)
