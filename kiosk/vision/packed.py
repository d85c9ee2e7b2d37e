# SPDX-License-Identifier: Apache-2.0
"""Local features as bytes: the one form in which releases, builds and refusals keep them.

A head of fixed size (PICTURE), then the points. What is read back is held against its length, not
trusted: files are damaged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiosk.values import POINT, TONES, Features

PICTURE = np.dtype(
    [
        ("start", "<u8"),
        ("count", "<u4"),
        ("width", "<u2"),
        ("height", "<u2"),
        ("tones", "u1", (TONES, TONES, 3)),
    ]
)


def pack(found: Features) -> bytes:
    """Features as bytes; `unpack` gives them back."""
    return head(found, 0).tobytes() + found.points.astype(POINT).tobytes()


def unpack(data: bytes) -> tuple[Features, ...]:
    """All Features that were packed one behind the other in `data`.

    Raises ValueError when it ends in the middle of one.
    """
    found = []
    at = 0
    while at < len(data):
        entry = np.frombuffer(data, PICTURE, 1, at)[0]
        at += PICTURE.itemsize
        points = np.frombuffer(data, POINT, int(entry["count"]), at)
        at += points.nbytes
        size = int(entry["width"]), int(entry["height"])
        found.append(Features(points, entry["tones"], size))
    return tuple(found)


def head(found: Features, start: int) -> NDArray[np.void]:
    """(1,) PICTURE: all but the points, which begin at point number `start` of their file."""
    entry = np.zeros(1, PICTURE)
    entry["start"], entry["count"] = start, len(found.points)
    entry["width"], entry["height"] = found.size
    entry["tones"] = found.tones
    return entry
