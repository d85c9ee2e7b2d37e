# SPDX-License-Identifier: Apache-2.0
"""A rubber duck: the toy that no catalog lists."""

import math

import numpy as np

from kiosk.scene.light import KEY, diffuse, fresnel, length, mirror, room
from kiosk.scene.relief import Form, Hit
from kiosk.scene.view import Floats

YELLOW = (0.012, 0.56, 0.93)
ORANGE = (0.01, 0.17, 0.88)


def _ellipsoid(
    p: Floats, centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> Floats:
    q = p - np.asarray(centre, np.float32)
    r = np.asarray(radii, np.float32)
    k0 = length(q / r)
    k1 = length(q / (r * r))
    return np.asarray(k0 * (k0 - 1.0) / np.maximum(k1, 1e-6), np.float32)


def _join(a: Floats, b: Floats, width: float) -> Floats:
    h = np.clip(0.5 + 0.5 * (b - a) / width, 0, 1)
    return np.asarray(b + (a - b) * h - width * h * (1 - h), np.float32)


def _parts(points: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    p = points.copy()
    c, s = math.cos(0.6), math.sin(0.6)
    p[:, 0], p[:, 2] = c * points[:, 0] + s * points[:, 2], -s * points[:, 0] + c * points[:, 2]
    m = p.copy()
    m[:, 0] = np.abs(m[:, 0])
    body = _ellipsoid(p, (0, 2.5, -0.4), (3.1, 2.55, 3.9))
    tail = _ellipsoid(p, (0, 4.1, -4.0), (1.3, 1.0, 1.1))
    head = _ellipsoid(p, (0, 6.5, 1.7), (2.15, 2.1, 2.1))
    wing = _ellipsoid(m, (2.75, 3.0, -0.9), (0.75, 1.35, 2.1))
    skin = _join(_join(body, tail, 1.5), head, 0.9)
    skin = np.maximum(_join(skin, wing, 0.28), 0.02 - p[:, 1])
    upper = _ellipsoid(m, (0, 6.25, 3.9), (1.05, 0.34, 0.95))
    lower = _ellipsoid(m, (0, 5.85, 3.75), (0.85, 0.28, 0.75))
    eye = _ellipsoid(m, (0.92, 7.15, 3.28), (0.34, 0.46, 0.30))
    pupil = _ellipsoid(m, (0.98, 7.18, 3.46), (0.19, 0.28, 0.17))
    return skin, _join(upper, lower, 0.12), eye, pupil


def _distance(points: Floats) -> Floats:
    return np.asarray(np.minimum.reduce(_parts(points)) * 0.9, np.float32)


def _paint(hit: Hit) -> Floats:
    which = np.argmin(np.stack(_parts(hit.points)), axis=0)
    tints = np.array([YELLOW, ORANGE, (0.85, 0.85, 0.85), (0.012, 0.01, 0.01)], np.float32)[which]
    normal, ray = hit.to_world(hit.normals), hit.to_world(hit.directions)
    through = np.clip(normal @ KEY * 0.5 + 0.5, 0, 1)[:, None] * np.array(
        [0.02, 0.10, 0.16], np.float32
    )
    lit = (
        tints * (diffuse(normal, hit.open)[:, None] * (0.66 + 0.34 * hit.open[:, None]))
        + tints * through
    )
    shine = (
        room(mirror(ray, normal), 0.16)
        * fresnel(-np.einsum("ij,ij->i", ray, normal), 0.045)[:, None]
    )
    return np.asarray(lit + shine * hit.open[:, None], np.float32)


def duck() -> Form:
    """The duck, looking a little past the camera."""
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    body = [
        (r * np.sin(a), y, r * np.cos(a))
        for a in angles
        for r, y in ((2.2, 0.05), (3.4, 2.4), (2.4, 4.4))
    ]
    head = [(0.9 + 2 * np.sin(a), y, 1.5 + 2 * np.cos(a)) for a in angles for y in (5.6, 7.4)]
    parts = (np.asarray(body, np.float32), np.asarray(head, np.float32))
    return Form(_distance, _paint, (-4.9, 0.0, -4.9), (4.9, 8.7, 4.9), parts, 0.3, 3.5)
