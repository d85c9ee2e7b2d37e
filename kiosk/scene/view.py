# SPDX-License-Identifier: Apache-2.0
"""Pinhole view of the counter: world centimetres to frame pixels and back.

World axes: x right, y up, z towards the camera; the counter top is the plane y = 0. Every part of
the scene projects through this one class, so that items, shadows and counter agree to the pixel.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where an item stands: base centre in world cm and its turn about the vertical axis in
    radians.
    """

    x: float = 0.0
    z: float = 0.0
    turn: float = 0.0
    lift: float = 0.0


@dataclass(frozen=True, slots=True)
class View:
    """A pinhole camera: frame size in pixels, focal length too, eye and target in world cm."""

    width: int
    height: int
    focal: float
    distance: float
    elevation: float
    target: tuple[float, float, float]

    @property
    def eye(self) -> Floats:
        """Camera position, float32 (3,), world cm."""
        tx, ty, tz = self.target
        return np.array(
            [
                tx,
                ty + self.distance * math.sin(self.elevation),
                tz + self.distance * math.cos(self.elevation),
            ],
            np.float32,
        )

    @property
    def axes(self) -> Floats:
        """Rows: image right, image down and view direction in world axes, float32 (3, 3)."""
        s, c = math.sin(self.elevation), math.cos(self.elevation)
        return np.array([[1, 0, 0], [0, -c, s], [0, -s, -c]], np.float32)

    def project(self, points: Floats) -> Floats:
        """World points (N, 3) in cm to pixel positions (N, 2)."""
        local = (points - self.eye) @ self.axes.T
        depth = np.maximum(local[:, 2:3], 1e-3)
        centre = np.array([self.width / 2, self.height / 2], np.float32)
        return np.asarray(local[:, :2] / depth * self.focal + centre, np.float32)

    def rays(self, left: float, top: float, columns: int, rows: int, step: float) -> Floats:
        """Unit view rays (rows, columns, 3) for a pixel grid that starts at (left, top) with this
        step.
        """
        xs = (
            left + (np.arange(columns, dtype=np.float32) + 0.5) * step - self.width / 2
        ) / self.focal
        ys = (top + (np.arange(rows, dtype=np.float32) + 0.5) * step - self.height / 2) / self.focal
        grid = np.empty((rows, columns, 3), np.float32)
        right, down, ahead = self.axes
        grid[:] = xs[None, :, None] * right + ys[:, None, None] * down + ahead
        grid /= np.linalg.norm(grid, axis=2, keepdims=True)
        return grid

    def ground_matrix(self, pixels_per_cm: float, left: float, back: float) -> NDArray[np.float64]:
        """Homography from a plan drawing of the counter (origin at world x=left, z=back) to frame
        pixels.
        """
        scale = 1.0 / pixels_per_cm
        right, down, ahead = self.axes.astype(np.float64)
        eye = self.eye.astype(np.float64)
        origin = np.array([left, 0.0, back]) - eye
        plan = np.stack([np.array([scale, 0, 0]), np.array([0, 0, scale]), origin], axis=1)
        rows = np.stack([right, down, ahead]) @ plan
        lens = np.array(
            [[self.focal, 0, self.width / 2], [0, self.focal, self.height / 2], [0, 0, 1]]
        )
        return np.asarray(lens @ rows)


def counter_view(width: int, height: int) -> View:
    """The demo camera's view of the counter for a frame size in pixels."""
    reach = min(float(width), height * 4 / 3)
    return View(width, height, 1.46 * reach, 66.0, math.radians(43), (0.0, 4.6, 0.0))


def turned(points: Floats, pose: Pose) -> Floats:
    """Item points (N, 3) placed at a pose: turned about the vertical axis, then moved."""
    c, s = math.cos(pose.turn), math.sin(pose.turn)
    out = np.empty_like(points)
    out[:, 0] = c * points[:, 0] + s * points[:, 2] + pose.x
    out[:, 1] = points[:, 1] + pose.lift
    out[:, 2] = -s * points[:, 0] + c * points[:, 2] + pose.z
    return out
