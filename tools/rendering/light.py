# SPDX-License-Identifier: Apache-2.0
"""From points in space to a lit picture: turning, perspective, fitting, coverage, light.

Owns the view's geometry and light. Points on screen are x right, y down, in pixels. Light is
neutral in colour: what a camera does to colours is the training augmentation's business.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.rendering.design import F32, U8, Rng

GRID = 65
"""Points a side at which light and curved surfaces are worked out; between them it is linear."""
FINE = 3
"""Coverage is drawn this many times finer and averaged."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How an item is seen: turned about the upright axis, tipped, rolled (radians), and how near.

    `near` is the camera's distance in item sizes; smaller bends more.
    """

    yaw: float
    pitch: float
    roll: float
    near: float


def pose(rng: Rng) -> Pose:
    """Mostly from the front and a little above; half of the items lie turned on the counter."""
    yaw = float(np.clip(rng.normal(0, 0.45), -1.0, 1.0))
    pitch = float(np.clip(rng.normal(0.2, 0.3), -0.35, 0.9))
    roll = rng.normal(0, 0.12) if rng.random() < 0.55 else rng.uniform(-np.pi, np.pi)
    return Pose(yaw, pitch, float(roll), float(rng.uniform(2.6, 6.0)))


FRONT = Pose(0.0, 0.0, 0.0, 50.0)


def rotation(at: Pose) -> np.ndarray:
    """3×3: x right, y down, z away from the camera."""
    cy, sy, cp, sp = np.cos(at.yaw), np.sin(at.yaw), np.cos(at.pitch), np.sin(at.pitch)
    cr, sr = np.cos(at.roll), np.sin(at.roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y)


def project(points: np.ndarray, at: Pose) -> np.ndarray:
    """Screen points (n, 2), in item units, of points in space (n, 3)."""
    turned = points @ rotation(at).T
    size = float(np.abs(points).max()) * 2
    depth = turned[:, 2:] / size + at.near
    return np.asarray(turned[:, :2] / depth * at.near)


def fitting(points: np.ndarray, side: int, rng: Rng | None) -> np.ndarray:
    """The 3×3 scale and shift that puts `points` into a side×side picture, nearly filling it."""
    low, high = points.min(0), points.max(0)
    share = 0.96 if rng is None else rng.uniform(0.88, 0.98)
    scale = side * share / float((high - low).max())
    spare = (side - (high - low) * scale) / 2
    drift = spare * (np.zeros(2) if rng is None else rng.uniform(-0.6, 0.6, 2))
    shift = spare + drift - low * scale - 0.5  # pixel centres are whole numbers
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]])


def moved(warp: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (n, 2) through a 3×3 perspective map."""
    out = np.column_stack([points, np.ones(len(points))]) @ warp.T
    return np.asarray(out[:, :2] / out[:, 2:])


def coverage(polygons: list[np.ndarray], side: int) -> U8:
    """How much of each pixel lies inside any of the polygons, 0..255."""
    fine = np.zeros((side * FINE, side * FINE), np.uint8)
    for polygon in polygons:
        corners = np.round((polygon + 0.5) * FINE * 16 - 8).astype(np.int32)
        cv2.fillPoly(fine, [corners], 255, cv2.LINE_8, 4)
    return np.asarray(cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def shrunk_for(face: U8, pixels: float) -> U8:
    """The face, halved until a warp to a length of `pixels` no longer skips any of it."""
    while max(face.shape[:2]) > 1.9 * pixels and min(face.shape[:2]) > 8:
        half = (max(1, face.shape[1] // 2), max(1, face.shape[0] // 2))
        face = np.asarray(cv2.resize(face, half, interpolation=cv2.INTER_AREA), np.uint8)
    return face


def ramp(rng: Rng, strength: float) -> F32:
    """A smooth light field GRID×GRID around 1: one slope and one soft shadow or bright patch."""
    ys, xs = np.mgrid[-1:1:65j, -1:1:65j].astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    field = 1 + strength * (xs * np.cos(turn) + ys * np.sin(turn))
    x, y = rng.uniform(-1, 1, 2)
    width = rng.uniform(0.2, 0.9)
    patch = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / width)
    field = field * (1 + rng.uniform(-0.8, 0.6) * strength * patch)
    return np.asarray(field, np.float32)


def highlight(rng: Rng, gloss: float) -> F32:
    """Added light GRID×GRID, 0..255: a lamp mirrored as a soft spot or streak, often none."""
    if rng.random() > gloss:
        return np.zeros((GRID, GRID), np.float32)
    ys, xs = np.mgrid[-1:1:65j, -1:1:65j].astype(np.float32)
    turn, (x, y) = rng.uniform(0, np.pi), rng.uniform(-0.7, 0.7, 2)
    along = (xs - x) * np.cos(turn) + (ys - y) * np.sin(turn)
    across = -(xs - x) * np.sin(turn) + (ys - y) * np.cos(turn)
    spot = np.exp(-((along / rng.uniform(0.1, 0.9)) ** 2) - (across / rng.uniform(0.05, 0.22)) ** 2)
    return np.asarray(spot * rng.uniform(40, 190), np.float32)


def lit(colour: U8, alpha: U8, field: F32, shine: F32) -> U8:
    """BGRA: the colours times the light field (below 2) plus the shine (0..255).

    Field and shine may be coarser than the picture. Eight bits all the way: this runs for every
    view of a training.
    """
    columns, rows = alpha.shape[1], alpha.shape[0]

    def fine(values: F32) -> U8:
        small = cv2.convertScaleAbs(values)
        if small.shape != alpha.shape:
            small = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.merge([small] * 3), np.uint8)

    bright = cv2.multiply(colour, fine(field * np.float32(128)), scale=1 / 128)
    if shine.any():
        bright = cv2.add(bright, fine(shine))
    return np.asarray(cv2.merge([*cv2.split(bright), alpha]), np.uint8)
