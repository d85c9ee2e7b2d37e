# SPDX-License-Identifier: Apache-2.0
"""What a crop shows in detail, and what comparing two crops finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POINT = np.dtype(
    [("at", "<u2", (2,)), ("size", "u1"), ("angle", "u1"), ("descriptor", "i1", (48,))]
)
"""One local feature: where it lies (64ths of a pixel of its crop), its diameter (16 * log2 pixels),
its direction (256ths of a turn) and what it looks like."""
TONES = 24
"""Side of the grid of mean colours that goes with local features."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What a crop shows in detail: its local features and, coarsely, its colours."""

    points: NDArray[np.void]
    """(N,) POINT, the most distinct first; N may be 0."""
    tones: NDArray[np.uint8]
    """(TONES, TONES, 3) mean BGR of the crop's cells."""
    size: tuple[int, int]
    """Width and height of the crop, in the pixels that the points count."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What the second look found: how far a crop shows the very print of a reference."""

    points: int
    """Places of the reference that were found again, in one arrangement."""
    coverage: float
    """Share of the reference's detail, as far as it is in view, that they cover, 0..1."""
    colour: float
    """Agreement of the colours there, whatever the light, 0..1."""
    strength: float
    """All of it as one calibrated number: 0 nothing was found, 1 this is the print."""
