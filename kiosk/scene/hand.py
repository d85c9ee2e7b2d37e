# SPDX-License-Identifier: Apache-2.0
"""The operator's hand: fingers, palm and sleeve inflated from bones, lit like everything else on
the counter.

The hand is drawn once per posture as a relief seen from the camera: every bone lifts a rounded
ridge, the ridges melt into one surface, and its slopes give the light.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from kiosk.scene.hand_form import (
    ABOVE,
    BELOW,
    PER_CM,
    POSTURES,
    WIDTH,
    Posture,
    details,
    skin_relief,
    sleeve_relief,
    slopes,
)
from kiosk.scene.light import KEY, display, smooth, unit
from kiosk.scene.sprite import Sprite, place, premultiplied
from kiosk.scene.view import Floats, Mask, Pixels, View

SIZE = 0.88
_SKINS = ((0.78, 0.46, 0.33), (0.48, 0.245, 0.155), (0.86, 0.56, 0.43))
_SLEEVES = ((0.05, 0.10, 0.19), (0.16, 0.165, 0.17), (0.23, 0.07, 0.05))


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a hand is in a frame: the fingertip position in pixels, direction and style."""

    x: float
    y: float
    angle: float
    posture: str = "grip"
    mirrored: bool = False
    style: int = 0


def hand_sprites(view: View, reach: Reach) -> tuple[Sprite | None, Sprite]:
    """The hand behind an item (None unless it grips) and the hand in front, premultiplied BGRA.

    `angle` 0 points up, positive turns clockwise, radians.
    """
    whole, front = _drawn(reach.posture, round(reach.angle, 2), reach.mirrored, reach.style)
    scale = SIZE * view.focal / (view.distance - 5.0) / PER_CM
    tip_x, tip_y = POSTURES[reach.posture].tip
    column = (tip_x + WIDTH / 2) * PER_CM
    if reach.mirrored:
        column = whole.shape[1] - column
    row = (ABOVE - tip_y) * PER_CM
    c, s = math.cos(reach.angle) * scale, math.sin(reach.angle) * scale
    matrix = np.array(
        [[c, -s, reach.x - c * column + s * row], [s, c, reach.y - s * column - c * row]]
    )
    rows, columns = whole.shape[:2]
    ends = [(0, 0), (columns, 0), (0, rows), (columns, rows)]
    corners = [tuple(matrix @ np.array([u, v, 1.0])) for u, v in ends]
    inside = [
        (min(max(u, -4.0), view.width + 4.0), min(max(v, -4.0), view.height + 4.0))
        for u, v in corners
    ]
    behind = place(whole, matrix, inside) if reach.posture == "grip" else None
    return behind, place(front, matrix, inside)


@lru_cache(maxsize=24)
def _drawn(posture: str, angle: float, mirrored: bool, style: int) -> tuple[Pixels, Pixels]:
    """The whole hand, and the part of it that stays in front of a gripped item."""
    rows, columns = int((ABOVE + BELOW) * PER_CM), int(WIDTH * PER_CM)
    x = (np.arange(columns, dtype=np.float32) + 0.5) / PER_CM - WIDTH / 2
    y = ABOVE - (np.arange(rows, dtype=np.float32) + 0.5) / PER_CM
    relief, fingers = skin_relief(POSTURES[posture], x, y)
    sleeve = sleeve_relief(x, y)
    light = _light_on_screen(angle, mirrored)
    skin = _lit_skin(POSTURES[posture], relief, x, y, light, style)
    cloth = _lit_cloth(sleeve, x, y, light, style)
    on_sleeve = (sleeve > -50) & (y[:, None] < -2.2 + 0.25 * np.cos(x[None, :] * 0.8))
    colour = np.where(on_sleeve[..., None], cloth, skin)
    lip = cv2.GaussianBlur(on_sleeve.astype(np.float32), (0, 0), PER_CM * 0.28)
    colour = np.where(on_sleeve[..., None], colour, colour * (1 - 0.75 * lip[..., None]))
    solid = ((relief > -50) & (y[:, None] > -3.2)) | on_sleeve
    shown = display(_spread(colour, solid))
    cover = np.asarray(cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 0.9), np.float32)
    whole = front = premultiplied(shown, np.asarray(cover * 255, np.uint8))
    if posture == "grip":
        ahead = np.asarray((fingers < 0.05) | on_sleeve, np.float32)
        keep = cv2.GaussianBlur(ahead, (0, 0), 1.0) * ahead
        front = premultiplied(shown, np.asarray(cover * keep * 255, np.uint8))
    if mirrored:
        whole, front = (np.ascontiguousarray(part[:, ::-1]) for part in (whole, front))
    return whole, front


def _spread(colour: Floats, solid: Mask) -> Floats:
    """Colour carried outwards over the outline, where slopes are too steep to be lit well."""
    core = cv2.erode(solid.astype(np.float32), np.ones((3, 3), np.uint8), iterations=2)
    weight = cv2.GaussianBlur(core, (0, 0), 2.2)
    carried = cv2.GaussianBlur(colour * core[..., None], (0, 0), 2.2)
    carried = np.asarray(carried / np.maximum(weight, 1e-3)[..., None], np.float32)
    return np.where(core[..., None] > 0, colour, carried).astype(np.float32)


def _light_on_screen(angle: float, mirrored: bool) -> Floats:
    """Key light in the hand's own picture axes: right, down, towards the eye."""
    tilt = math.radians(43)
    down = -KEY[1] * math.cos(tilt) + KEY[2] * math.sin(tilt)
    near = KEY[1] * math.sin(tilt) + KEY[2] * math.cos(tilt)
    c, s = math.cos(-angle), math.sin(-angle)
    across = c * KEY[0] - s * down
    along = s * KEY[0] + c * down
    return np.array([-across if mirrored else across, along, near], np.float32)


def _lit_skin(
    posture: Posture, relief: Floats, x: Floats, y: Floats, light: Floats, style: int
) -> Floats:
    rng = np.random.default_rng(31)
    bump, blush, nails = details(posture, x, y)
    pores = cv2.resize(
        rng.standard_normal((len(y) // 2, len(x) // 2)).astype(np.float32), (len(x), len(y))
    )
    mottle = cv2.resize(
        rng.standard_normal((len(y) // 18, len(x) // 18)).astype(np.float32),
        (len(x), len(y)),
        interpolation=cv2.INTER_CUBIC,
    )
    normal, cavity = slopes(
        np.where(relief > -50, relief + bump + 0.006 * pores, relief).astype(np.float32), 1.6
    )
    facing = np.einsum("ijk,k->ij", normal, light)
    red, green, blue = _SKINS[style % len(_SKINS)]
    tone = np.empty((*relief.shape, 3), np.float32)
    for channel, (base, wrap) in enumerate(((blue, 0.18), (green, 0.26), (red, 0.48))):
        key = np.clip((facing + wrap) / (1 + wrap), 0, 1) ** 1.25
        rim = 0.10 * (1 - normal[..., 2]) ** 2
        tone[..., channel] = (
            base * (0.86 * key + 0.30 + rim) * (1 - (0.62 if channel < 2 else 0.42) * cavity)
        )
    tone *= (1 + 0.035 * mottle)[..., None]
    warm = np.clip(blush, 0, 1)[..., None]
    tone = tone * (1 - 0.55 * warm) + tone * np.array([0.80, 0.78, 1.04], np.float32) * 0.55 * warm
    plate = np.clip(nails, 0, 1)[..., None]
    tone = tone * (1 - plate) + (tone * np.array([1.18, 1.12, 1.06], np.float32) + 0.035) * plate
    half = unit((light + np.array([0, 0, 1], np.float32))[None])[0]
    gloss = np.clip(np.einsum("ijk,k->ij", normal, half), 0, 1)
    tone += (0.07 * gloss**14 + 0.22 * nails * gloss**40)[..., None]
    return np.asarray(tone, np.float32)


def _lit_cloth(relief: Floats, x: Floats, y: Floats, light: Floats, style: int) -> Floats:
    rng = np.random.default_rng(33)
    folds = cv2.resize(
        rng.standard_normal((15, 6)).astype(np.float32),
        (len(x), len(y)),
        interpolation=cv2.INTER_CUBIC,
    )
    cross = cv2.resize(
        rng.standard_normal((34, 9)).astype(np.float32),
        (len(x), len(y)),
        interpolation=cv2.INTER_CUBIC,
    )
    level = y[:, None] + 0.25 * np.cos(x[None, :] * 0.8)
    cuff = np.exp(-(((level + 5.4) / 0.10) ** 2)) + np.exp(-(((level + 2.75) / 0.07) ** 2))
    hem = 0.16 * smooth(-5.6, -5.3, np.asarray(level, np.float32))
    damp = 1 - 0.75 * smooth(-6.2, -5.2, np.asarray(level, np.float32))
    shape = relief + (0.22 * folds + 0.13 * cross) * damp + hem - 0.07 * cuff
    normal, cavity = slopes(np.where(relief > -50, shape, relief).astype(np.float32), 1.3)
    facing = np.clip(np.einsum("ijk,k->ij", normal, light), 0, 1)
    red, green, blue = _SLEEVES[style % len(_SLEEVES)]
    weave = 1 + 0.07 * np.sin(x[None, :] * 42 + y[:, None] * 42) * np.sin(
        x[None, :] * 42 - y[:, None] * 42
    )
    stitch = (np.exp(-(((level + 5.15) / 0.05) ** 2)) * (np.sin(x[None, :] * 16) > -0.2))[..., None]
    tone = (
        np.array([blue, green, red], np.float32)
        * ((0.85 * facing + 0.26) * weave * (1 - 0.5 * cavity))[..., None]
    )
    return np.asarray(tone + stitch * 0.10 * (0.4 + facing[..., None]), np.float32)
