# SPDX-License-Identifier: Apache-2.0
"""Can this be a picture? Cheap measures of each frame, taken where its pixels are still at hand."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import CameraGarbage
from kiosk.values import Pixels

_STEP = 16
"""Every 16th row and column: 1 in 256 pixels tells a blank or a repeated picture."""


def check_shape(pixels: Pixels, width: int, height: int) -> None:
    """Raise CameraGarbage unless `pixels` is BGR uint8 of the agreed size."""
    if pixels.shape != (height, width, 3) or pixels.dtype != np.uint8:
        raise CameraGarbage(
            f"The camera sends {pixels.dtype} pictures of shape {pixels.shape} where "
            f"{width}x{height} in colour was agreed."
        )


class Measure:
    """Spread and repetition of one camera's frames, in their order."""

    def __init__(self) -> None:
        self._sample: NDArray[np.uint8] | None = None
        self._sum: int | None = None

    def of(self, pixels: Pixels) -> tuple[float, bool]:
        """Largest standard deviation of a channel, and whether the frame repeats the last one."""
        sample = pixels[::_STEP, ::_STEP].copy()
        alike = self._sample is not None and np.array_equal(sample, self._sample)
        # Only look-alikes are worth a sum of all their bytes. The first one has nothing to be held
        # against and counts as a repetition; one alone is not a fault.
        checksum = zlib.crc32(np.ascontiguousarray(pixels).data) if alike else None
        repeats = alike and self._sum in (None, checksum)
        self._sample, self._sum = sample, checksum
        spread = float(sample.reshape(-1, 3).std(axis=0).max())
        return round(spread, 2), repeats
