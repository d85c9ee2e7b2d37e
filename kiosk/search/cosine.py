# SPDX-License-Identifier: Apache-2.0
"""The one place where a similarity is made: the cosine of unit vectors, never beyond -1 and 1.

References are stored as float16, whose rounding leaves a vector up to 0.0002 longer or shorter than
1, and files up to 2 % are let in: unbounded, an item beside its own picture reads 1.0003.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def similarities(queries: Floats, references: Floats) -> Floats:
    """(Q, N) similarities of (Q, D) queries to (N, D) references, or (N,) of one query (D,)."""
    near: Floats = queries @ references.T
    return np.clip(near, -1.0, 1.0, out=near)
