# SPDX-License-Identifier: Apache-2.0
"""Shadows on the counter: convex parts projected from several points of the key lamp, plus the dark
contact line.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from kiosk.scene.light import KEY
from kiosk.scene.sprite import Caster
from kiosk.scene.view import Floats, Pixels, View

# Points of the round lamp, spread like the seeds of a sunflower.
_LAMP = tuple(
    (
        0.23 * math.sqrt((k + 0.5) / 22) * math.cos(2.39996 * k),
        0.23 * math.sqrt((k + 0.5) / 22) * math.sin(2.39996 * k),
    )
    for k in range(22)
)


def darken(frame: Pixels, view: View, casters: Sequence[Caster]) -> None:
    """Multiply the shadows of these parts into a BGR frame in place."""
    if not casters:
        return
    lamps = [KEY + np.array([dx, 0, dz], np.float32) for dx, dz in _LAMP]
    falls = [[_ground(view, caster.points, lamp) for caster in casters] for lamp in lamps]
    foot = [
        _ground(view, _low(caster.points), np.array([0, 1, 0], np.float32)) for caster in casters
    ]
    spots = np.concatenate([s for fall in falls for s in fall] + foot)
    pad = 26
    x0, y0 = np.maximum(np.floor(spots.min(axis=0)).astype(int) - pad, 0)
    x1 = min(frame.shape[1], int(spots[:, 0].max()) + pad)
    y1 = min(frame.shape[0], int(spots[:, 1].max()) + pad)
    if x1 <= x0 or y1 <= y0:
        return
    size = ((x1 - x0 + 1) // 2, (y1 - y0 + 1) // 2)
    origin = np.array([x0, y0], np.float32)
    total = np.zeros(size[::-1], np.float32)
    for fall in falls:
        total += _filled(fall, origin, size)
    tall = max(float(caster.points[:, 1].max()) for caster in casters)
    cast = cv2.GaussianBlur(total / len(falls), (0, 0), 0.6 + 0.16 * tall)
    under = _filled(foot, origin, size)
    depth = min(1.0, 0.28 + tall / 8)
    contact = (
        cv2.GaussianBlur(under, (0, 0), 2.0) * 0.45 + cv2.GaussianBlur(under, (0, 0), 6.0) * 0.40
    )
    keep = (1 - 0.60 * cast) * (1 - np.minimum(contact * depth, 0.85))
    gain = cv2.resize(
        np.asarray(keep * 255, np.uint8), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR
    )
    part = np.ascontiguousarray(frame[y0:y1, x0:x1])
    frame[y0:y1, x0:x1] = cv2.multiply(part, cv2.merge([gain, gain, gain]), scale=1 / 255)


def _ground(view: View, points: Floats, lamp: Floats) -> Floats:
    flat = points - lamp * (points[:, 1:2] / lamp[1])
    return view.project(flat.astype(np.float32))


def _low(points: Floats) -> Floats:
    """The part of a caster that touches or nearly touches the counter."""
    level = points[:, 1].min()
    near = points[points[:, 1] <= level + 0.6]
    return near if level < 0.8 else points[:1]


def _filled(parts: Sequence[Floats], origin: Floats, size: tuple[int, int]) -> Floats:
    mask = np.zeros(size[::-1], np.uint8)
    for part in parts:
        if len(part) < 3:
            continue
        hull = cv2.convexHull(((part - origin) / 2).astype(np.float32))
        cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return np.asarray(mask, np.float32) / 255.0
