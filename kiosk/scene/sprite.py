# SPDX-License-Identifier: Apache-2.0
"""Sprites: premultiplied pictures of one item, and how they are moved and laid over a frame.

The rule: a sprite's colour is already multiplied by its cover (alpha), so that shrinking never
bleeds the backdrop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.scene.view import Floats, Pixels, Pose, View


@dataclass(frozen=True, slots=True)
class Sprite:
    """Premultiplied BGRA uint8 (H, W, 4) with its top left at frame position (left, top)."""

    pixels: Pixels
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class Caster:
    """A convex point cloud (N, 3) in world cm whose shadow falls on the counter."""

    points: Floats


class Solid(Protocol):
    """One kind of item that can be drawn anywhere on the counter of one view."""

    def sprite(self, pose: Pose) -> Sprite:
        """The item at a pose, anti-aliased."""

    def casters(self, pose: Pose) -> Sequence[Caster]:
        """Convex parts that throw its shadow."""


def place(
    source: Pixels, matrix: NDArray[np.float64], corners: Sequence[tuple[float, float]]
) -> Sprite:
    """Warp premultiplied BGRA pixels by an affine (2, 3) or perspective (3, 3) matrix to frame
    positions.

    `corners` are frame positions whose bounds the sprite must hold.
    """
    spots = np.asarray(corners, np.float64)
    left, top = np.floor(spots.min(axis=0)).astype(int) - 2
    right, bottom = np.ceil(spots.max(axis=0)).astype(int) + 3
    size = (int(right - left), int(bottom - top))
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
    if matrix.shape == (2, 3):
        full = shift @ np.vstack([matrix, [0, 0, 1]])
        moved = cv2.warpAffine(source, full[:2], size, flags=cv2.INTER_LINEAR)
    else:
        moved = cv2.warpPerspective(source, shift @ matrix, size, flags=cv2.INTER_LINEAR)
    return Sprite(np.asarray(moved, np.uint8), int(left), int(top))


def lay(frame: Pixels, sprite: Sprite) -> tuple[slice, slice, slice, slice] | None:
    """Lay a sprite over a BGR frame in place; returns the frame and sprite windows, or None when
    outside.
    """
    windows = overlap(frame.shape[:2], sprite)
    if windows is None:
        return None
    rows, columns, own_rows, own_columns = windows
    part = np.ascontiguousarray(sprite.pixels[own_rows, own_columns])
    keep = cv2.merge([255 - part[:, :, 3]] * 3)
    target = np.ascontiguousarray(frame[rows, columns])
    dimmed = cv2.multiply(target, keep, scale=1 / 255)
    frame[rows, columns] = cv2.add(dimmed, np.ascontiguousarray(part[:, :, :3]))
    return windows


def overlap(shape: tuple[int, ...], sprite: Sprite) -> tuple[slice, slice, slice, slice] | None:
    """Frame rows, frame columns, sprite rows and sprite columns where a sprite meets a frame of
    this shape.
    """
    height, width = sprite.pixels.shape[:2]
    y0, y1 = max(0, sprite.top), min(shape[0], sprite.top + height)
    x0, x1 = max(0, sprite.left), min(shape[1], sprite.left + width)
    if y0 >= y1 or x0 >= x1:
        return None
    return (
        slice(y0, y1),
        slice(x0, x1),
        slice(y0 - sprite.top, y1 - sprite.top),
        slice(x0 - sprite.left, x1 - sprite.left),
    )


def feathered(colour: Pixels, cover: Pixels) -> tuple[Pixels, Pixels]:
    """Colour grown a pixel beyond the cover, whose edge is softened: no dark rim shows."""
    outside = np.asarray(cover == 0, np.uint8)
    grown = colour.copy()
    cv2.copyTo(cv2.dilate(colour, np.ones((3, 3), np.uint8)), outside, grown)
    return grown, np.asarray(cv2.GaussianBlur(cover, (3, 3), 0.7), np.uint8)


def premultiplied(colour: Pixels, cover: Pixels) -> Pixels:
    """BGR colour (H, W, 3) and cover (H, W) joined to premultiplied BGRA, ready to be shrunk.

    The light blur keeps outlines from stepping when `place` samples every second pixel.
    """
    scaled = cv2.multiply(colour, cv2.merge([cover] * 3), scale=1 / 255)
    blue, green, red = cv2.split(scaled)
    joined = cv2.merge([blue, green, red, cover])
    return np.asarray(cv2.GaussianBlur(joined, (3, 3), 0.75), np.uint8)


def shift_matrix(view: View, anchors: Floats, rest: Pose, pose: Pose) -> NDArray[np.float64]:
    """Affine (2, 3) that carries a picture drawn at `rest` to `pose`, fitted to anchor points (N,
    3).
    """
    move = np.array([pose.x - rest.x, pose.lift - rest.lift, pose.z - rest.z], np.float32)
    before = view.project(anchors).astype(np.float64)
    after = view.project(anchors + move).astype(np.float64)
    ones = np.column_stack([before, np.ones(len(before))])
    solution = np.linalg.lstsq(ones, after, rcond=None)[0]
    return np.asarray(solution.T)
