# SPDX-License-Identifier: Apache-2.0
"""Local features: the places of a crop that are told from all others, for the second look.

SIFT, rooted, projected to 48 small numbers. References and frames go through this one function:
two ways would be two spaces, so everything that shapes a feature is in `method()`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.errors import ModelError
from kiosk.values import POINT, TONES, Box, Features, Pixels
from kiosk.vision.boxes import clip, grown
from kiosk.vision.image import crop, resize

SIDE = 384
"""Pixels the longer side of a crop is brought to; measured, see the README."""
MOST_POINTS = 400
MARGIN = 0.04
"""Shown around a box, of its side: a box that cuts off the print's edge loses text."""
MOST_ENLARGED = 2.0
LEAST_SIDE = 24
"""A crop thinner than this many pixels at its final size has no features."""
_CONTRAST = 0.02
_VERSION = 1
_STEPS = 200.0
_PROJECTION = Path(__file__).with_name("projection.npy")

Floats = NDArray[np.float32]


def method() -> str:
    """Names everything that shapes a feature: other names cannot be compared."""
    recipe = f"{SIDE} {MOST_POINTS} {MARGIN} {MOST_ENLARGED} {_CONTRAST} {_STEPS} {TONES}"
    digest = hashlib.sha256(recipe.encode() + _PROJECTION.read_bytes()).hexdigest()
    return f"sift{POINT['descriptor'].shape[0]}-{_VERSION}-{digest[:8]}"


def features(pixels: Pixels, box: Box) -> Features:
    """Local features and colours of `box` in a BGR uint8 (H, W, 3) picture.

    The same bytes for the same pixels. A crop without detail has none. Raises ImageError for an
    empty box, ModelError when the projection is missing.
    """
    area = clip(grown(box, MARGIN), pixels.shape[1], pixels.shape[0])
    cut = crop(pixels, area, 0)
    height, width = cut.shape[:2]
    scale = min(SIDE / max(height, width), MOST_ENLARGED)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    tones = resize(cut, TONES, TONES)
    if min(size) < LEAST_SIDE:
        return Features(np.zeros(0, POINT), tones, size)
    return Features(_points(resize(cut, *size)), tones, size)


def rooted(cut: Pixels) -> tuple[list[cv2.KeyPoint], Floats]:
    """The most distinct points of a crop, best first, and their (N, 128) rooted descriptors.

    What `features` projects; the projection is learnt from this.
    """
    grey = cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY)
    found, raw = _sift().detectAndCompute(grey, None)
    # The order among equals must not depend on how OpenCV sorts.
    order = sorted(
        range(len(found)),
        key=lambda at: (-found[at].response, found[at].pt, found[at].size, found[at].angle),
    )[:MOST_POINTS]
    if not order:
        return [], np.zeros((0, 128), np.float32)
    table = np.asarray(raw, np.float32)[order]
    return [found[at] for at in order], np.sqrt(
        table / np.maximum(table.sum(axis=1, keepdims=True), 1e-6)
    )


def _points(cut: Pixels) -> NDArray[np.void]:
    chosen, described = rooted(cut)
    points = np.zeros(len(chosen), POINT)
    if not chosen:
        return points
    points["at"] = np.rint(64 * np.array([point.pt for point in chosen]).clip(0, 1000))
    points["size"] = np.rint(16 * np.log2([max(1.0, point.size) for point in chosen])).clip(0, 255)
    points["angle"] = np.rint(np.array([point.angle for point in chosen]) * 256 / 360) % 256
    points["descriptor"] = _projected(described)
    return points


def _projected(described: Floats) -> NDArray[np.int8]:
    """(N, 128) rooted SIFT as (N, 48) whole numbers of about equal length."""
    projection = _projection()
    seen = (described - projection[0]) @ projection[1:].T
    seen /= np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-6)
    return np.asarray(np.rint(seen * _STEPS).clip(-127, 127), np.int8)


@cache
def _sift() -> cv2.SIFT:
    return cv2.SIFT.create(nfeatures=MOST_POINTS, contrastThreshold=_CONTRAST)


@cache
def _projection() -> Floats:
    """(49, 128): mean and 48 main directions of rooted SIFT, from tools/fit_projection.py."""
    try:
        table: Floats = np.load(_PROJECTION, allow_pickle=False).astype(np.float32)
    except (OSError, ValueError) as error:
        raise ModelError(f"{_PROJECTION}: cannot be read ({error}); install again") from error
    if table.shape != (1 + POINT["descriptor"].shape[0], 128) or not np.isfinite(table).all():
        raise ModelError(f"{_PROJECTION}: is not a projection of SIFT; install again")
    return table
