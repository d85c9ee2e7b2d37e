# SPDX-License-Identifier: Apache-2.0
"""The operator's hand as a relief: bones lift rounded ridges that melt into one surface."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.scene.light import smooth, unit
from kiosk.scene.view import Floats

PER_CM = 22.0
WIDTH, ABOVE, BELOW = 20.0, 19.0, 25.0
Joint = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Posture:
    """Finger chains as joints (x, y, height, radius) in cm: y grows towards the fingertips, wrist
    at 0.
    """

    fingers: tuple[tuple[Joint, ...], ...]
    thumb: tuple[Joint, ...]
    tip: tuple[float, float]


PINCH = Posture(
    (
        (
            (-3.0, 8.2, 1.5, 1.02),
            (-3.7, 11.6, 2.3, 0.92),
            (-3.75, 13.9, 1.7, 0.82),
            (-3.5, 15.4, 0.6, 0.70),
        ),
        (
            (-1.0, 8.7, 1.7, 1.05),
            (-1.25, 12.6, 2.6, 0.95),
            (-1.15, 15.2, 1.8, 0.84),
            (-0.95, 16.8, 0.6, 0.72),
        ),
        (
            (1.0, 8.4, 1.5, 1.02),
            (1.25, 12.0, 2.3, 0.90),
            (1.3, 14.5, 1.6, 0.80),
            (1.3, 16.0, 0.4, 0.68),
        ),
        (
            (2.8, 7.5, 1.1, 0.92),
            (3.5, 10.4, 1.8, 0.80),
            (3.7, 12.2, 1.2, 0.71),
            (3.75, 13.5, 0.3, 0.60),
        ),
    ),
    (
        (-2.4, 2.2, 0.6, 1.45),
        (-4.9, 5.6, 0.9, 1.15),
        (-6.0, 8.6, 0.7, 1.0),
        (-5.9, 11.0, 0.2, 0.82),
    ),
    (-1.4, 14.6),
)
GRIP = Posture(
    (
        (
            (-2.9, 8.2, 1.6, 1.04),
            (-3.3, 12.0, 2.0, 0.94),
            (-3.2, 14.4, 1.2, 0.84),
            (-2.8, 16.0, 0.2, 0.72),
        ),
        (
            (-1.0, 8.7, 1.8, 1.06),
            (-1.2, 12.8, 2.1, 0.96),
            (-1.0, 15.4, 1.2, 0.86),
            (-0.6, 17.0, 0.2, 0.74),
        ),
        (
            (0.95, 8.4, 1.6, 1.03),
            (0.95, 12.2, 1.8, 0.92),
            (1.15, 14.7, 1.0, 0.82),
            (1.5, 16.1, 0.0, 0.70),
        ),
        (
            (2.7, 7.5, 1.2, 0.94),
            (2.9, 10.6, 1.3, 0.82),
            (3.1, 12.4, 0.7, 0.73),
            (3.3, 13.7, 0.0, 0.62),
        ),
    ),
    (
        (-2.3, 2.2, 0.9, 1.55),
        (-5.3, 4.9, 2.2, 1.22),
        (-7.3, 7.7, 2.7, 1.06),
        (-7.6, 10.4, 2.3, 0.86),
    ),
    (-4.9, 9.4),
)
POINT = Posture(
    (
        (
            (-3.0, 8.2, 1.6, 1.04),
            (-3.5, 12.0, 2.2, 0.90),
            (-3.7, 14.5, 1.7, 0.80),
            (-3.75, 16.3, 1.0, 0.68),
        ),
        (
            (-1.0, 8.6, 1.9, 1.08),
            (-1.2, 10.9, 2.4, 1.0),
            (-1.35, 11.6, 1.0, 0.9),
            (-1.3, 10.4, 0.0, 0.8),
        ),
        (
            (1.0, 8.3, 1.7, 1.05),
            (1.0, 10.3, 2.2, 0.96),
            (0.9, 11.0, 0.8, 0.86),
            (0.9, 9.8, 0.0, 0.8),
        ),
        ((2.8, 7.4, 1.3, 0.95), (2.9, 9.1, 1.7, 0.86), (2.8, 9.7, 0.6, 0.78), (2.7, 8.8, 0.0, 0.7)),
    ),
    (
        (-2.4, 2.2, 0.6, 1.45),
        (-4.4, 5.2, 0.9, 1.15),
        (-4.3, 8.2, 1.0, 1.0),
        (-3.0, 10.2, 0.8, 0.82),
    ),
    (-3.75, 16.0),
)
POSTURES = {"grip": GRIP, "pinch": PINCH, "point": POINT}


def _ridge(x: Floats, y: Floats, a: Joint, b: Joint, squash: float = 1.0) -> Floats:
    """Height of a tapered bone over the picture, -100 outside it."""
    out = np.full((len(y), len(x)), -100.0, np.float32)
    rows, columns = window(x, y, (a, b), max(a[3], b[3]))
    x, y = x[columns], y[rows]
    ax, ay, az, ar = a
    bx, by, bz, br = b
    dx, dy = bx - ax, by - ay
    length = max(dx * dx + dy * dy, 1e-6)
    t = np.clip(((x[None, :] - ax) * dx + (y[:, None] - ay) * dy) / length, 0, 1)
    r = ar + (br - ar) * t
    gap = (x[None, :] - ax - t * dx) ** 2 + (y[:, None] - ay - t * dy) ** 2
    inside = r * r - gap
    rise = np.sqrt(np.maximum(inside, 0)) * squash
    out[rows, columns] = np.where(inside > 0, az + (bz - az) * t + rise, -100.0)
    return out


def window(x: Floats, y: Floats, joints: tuple[Joint, ...], reach: float) -> tuple[slice, slice]:
    """Rows and columns of the picture within `reach` cm of some joints; x rises, y falls."""
    low_x, high_x = min(j[0] for j in joints) - reach, max(j[0] for j in joints) + reach
    low_y, high_y = min(j[1] for j in joints) - reach, max(j[1] for j in joints) + reach
    columns = slice(int(np.searchsorted(x, low_x)), int(np.searchsorted(x, high_x)))
    rows = slice(int(np.searchsorted(-y, -high_y)), int(np.searchsorted(-y, -low_y)))
    return rows, columns


def _melt(first: Floats, second: Floats, width: float) -> Floats:
    """Smooth maximum of two reliefs."""
    h = np.clip(0.5 + 0.5 * (first - second) / width, 0, 1)
    return np.asarray(second + (first - second) * h + width * h * (1 - h), np.float32)


def skin_relief(posture: Posture, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The hand's surface, and how far the fingers rise above palm and thumb (100 without them)."""
    palm = np.full((len(y), len(x)), -100.0, np.float32)
    wrists = ((-1.5, 0.2), (-0.5, 0.0), (0.6, 0.0), (1.6, 0.2))
    for (wx, wy), finger in zip(wrists, posture.fingers, strict=True):
        kx, ky, kz, _ = finger[0]
        palm = _melt(
            _ridge(x, y, (wx, wy, 0.0, 1.75), (kx * 0.93, ky - 0.2, kz - 0.6, 1.45)), palm, 0.55
        )
    palm = _melt(_ridge(x, y, (-0.9, -8, 0.2, 2.3), (-0.8, 0.5, 0.0, 1.95)), palm, 0.5)
    palm = _melt(_ridge(x, y, (0.9, -8, 0.2, 2.3), (0.8, 0.5, 0.0, 1.95)), palm, 0.5)
    relief = palm
    body = palm
    fingers = np.full_like(palm, -100.0)
    for index, finger in enumerate((posture.thumb, *posture.fingers)):
        chain = np.full_like(palm, -100.0)
        for a, b in zip(finger[:-1], finger[1:], strict=True):
            chain = _melt(_ridge(x, y, a, b), chain, 0.25)
        relief = _melt(chain, relief, 0.75)
        if index:
            fingers = np.maximum(fingers, chain)
        else:
            body = np.maximum(body, chain)
    surface = np.where(relief > -40, relief, -100.0).astype(np.float32)
    rise = np.where(body > -50, fingers - body, 100.0)
    return surface, np.asarray(rise, np.float32)


def sleeve_relief(x: Floats, y: Floats) -> Floats:
    left = _ridge(x, y, (-1.1, -36, 0.0, 4.4), (-1.0, -3.4, 0.0, 2.95), 0.8)
    right = _ridge(x, y, (1.1, -36, 0.0, 4.4), (1.0, -3.4, 0.0, 2.95), 0.8)
    return _melt(left, right, 1.2)


def slopes(relief: Floats, blur: float) -> tuple[Floats, Floats]:
    """Surface normals and cavities (0..1) of a relief."""
    inside = relief > -50
    floor = relief.copy()
    floor[~inside] = relief[inside].min() - 1.0
    soft = cv2.GaussianBlur(floor, (0, 0), blur)
    gx = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3, scale=PER_CM / 8)
    gy = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3, scale=PER_CM / 8)
    normal = unit(np.dstack([-gx, -gy, np.ones_like(gx)]).astype(np.float32))
    wide = cv2.GaussianBlur(floor, (0, 0), PER_CM * 0.45)
    cavity = np.clip((wide - floor) * 1.1, 0, 1)
    return normal, np.asarray(cavity, np.float32)


def details(posture: Posture, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Bumps in cm, redness and nail cover: knuckle folds, tendons, nails."""
    bump = np.zeros((len(y), len(x)), np.float32)
    blush = np.zeros_like(bump)
    nails = np.zeros_like(bump)
    for finger in (*posture.fingers, posture.thumb):
        for index, joint in enumerate(finger):
            jx, jy, jz, r = joint
            px, py = finger[max(index - 1, 0)][:2] if index else (jx, jy - 1)
            near = window(x, y, (joint,), 2.6 * r)
            along, across = _aligned(x[near[1]] - jx, y[near[0]] - jy, math.atan2(jy - py, jx - px))
            blush[near] += 0.55 * np.exp(-(along**2 + across**2) / (1.1 * r) ** 2)
            if index in (1, 2) and jz > 0.9:
                bump[near] -= _folds(along, across, r)
            if index == 3 and jz > 0.15:
                edge = np.hypot((along + 0.12) / (0.60 * r / 0.7), across / (0.44 * r / 0.7))
                nail = smooth(1.06, 0.94, edge)
                nails[near] = np.maximum(nails[near], nail)
                bump[near] += 0.05 * nail - 0.035 * np.exp(-(((edge - 1.05) / 0.07) ** 2))
        kx, ky = finger[0][:2]
        t = np.clip(y[:, None] / max(ky, 1), 0, 1)
        tendon = np.exp(-(((x[None, :] - kx * t) / 0.30) ** 2)) * smooth(0.15, 0.9, t)
        bump += 0.05 * tendon * (t < 1)
    return bump, np.clip(blush, 0, 1).astype(np.float32), nails


def _aligned(x: Floats, y: Floats, angle: float) -> tuple[Floats, Floats]:
    """Coordinates along and across a bone that points at an angle."""
    c, s = math.cos(angle), math.sin(angle)
    along = x[None, :] * c + y[:, None] * s
    across = y[:, None] * c - x[None, :] * s
    return np.asarray(along, np.float32), np.asarray(across, np.float32)


def _folds(along: Floats, across: Floats, radius: float) -> Floats:
    """Four creases over a knuckle, cm deep."""
    depth = np.zeros_like(along)
    for offset in (-0.24, -0.07, 0.08, 0.25):
        bent = along - offset - math.copysign(0.10, offset) * across**2
        depth += 0.030 * np.exp(-((bent / 0.045) ** 2))
    return np.asarray(depth * np.exp(-((across / (0.62 * radius)) ** 2)), np.float32)
