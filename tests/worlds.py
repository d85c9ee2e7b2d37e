# SPDX-License-Identifier: Apache-2.0
"""Made-up catalogs whose truth is known: items around shared themes, and views around items."""

from __future__ import annotations

import numpy as np

from kiosk.catalog.calibrate import Listing, calibrate
from kiosk.catalog.calibration import Basis, Calibration
from kiosk.catalog.leave_out import Probes, References
from kiosk.catalog.samples import Samples, measure
from kiosk.catalog.strangers import Strangers, none

DIMENSION = 32
BASIS = Basis("e" * 64, "f" * 64, "", "", "test")
NOBODY = none("nobody was asked")


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


class World:
    """Items around shared themes, so that some strangers resemble items; views around items."""

    def __init__(self, seed: int, spread: float = 1.2) -> None:
        self.random = np.random.default_rng(seed)
        self.themes = unit(self.random.standard_normal((12, DIMENSION)))
        self.spread = spread

    def items(self, count: int) -> np.ndarray:
        theme = self.themes[self.random.integers(0, len(self.themes), count)]
        noise = unit(self.random.standard_normal((count, DIMENSION)))
        return unit(theme + self.spread * noise)

    def views(self, items: np.ndarray, count: int, noise: float = 0.35) -> np.ndarray:
        """(items, count, D); the first view is the item as it is."""
        wobble = unit(self.random.standard_normal((len(items), count, DIMENSION))) * noise
        wobble[:, 0] = 0
        return unit(items[:, None] + wobble)


def catalog(
    world: World, items: np.ndarray, pictures_per_sku: int = 1
) -> tuple[References, Probes]:
    """References of (pictures, D) items, six views each, and five probes of each picture."""
    views = world.views(items, 6)
    picture = np.repeat(np.arange(len(items), dtype=np.int32), 6)
    references = References(
        vectors=views.reshape(-1, DIMENSION).astype(np.float16),
        skus=picture // pictures_per_sku,
        pictures=picture,
        views=np.tile(np.arange(6, dtype=np.int32), len(items)),
    )
    return references, probes_of(world, items)


def probes_of(world: World, items: np.ndarray, count: int = 5) -> Probes:
    seen = photos(world, items, count)
    numbers = np.repeat(np.arange(len(items), dtype=np.int32), count)
    return Probes(seen.reshape(-1, DIMENSION).astype(np.float16), numbers)


def photos(world: World, items: np.ndarray, count: int = 1) -> np.ndarray:
    """(items, count, D): as the camera sees them."""
    return world.views(items, count + 1, noise=0.6)[:, 1:]


def similarities(references: References, queries: np.ndarray) -> np.ndarray:
    return queries @ references.vectors.astype(np.float32).T


def outsiders(vectors: np.ndarray) -> Strangers:
    return Strangers(unit(vectors).astype(np.float32), "a" * 64, "")


def samples_of(
    table: tuple[References, Probes],
    looked: Probes | None = None,
    strangers: Strangers = NOBODY,
) -> Samples:
    return measure(*table, looked, strangers)


def listed(skus: int, categories: int = 0) -> Listing:
    """SKUs s000, s001, …; with categories they take turns."""
    names = [f"c{number % categories}" if categories else "" for number in range(skus)]
    return Listing([f"s{number:03}" for number in range(skus)], names)


def calibrated_world(
    table: tuple[References, Probes],
    looked: Probes | None = None,
    strangers: Strangers = NOBODY,
    *,
    risk: float = 0.001,
    categories: int = 0,
) -> Calibration:
    skus = int(table[0].skus.max()) + 1
    listing = listed(skus, categories)
    return calibrate(*table, looked, strangers, listing=listing, basis=BASIS, risk=risk)
