# SPDX-License-Identifier: Apache-2.0
"""Catalog photos of the demo products, as a shop owner would take them: a light table, several
turns, no camera noise.
"""

import math
import random
from functools import lru_cache

import cv2
import numpy as np

from kiosk.scene.products import Product
from kiosk.scene.shadow import darken
from kiosk.scene.sprite import Solid, lay
from kiosk.scene.stock import build
from kiosk.scene.timeline import FLAT
from kiosk.scene.view import Floats, Pixels, Pose, View

SIZE = 640
DISTANCE = 58.0
FILL = 0.74
_SHOTS = (
    (43.0, 0.0),
    (43.0, 0.5),
    (43.0, -0.5),
    (43.0, 0.22),
    (43.0, -0.24),
    (51.0, 0.1),
    (37.0, -0.1),
)
_FLAT_SHOTS = ((43.0, 0.0), (43.0, 0.14), (43.0, -0.14), (43.0, 0.21), (51.0, 0.1), (37.0, -0.1))


def reference_views(product: Product, *, seed: int = 0) -> list[Pixels]:
    """Six catalog photos of a product, BGR uint8 640x640x3; the same for the same seed."""
    rng = random.Random(f"{product.sku}/{seed}")
    shots = _FLAT_SHOTS if product.category in FLAT else _SHOTS
    return [_photo(product, elevation, turn, rng) for elevation, turn in shots]


def _photo(product: Product, elevation: float, turn: float, rng: random.Random) -> Pixels:
    item, view = _framed(product.sku, elevation)
    pose = Pose(turn=turn + rng.uniform(-0.03, 0.03))
    picture = _table(rng.uniform(0.94, 1.0))
    darken(picture, view, item.casters(pose))
    lay(picture, item.sprite(pose))
    return _graded(picture, rng)


@lru_cache(maxsize=6)
def _framed(sku: str, elevation: float) -> tuple[Solid, View]:
    """The item and a view in which it fills most of the photo, centred."""
    probe = View(SIZE, SIZE, 1000.0, DISTANCE, math.radians(elevation), (0.0, 4.0, 0.0))
    clouds = [
        caster.points for t in (-0.3, 0.3) for caster in build(sku, probe).casters(Pose(turn=t))
    ]
    spots = probe.project(np.concatenate(clouds))
    low, high = spots.min(axis=0), spots.max(axis=0)
    focal = 1000.0 * FILL * SIZE / float((high - low).max())
    middle = ((low + high) / 2 - SIZE / 2) * focal / 1000.0
    # A shifted lens, not a turned camera, brings the item to the middle.
    width, height = (SIZE - 2 * round(float(v)) for v in middle)
    view = View(width, height, focal, DISTANCE, probe.elevation, probe.target)
    return build(sku, view, 1.0), view


@lru_cache(maxsize=1)
def _sweep() -> Floats:
    """Paper sweep: bright where the lamp falls, a little darker towards the corners."""
    axis = np.linspace(-1, 1, SIZE, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    tone = 238 - 26 * (0.6 * (x - 0.25) ** 2 + 0.8 * (y + 0.15) ** 2)
    return np.asarray(tone[..., None] * np.array([0.985, 0.995, 1.0], np.float32), np.float32)


def _table(level: float) -> Pixels:
    return np.asarray(np.clip(_sweep() * level, 0, 255), np.uint8)


def _graded(picture: Pixels, rng: random.Random) -> Pixels:
    """The small differences between one photo and the next: exposure, white balance, focus."""
    gain = rng.uniform(0.94, 1.05)
    warm = rng.uniform(-0.03, 0.03)
    balance = np.array([1 - warm, 1.0, 1 + warm], np.float32) * gain
    soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.8))
    return np.asarray(np.clip(soft * balance, 0, 255), np.uint8)
