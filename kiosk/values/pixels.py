# SPDX-License-Identifier: Apache-2.0
"""Pixels and where things lie in them.

Pixels are BGR uint8 arrays (H, W, 3), OpenCV's order, everywhere; boxes are in frame pixels with
the origin at the top left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""BGR image, (H, W, 3) uint8."""

Embedding = NDArray[np.float32]
"""Unit-length vector of a crop, (D,) float32."""


@dataclass(frozen=True, slots=True)
class Box:
    """`x1, y1, x2, y2` in frame pixels, float, origin top left, x2/y2 exclusive."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def as_list(self) -> list[float]:
        """The four numbers, rounded to a tenth of a pixel, for pages, logs and JSON."""
        return [round(float(value), 1) for value in (self.x1, self.y1, self.x2, self.y2)]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One captured image. `pixels` may be borrowed from a camera: copy what outlives the loan."""

    pixels: Pixels
    sequence: int
    """Counts up from 0 for each opened camera; gaps are dropped frames."""
    captured_ns: int
    """Monotonic time of capture in nanoseconds (`time.monotonic_ns`)."""
    lores: Pixels | None = None
    """The same view at a lower resolution, BGR, when the camera gives one for nothing."""

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class Detection:
    """An item is here: a class-agnostic box and the locator's score in 0..1."""

    box: Box
    score: float
