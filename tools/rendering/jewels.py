# SPDX-License-Identifier: Apache-2.0
"""Made-up jewellery: a pendant on its chain, a ring with stones, an earring with its drop.

Owns small shining things. The piece itself is fixed by the design; the chain falls anew in every
view, as chains do.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from tools.rendering import flat, light, pictures
from tools.rendering.design import F32, U8, Colour, Design, Rng, colour_of, toned

SIDE = 320


def _metal(mask: U8, one: Design, rng: Rng) -> tuple[U8, F32]:
    """Metal over a mask: BGR colours in streaks of light and dark, and the relief's slopes."""
    away = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    heights = cv2.GaussianBlur(np.minimum(away, 9).astype(np.float32), (0, 0), 1.5) * 2.2
    slopes = flat.relief(np.asarray(heights, np.float32), mask)
    turn = slopes[..., 0] * 2.1 + slopes[..., 1] * 3.3
    tone = 0.62 + 0.34 * np.sin(
        turn * 2 + flat.wrinkles(rng, mask.shape[0], mask.shape[1], 9) * 0.8
    )
    colour = np.array(colour_of(one.main), np.float32) * tone[..., None]
    return np.clip(colour, 0, 255).astype(np.uint8), slopes * 0.5


def _gem(canvas: U8, mask: U8, rng: Rng, centre: tuple[float, float], radius: float) -> None:
    """A faceted stone."""
    hue, saturation = rng.uniform(0, 360), float(rng.choice([0.05, 0.6, 0.85]))
    count, turn = int(rng.choice([4, 6, 8])), rng.uniform(0, 1)
    stretch = np.array([1.0, rng.uniform(0.8, 1.5)])
    angles = (np.arange(count) + turn) * 2 * np.pi / count
    rim = np.column_stack([np.cos(angles), np.sin(angles)]) * radius * stretch
    table = rim * rng.uniform(0.45, 0.65)
    pictures.fill(mask, rim * 1.18 + centre, (255, 255, 255))
    for k in range(count):
        tone = colour_of((hue, saturation, float(rng.uniform(0.35, 1))))
        corners = np.vstack([rim[k], rim[(k + 1) % count], table[(k + 1) % count], table[k]])
        pictures.fill(canvas, corners + centre, tone)
    pictures.fill(canvas, table + centre, colour_of((hue, saturation * 0.8, 0.95)))
    glint = (table * 0.4 + centre)[: max(3, count // 2)]
    pictures.fill(canvas, glint, (255, 255, 255))


def _outline(rng: Rng, radius: float) -> np.ndarray:
    """A pendant's outline around the origin: heart, drop, star, disc, cross-like or free."""
    t = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    form, lobes = int(rng.integers(6)), int(rng.integers(3, 9))
    if form == 0:
        x = 16 * np.sin(t) ** 3
        y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
        return np.column_stack([x, y]) / 16 * radius
    if form == 1:
        reach = 1 + 0.5 * np.maximum(-np.sin(t), 0) ** 4
        return np.column_stack([np.cos(t) * 0.7, np.sin(t) * reach]) * radius
    if form == 2:
        return (
            np.column_stack([np.cos(t), np.sin(t)])
            * (0.75 + 0.25 * np.cos(lobes * t))[:, None]
            * radius
        )
    if form == 3:
        return np.column_stack([np.cos(t), np.sin(t) * rng.uniform(0.8, 1.3)]) * radius
    if form == 4:
        reach = 1 / np.maximum(np.abs(np.cos(2 * t)), 0.45) * 0.45 + 0.55 * np.abs(np.cos(2 * t))
        return np.column_stack([np.cos(t), np.sin(t)]) * reach[:, None] * radius
    return pictures.blob(rng, (0.0, 0.0), radius, 0.35)


def _piece(one: Design, centre: tuple[float, float], radius: float) -> tuple[U8, U8, F32]:
    """Pendant or drop: BGR, alpha and slopes on a SIDE×SIDE sheet."""
    rng = np.random.default_rng([one.layout, 31])
    mask = np.zeros((SIDE, SIDE), np.uint8)
    outline = _outline(rng, radius)
    pictures.fill(mask, outline + centre, (255, 255, 255))
    pierced = rng.random() < 0.45
    if pierced:
        pictures.fill(mask, outline * rng.uniform(0.55, 0.75) + centre, (0, 0, 0))
    stones = np.random.default_rng([one.picture, 32])
    plain = mask.copy()
    colour, slopes = _metal(mask, one, rng)
    count = int(stones.choice([0, 1, 1, 3, 6]))
    for k in range(count):
        turn = 2 * np.pi * k / max(count, 1) + 0.3
        away = 0.0 if count == 1 else radius * 0.55
        at = (centre[0] + away * np.cos(turn), centre[1] + away * np.sin(turn))
        _gem(colour, mask, stones, at, radius * (0.42 if count == 1 else 0.17))
    if count == 0:
        pictures.logo(colour, stones, centre, radius * 0.4, toned(colour_of(one.main), 0.45))
    return colour, np.maximum(mask, plain), slopes


def _band(one: Design) -> tuple[U8, U8, F32]:
    """A ring, seen from above at a slant, its stones at the far side."""
    rng = np.random.default_rng([one.layout, 33])
    mask = np.zeros((SIDE, SIDE), np.uint8)
    middle, reach, squash = SIDE // 2, int(SIDE * 0.36), rng.uniform(0.55, 0.98)
    thick = int(rng.uniform(8, 30))
    axes = (reach, int(reach * squash))
    cv2.ellipse(mask, (middle, middle + 20), axes, 0, 0, 360, 255, thick, cv2.LINE_AA)
    colour, slopes = _metal(mask, one, rng)
    stones = np.random.default_rng([one.picture, 34])
    count = int(stones.choice([1, 3, 5]))
    for k in range(count):
        turn = -np.pi / 2 + (k - (count - 1) / 2) * 0.33
        at = (middle + axes[0] * np.cos(turn), middle + 20 + axes[1] * np.sin(turn))
        size = thick * 0.5 + (24 if count == 1 else 12) * (1.0 if k == count // 2 else 0.75)
        _gem(colour, mask, stones, at, size)
    return colour, mask, slopes


def dress(one: Design) -> flat.Skin:
    """The piece on its sheet; a pendant's chain is added by each view."""
    rng = np.random.default_rng([one.layout, 35])
    if one.kind == "ring":
        colour, mask, slopes = _band(one)
    elif one.kind == "pendant":
        colour, mask, slopes = _piece(one, (SIDE / 2, SIDE * 0.78), SIDE * rng.uniform(0.1, 0.17))
    else:
        colour, mask, slopes = _piece(one, (SIDE / 2, SIDE * 0.6), SIDE * rng.uniform(0.18, 0.32))
        hook = np.zeros((SIDE, SIDE), np.uint8)
        reach = int(SIDE * rng.uniform(0.06, 0.11))
        at = (SIDE // 2, int(SIDE * 0.14))
        cv2.ellipse(hook, at, (reach, reach), 0, 90, 350, 255, 5, cv2.LINE_AA)
        top = cv2.boundingRect(mask)[1]
        links = int(rng.integers(2, 7))
        for y in np.linspace(at[1] + reach, top, links):
            size = max(4, round((top - at[1] - reach) / links * 0.6))
            cv2.circle(hook, (SIDE // 2, int(y)), size, 255, 4, cv2.LINE_AA)
        metal, more = _metal(hook, one, rng)
        free = (hook > 0) & (mask == 0)
        colour[free], slopes[free] = metal[free], more[free]
        mask = np.where(free, hook, mask)
    return flat.sheet(colour, mask, slopes, 0.8, 0.9)


def hung(one: Design, skin: flat.Skin, rng: Rng, *, still: bool) -> flat.Skin:
    """The pendant with its chain fallen anew: a loop from the bail up and around."""
    sheet = skin.sheet.copy()
    piece = cv2.boundingRect(np.ascontiguousarray(sheet[..., 3]))
    foot = np.array([SIDE / 2, piece[1] + 2.0])
    t = np.linspace(0, 1, 60)
    wide, tall = (0.3, 0.55) if still else (rng.uniform(0.1, 0.45), rng.uniform(0.4, 0.62))
    sway = 0.0 if still else rng.normal(0, 0.05)
    x = np.sin(2 * np.pi * t) * wide * np.sin(np.pi * t) ** 0.5
    y = -(1 - np.cos(2 * np.pi * t)) / 2 * tall
    ripple = 0 if still else cv2.GaussianBlur(rng.normal(0, 0.25, (1, 60)), (0, 0), 5)[0]
    path = np.column_stack([x + sway * np.sin(np.pi * t) + ripple, y]) * SIDE + foot
    path = np.clip(path, 5, SIDE - 6)
    shape = np.random.default_rng([one.layout, 36])
    size, thick = int(shape.integers(2, 5)), int(shape.integers(1, 3))
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    beads = np.arange(0, length[-1], size * float(shape.uniform(1.4, 2.6)))
    bright: Colour = colour_of(one.main)
    along = np.column_stack([np.interp(beads, length, path[:, axis]) for axis in (0, 1)])
    for k, (bx, by) in enumerate(along):
        tone = (0.55, 1.0, 0.8)[k % 3] * (1.0 if still else rng.uniform(0.7, 1.1))
        ink = (*(int(min(255, v * tone)) for v in bright), 255)
        cv2.circle(sheet, (int(bx), int(by)), size, ink, thick if size > 2 else -1, cv2.LINE_AA)
    sheet[..., :3][sheet[..., 3] == 0] = bright
    hull = flat.hull_of(np.ascontiguousarray(sheet[..., 3]))
    return replace(skin, sheet=sheet, hull=hull)


def view(one: Design, skin: flat.Skin, rng: Rng, at: light.Pose, side: int) -> U8:
    """BGRA side×side×4."""
    if one.kind == "pendant":
        skin = hung(one, skin, rng, still=at is light.FRONT)
    return flat.view(skin, rng, at, side)
