# SPDX-License-Identifier: Apache-2.0
"""What enrolling one picture gives, whoever computed it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Box, Features


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What enrolling one picture gave."""

    box: Box
    note: str
    views: tuple[str, ...]
    thumbnail: bytes
    """JPEG."""
    vectors: NDArray[np.float16]
    """(views, D), unit length."""
    probes: NDArray[np.float16]
    """(P, D), unit length: the item as a camera may see it; see `augment.CAMERA`. Then those of
    the views that were taken for the second look."""
    features: tuple[Features, ...] = ()
    """Those of the picture as it is, then of these views; empty: no second look."""
