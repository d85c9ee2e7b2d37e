# SPDX-License-Identifier: Apache-2.0
"""Free forms (jewellery, toys): traced once from a distance field, then moved over the counter as a
picture.

A form is traced for the nearest of a few turns; the small rest of a turn is a rotation of its mid
plane, which the eye cannot tell from a new tracing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.scene.light import display, unit
from kiosk.scene.sprite import Caster, Sprite, feathered, place, premultiplied
from kiosk.scene.view import Floats, Pixels, Pose, View, turned

STEPS = 72
NEAR = 0.004
BLOCK = 6

Distance = Callable[[Floats], Floats]
"""Signed distance (N,) in cm of points (N, 3) in the form's own axes."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Surface points in the form's own axes and in the world's: points, normals and view directions
    (N, 3), light share (N,).
    """

    points: Floats
    normals: Floats
    directions: Floats
    open: Floats
    turn: float

    def to_world(self, vectors: Floats) -> Floats:
        """Directions of the form's axes in world axes."""
        return turned(vectors, Pose(turn=self.turn))


@dataclass(frozen=True, slots=True)
class Form:
    """A shape: its field, its paint (linear BGR (N, 3) of a hit), its bounds and the parts that
    throw shadows.
    """

    distance: Distance
    paint: Callable[[Hit], Floats]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    parts: tuple[Floats, ...]
    turn_step: float
    middle: float


class Relief:
    """A free form in one view."""

    def __init__(self, form: Form, view: View, step: float = 0.5) -> None:
        self._form = form
        self._view = view
        self._step = step
        self._pictures: dict[int, tuple[Pixels, float, float]] = {}

    def sprite(self, pose: Pose) -> Sprite:
        """The form at a pose."""
        base = round(pose.turn / self._form.turn_step)
        if base not in self._pictures:
            self._pictures[base] = self._trace(base * self._form.turn_step)
        picture, left, top = self._pictures[base]
        local = np.array([[self._step, 0, left], [0, self._step, top], [0, 0, 1]], np.float64)
        matrix = self._plane_turn(pose, pose.turn - base * self._form.turn_step) @ local
        rows, columns = picture.shape[:2]
        ends = np.array([[(0, 0), (columns, 0), (0, rows), (columns, rows)]], np.float64)
        return place(picture, matrix, [tuple(c) for c in cv2.perspectiveTransform(ends, matrix)[0]])

    def casters(self, pose: Pose) -> Sequence[Caster]:
        """The form's convex parts."""
        return [Caster(turned(part, pose)) for part in self._form.parts]

    def _plane_turn(self, pose: Pose, angle: float) -> np.ndarray:
        """Frame homography that moves the plane at the form's middle height from rest to a pose."""
        (x0, _, z0), (x1, _, z1) = self._form.low, self._form.high
        level = self._form.middle
        flat = np.array(
            [[x0, level, z0], [x1, level, z0], [x1, level, z1], [x0, level, z1]], np.float32
        )
        before = self._view.project(flat)
        after = self._view.project(turned(flat, Pose(pose.x, pose.z, angle, pose.lift)))
        return np.asarray(cv2.getPerspectiveTransform(before, after))

    def _trace(self, turn: float) -> tuple[Pixels, float, float]:
        view, form = self._view, self._form
        (x0, y0, z0), (x1, y1, z1) = form.low, form.high
        box = np.array(
            [(x, y, z) for x in (x0, x1) for y in (y0, y1) for z in (z0, z1)], np.float32
        )
        spots = view.project(turned(box, Pose(turn=turn)))
        left, top = (float(v) for v in np.floor(spots.min(axis=0)) - 3)
        right, bottom = np.ceil(spots.max(axis=0)) + 3
        columns, rows = int((right - left) / self._step), int((bottom - top) / self._step)
        back = Pose(turn=-turn)
        eye = turned(view.eye[None], back)[0]
        wide = turned(
            view.rays(
                left, top, -(-columns // BLOCK), -(-rows // BLOCK), self._step * BLOCK
            ).reshape(-1, 3),
            back,
        )
        spread = 0.75 * BLOCK * self._step / view.focal
        starts = _march(form, eye, wide, box, spread).reshape(-(-rows // BLOCK), -1)
        starts = np.repeat(np.repeat(starts, BLOCK, axis=0)[:rows], BLOCK, axis=1)[:, :columns]
        rays = turned(view.rays(left, top, columns, rows, self._step).reshape(-1, 3), back)
        depth = _march(form, eye, rays, box, 0.0, starts.ravel())
        found = np.flatnonzero(np.isfinite(depth))
        colour = np.zeros((rows * columns, 3), np.float32)
        points = eye + rays[found] * depth[found][:, None]
        normals = _normals(form.distance, points)
        hit = Hit(points, normals, rays[found], _openness(form.distance, points, normals), turn)
        colour[found] = form.paint(hit)
        cover = np.zeros(rows * columns, np.uint8)
        cover[found] = 255
        shown = display(colour.reshape(rows, columns, 3))
        return premultiplied(*feathered(shown, cover.reshape(rows, columns))), left, top


def _march(
    form: Form, eye: Floats, rays: Floats, box: Floats, spread: float, starts: Floats | None = None
) -> Floats:
    """Distance along each ray to the surface, inf where it is missed.

    With `spread` (width per distance) a ray is a cone: it stops where the cone first may touch.
    """
    low, high = box.min(axis=0), box.max(axis=0)
    margin = np.float32(spread * 2 * 60.0)
    inverse = 1.0 / np.where(np.abs(rays) < 1e-7, np.float32(1e-7), rays)
    first, second = (low - margin - eye) * inverse, (high + margin - eye) * inverse
    enter = np.minimum(first, second).max(axis=1)
    leave = np.maximum(first, second).min(axis=1)
    if starts is not None:
        enter = np.maximum(enter, starts)
    depth = np.full(len(rays), np.inf, np.float32)
    live = np.flatnonzero((leave > enter) & (leave > 0))
    t = np.maximum(enter[live], 0).astype(np.float32)
    for _ in range(STEPS):
        if live.size == 0:
            break
        gap = form.distance(eye + rays[live] * t[:, None])
        close = gap < np.maximum(t * np.float32(spread), np.float32(NEAR))
        depth[live[close]] = t[close]
        t = t + gap
        keep = ~close & (t < leave[live])
        live, t = live[keep], t[keep]
    if live.size:
        close = form.distance(eye + rays[live] * t[:, None]) < max(8 * NEAR, 60 * spread)
        depth[live[close]] = t[close]
    return depth


def _normals(distance: Distance, points: Floats) -> Floats:
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)
    total = np.zeros_like(points)
    for corner in corners:
        total += corner * distance(points + corner * np.float32(0.006))[:, None]
    return unit(total)


def _openness(distance: Distance, points: Floats, normals: Floats) -> Floats:
    """Share of the sky a point sees, from five looks along its normal; the counter counts as an
    obstacle.
    """
    shade = np.zeros(len(points), np.float32)
    weight = 1.0
    for reach in (0.08, 0.2, 0.45, 0.9, 1.5):
        probe = points + normals * np.float32(reach)
        free = np.minimum(distance(probe), probe[:, 1] * 0.8)
        shade += weight * np.clip((reach - free) / reach, 0, 1)
        weight *= 0.62
    return np.asarray(np.clip(1 - shade * 0.42, 0.08, 1), np.float32)


def circle_parts(radius: float, tube: float, count: int = 20) -> tuple[Floats, ...]:
    """Shadow parts of a ring that lies on the counter."""
    parts = []
    for index in range(count):
        cloud = []
        for a in (index * math.tau / count, (index + 1.1) * math.tau / count):
            for r in (radius - tube, radius + tube):
                for y in (0.15 * tube, 1.6 * tube):
                    cloud.append((r * math.sin(a), y, r * math.cos(a)))
        parts.append(np.asarray(cloud, np.float32))
    return tuple(parts)
