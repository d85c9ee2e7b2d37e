# SPDX-License-Identifier: Apache-2.0
"""The operator's hand as a relief: bones lift rounded ridges that melt into one surface."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.scene.light import smooth, unit
from kiosk.scene.view import Floats

PER_CM = 26.0
WIDTH, ABOVE, BELOW = 20.0, 19.0, 34.0
Joint = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Posture:
    """Finger chains as joints (x, y, height, radius) in cm: y grows towards the fingertips, wrist
    at 0.
    """

    fingers: tuple[tuple[Joint, ...], ...]
    thumb: tuple[Joint, ...]
    tip: tuple[float, float]


GRIP = Posture(
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
POSTURES = {"grip": GRIP, "point": POINT}


def _ridge(x: Floats, y: Floats, a: Joint, b: Joint, squash: float = 1.0) -> Floats:
    """Height of a tapered bone over the picture, -100 outside it."""
    ax, ay, az, ar = a
    bx, by, bz, br = b
    dx, dy = bx - ax, by - ay
    length = max(dx * dx + dy * dy, 1e-6)
    t = np.clip(((x[None, :] - ax) * dx + (y[:, None] - ay) * dy) / length, 0, 1)
    r = ar + (br - ar) * t
    gap = (x[None, :] - ax - t * dx) ** 2 + (y[:, None] - ay - t * dy) ** 2
    inside = r * r - gap
    rise = np.sqrt(np.maximum(inside, 0)) * squash
    return np.where(inside > 0, az + (bz - az) * t + rise, -100.0).astype(np.float32)


def _melt(first: Floats, second: Floats, width: float) -> Floats:
    """Smooth maximum of two reliefs."""
    h = np.clip(0.5 + 0.5 * (first - second) / width, 0, 1)
    return np.asarray(second + (first - second) * h + width * h * (1 - h), np.float32)


def skin_relief(posture: Posture, x: Floats, y: Floats) -> Floats:
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
    for finger in (posture.thumb, *posture.fingers):
        chain = np.full_like(palm, -100.0)
        for a, b in zip(finger[:-1], finger[1:], strict=True):
            chain = _melt(_ridge(x, y, a, b), chain, 0.25)
        relief = _melt(chain, relief, 0.42)
    return np.where(relief > -40, relief, -100.0).astype(np.float32)


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
        for index, (jx, jy, jz, r) in enumerate(finger):
            px, py = finger[max(index - 1, 0)][:2] if index else (jx, jy - 1)
            angle = math.atan2(jy - py, jx - px)
            u = (x[None, :] - jx) * math.cos(angle) + (y[:, None] - jy) * math.sin(angle)
            v = -(x[None, :] - jx) * math.sin(angle) + (y[:, None] - jy) * math.cos(angle)
            blush += 0.55 * np.exp(-(u * u + v * v) / (1.1 * r) ** 2)
            if index in (1, 2) and jz > 0.9:
                fade = np.exp(-((v / (0.62 * r)) ** 2))
                for off in (-0.24, -0.07, 0.08, 0.25):
                    bump -= (
                        0.030
                        * fade
                        * np.exp(-(((u - off - 0.10 * v * v * np.sign(off)) / 0.045) ** 2))
                    )
            if index == 3 and jz > 0.15:
                edge = np.hypot((u + 0.12) / (0.60 * r / 0.7), v / (0.44 * r / 0.7))
                nail = smooth(1.06, 0.94, edge)
                nails = np.maximum(nails, nail)
                bump += 0.05 * nail - 0.035 * np.exp(-(((edge - 1.05) / 0.07) ** 2))
        kx, ky = finger[0][:2]
        t = np.clip(y[:, None] / max(ky, 1), 0, 1)
        bump += (
            0.05 * np.exp(-(((x[None, :] - kx * t) / 0.30) ** 2)) * smooth(0.15, 0.9, t) * (t < 1)
        )
    return bump, np.clip(blush, 0, 1).astype(np.float32), nails
