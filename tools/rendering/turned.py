# SPDX-License-Identifier: Apache-2.0
"""Things turned on a lathe: cans, bottles, jars, and long or round fruit, seen from the side.

Owns surfaces of revolution. A skin is the unrolled surface (rows from top to bottom, columns once
around, the front in the middle) with its profile: radius by height. A view inverts the projection
per pixel on a coarse grid and looks the skin up once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from tools.rendering import label, light
from tools.rendering.design import F32, U8, Colour, Design, Rng, colour_of, toned

ROWS = 288
COLUMNS = 640
"""Pixels of the unrolled surface, top to bottom and once around."""
FRONT_SHARE = 0.42
"""Share of the way around that the front takes."""


@dataclass(frozen=True, slots=True)
class Skin:
    """The unrolled surface, the radius at evenly spaced heights, the lid's colour, gloss, bend."""

    surface: U8
    radius: F32
    lid: Colour
    gloss: float
    bend: float
    height: float


def _profile(one: Design, rng: Rng) -> tuple[F32, tuple[float, float], float]:
    """Radius (64,) by height, the label's top and bottom, and the bottom of the cap (shares)."""
    at = np.linspace(0, 1, 64)
    if one.kind == "can":
        rim = rng.uniform(0.02, 0.06)
        marks, radii = [0, rim, rim * 1.6, 1 - rim, 1], [0.93, 0.93, 1, 1, 0.94]
        if rng.random() < 0.5:  # a drink can
            marks, radii = [0, 0.02, 0.09, 0.93, 1], [0.82, 0.84, 1, 1, 0.78]
        return np.interp(at, marks, radii).astype(np.float32), (rim * 1.3, 1 - rim), rim
    if one.kind == "jar":
        cap = rng.uniform(0.12, 0.22)
        marks, radii = [0, cap, cap + 0.02, cap + 0.12, 0.95, 1], [0.86, 0.86, 0.78, 1, 1, 0.92]
        top = cap + rng.uniform(0.14, 0.25)
        return np.interp(at, marks, radii).astype(np.float32), (top, rng.uniform(0.8, 0.93)), cap
    cap, neck = rng.uniform(0.05, 0.12), rng.uniform(0.28, 0.55)
    shoulder = rng.uniform(0.15, 0.5)
    shoulder_end = cap + (neck - cap) * (0.55 + 0.45 * shoulder)
    thin = rng.uniform(0.3, 0.5)
    waist = rng.uniform(0.88, 1.0)
    marks = [0, cap, cap + 0.01, shoulder_end * 0.6, neck, 0.72, 0.96, 1]
    radii = [thin * 1.1, thin * 1.1, thin, thin * 1.05, 1, waist, 1, 0.92]
    order = np.argsort(marks)
    found = np.interp(at, np.array(marks)[order], np.array(radii)[order])
    found = np.convolve(np.pad(found, 2, "edge"), np.ones(5) / 5, "valid")
    return found.astype(np.float32), (neck + 0.04, rng.uniform(0.86, 0.95)), cap


def dress(one: Design) -> Skin:
    """Unroll the label around its can, bottle or jar."""
    rng = np.random.default_rng([one.layout, 8])
    radius, (top, bottom), cap = _profile(one, rng)
    surface = np.empty((ROWS, COLUMNS, 3), np.uint8)
    metal: Colour = (190, 190, 188)
    body = metal if one.kind == "can" else colour_of(
        (rng.uniform(0, 360), rng.uniform(0.1, 0.9), rng.uniform(0.25, 0.95))
    )  # fmt: skip
    lid = metal if one.kind == "can" else label.palette(one).accent
    surface[:] = body
    surface[: int(cap * ROWS)] = lid
    if one.kind != "can":
        grooves = np.where(np.arange(COLUMNS) % 10 < 3, 0.85, 1.0)[None, :, None]
        surface[: int(cap * ROWS)] = (surface[: int(cap * ROWS)] * grooves).astype(np.uint8)
    first, last = int(top * ROWS), int(bottom * ROWS)
    rows, columns = last - first, int(COLUMNS * FRONT_SHARE)
    # print keeps its proportions: a pixel around is as long as a pixel of height
    tall = max(32, round(columns * rows / ROWS * one.size[1] / (np.pi * FRONT_SHARE)))
    tall = min(tall, 420)
    printed = cv2.resize(
        label.front(one, columns, tall), (columns, rows), interpolation=cv2.INTER_AREA
    )
    flank = (COLUMNS - columns) // 2
    back = cv2.resize(label.side(one, flank, tall), (flank, rows), interpolation=cv2.INTER_AREA)
    surface[first:last, :flank] = back
    surface[first:last, COLUMNS - flank :] = back
    surface[first:last, flank : flank + columns] = printed
    return Skin(surface, radius, lid, float(rng.uniform(0.2, 1.0)), 0.0, one.size[1] * 2)


def _outline(skin: Skin, tip: float) -> np.ndarray:
    """The silhouette in item units before roll and perspective (x, y down)."""
    heights = (np.linspace(0, 1, len(skin.radius)) - 0.5) * skin.height * np.cos(tip)
    turn = np.linspace(0, np.pi, 25)
    lean = np.sin(tip)
    top = np.column_stack([np.cos(turn), -np.sin(turn) * lean]) * skin.radius[0]
    low = np.column_stack([-np.cos(turn), np.sin(turn) * lean]) * skin.radius[-1]
    right = np.column_stack([skin.radius, heights])
    left = np.column_stack([-skin.radius, heights])
    parts = [right[::-1], top + [0, heights[0]], left, low + [0, heights[-1]]]
    return np.vstack(parts)


def _bent(points: np.ndarray, skin: Skin) -> np.ndarray:
    """Bananas and cucumbers: shift sideways by the square of the height."""
    shift = skin.bend * (points[:, 1] / skin.height * 2) ** 2
    return points + np.column_stack([shift, np.zeros(len(points))])


def _lookup(
    skin: Skin, back: np.ndarray, spin: float, tip: float, side: int
) -> tuple[F32, F32, F32]:
    """Column and row of the skin and for each pixel, and on the grid the angle from the camera."""
    xs, ys = np.meshgrid(np.linspace(0, side - 1, light.GRID), np.linspace(0, side - 1, light.GRID))
    flat = light.moved(back, np.column_stack([xs.ravel(), ys.ravel()]))
    x = flat[:, 0] - skin.bend * (flat[:, 1] / skin.height * 2) ** 2
    y, lean, squash = flat[:, 1], np.sin(tip), np.cos(tip) * skin.height
    share = y / squash + 0.5
    where = np.linspace(0, 1, len(skin.radius))
    for _ in range(3):
        reach = np.interp(share, where, skin.radius)
        sine = np.clip(x / reach, -0.999, 0.999)
        share = np.clip((y - reach * np.sqrt(1 - sine**2) * lean) / squash + 0.5, 0, 1)
    angle = np.arcsin(sine)
    around = ((angle + spin) / (2 * np.pi) + 0.5) * (COLUMNS - 1)

    def smooth(values: np.ndarray) -> F32:
        coarse = values.reshape(light.GRID, light.GRID).astype(np.float32)
        grid = np.linspace(0, light.GRID - 1, side, dtype=np.float32)
        wide, tall = np.meshgrid(grid, grid)
        return np.asarray(cv2.remap(coarse, wide, tall, cv2.INTER_LINEAR), np.float32)

    return smooth(around), smooth(share * (ROWS - 1)), angle.reshape(light.GRID, -1)


def view(skin: Skin, rng: Rng, at: light.Pose, side: int) -> U8:
    """BGRA side×side×4. The item turns by the pose's yaw; it is seen from above, never below."""
    tip = min(abs(at.pitch), 0.75)
    outline = _bent(_outline(skin, tip), skin)
    cr, sr = np.cos(at.roll), np.sin(at.roll)
    pull = 1 / at.near / skin.height
    lean = np.array(
        [[1, 0, 0], [0, 1, 0], [rng.normal(0, 0.3) * pull, -abs(rng.normal(0, 0.5)) * pull, 1]]
    )
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]]) @ lean
    warp = (
        light.fitting(light.moved(roll, outline), side, None if at is light.FRONT else rng) @ roll
    )
    columns, rows, angle = _lookup(skin, np.linalg.inv(warp), at.yaw, tip, side)
    surface = skin.surface
    if side < 160:
        surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), 130 / side), np.uint8)
    colour = cv2.remap(surface, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    canvas = np.asarray(colour, np.uint8)
    if skin.bend == 0:
        _lid(canvas, skin, warp, tip)
    lamp = rng.normal(0, 0.7)
    field = (0.45 + 0.65 * np.maximum(np.cos(angle - lamp), 0) ** 0.8) * light.ramp(rng, 0.1)
    width = rng.uniform(0.06, 0.18)
    shine = np.exp(-(((angle - lamp * 0.6) / width) ** 2)) * skin.gloss * rng.uniform(0, 150)
    alpha = light.coverage([light.moved(warp, outline)], side)
    return light.lit(canvas, alpha, field.astype(np.float32), shine.astype(np.float32))


def _lid(canvas: U8, skin: Skin, warp: np.ndarray, tip: float) -> None:
    """The top disc with its rim."""
    turn = np.linspace(0, 2 * np.pi, 40)
    ring = np.column_stack([np.cos(turn), np.sin(turn) * np.sin(tip)])
    centre = np.array([0, -0.5 * skin.height * np.cos(tip)])
    for share, tone in ((1.0, 0.8), (0.9, 1.05), (0.82, 0.9), (0.6, 1.0)):
        edge = light.moved(warp, ring * skin.radius[0] * share + centre)
        ink = toned(skin.lid, tone)
        cv2.fillPoly(canvas, [np.round(edge * 16).astype(np.int32)], ink, cv2.LINE_AA, 4)


def long_fruit(one: Design) -> Skin:
    """A banana, cucumber, carrot or aubergine: a bent, tapered thing with a natural skin."""
    rng = np.random.default_rng([one.layout, 9])
    at = np.linspace(0, 1, 64)
    blunt = rng.uniform(0.25, 0.6)
    radius = np.sin(np.pi * np.clip(at, 0.015, 0.985)) ** blunt
    radius = np.maximum(radius * (1 + rng.uniform(-0.5, 0.5) * (at - 0.5)), 0.08)
    surface = natural(one, rng, ROWS, COLUMNS)
    ends = np.minimum(at, 1 - at)
    tone = np.clip(np.interp(np.linspace(0, 1, ROWS), at, ends) / rng.uniform(0.02, 0.09), 0.35, 1)
    surface = (surface * tone[:, None, None]).astype(np.uint8)
    height = one.size[1] * 2
    bend = float(rng.uniform(-0.25, 0.25)) * height
    return Skin(
        surface, radius.astype(np.float32), (0, 0, 0), float(rng.uniform(0, 0.5)), bend, height
    )


def spun(skin: Skin, rng: Rng) -> Skin:
    """Another piece of the same produce: bent and shaped a little differently."""
    return replace(skin, bend=skin.bend * float(rng.uniform(0.6, 1.3)))


def natural(one: Design, rng: Rng, rows: int, columns: int) -> U8:
    """A speckled natural skin, BGR rows×columns×3: main colour, second tone, dots, streaks."""
    noise = np.zeros((rows, columns), np.float32)
    for cells, weight in ((4, 1.0), (12, 0.5), (40, 0.25)):
        coarse = rng.normal(0, 1, (cells, 2 * cells)).astype(np.float32)
        noise += weight * cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    hue, saturation, value = one.main
    turn = rng.choice([0, 0, 25, -30]) + rng.normal(0, 6)
    other = colour_of((hue + turn, saturation * rng.uniform(0.6, 1.1), min(1.0, value * 1.1)))
    mix = (1 / (1 + np.exp(-noise * rng.uniform(1, 4) - rng.normal(0, 0.6))))[..., None]
    skin = np.array(colour_of(one.main), np.float32) * (1 - mix) + np.array(other, np.float32) * mix
    canvas: U8 = np.clip(skin, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:  # streaks from pole to pole
        streak = cv2.GaussianBlur(rng.normal(0, 1, (1, columns)).astype(np.float32), (0, 0), 2)
        skin = canvas * (1 + rng.uniform(0.1, 0.5) * streak[..., None])
        canvas = np.clip(skin, 0, 255).astype(np.uint8)
    tone = toned(colour_of(one.main), float(rng.choice([0.55, 1.3])))
    for _ in range(int(rng.choice([0, 60, 250, 700]))):
        at = (int(rng.integers(columns)), int(rng.integers(rows)))
        cv2.circle(canvas, at, int(rng.integers(1, 3)), tone, -1, cv2.LINE_AA)
    return canvas
