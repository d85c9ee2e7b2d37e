# SPDX-License-Identifier: Apache-2.0
"""Tombstones: which pictures of a segment are gone, one bit for each, in a file beside it.

The file is cumulative: it says everything about its segment, whatever releases came between.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.manifest import Manifest, SegmentEntry, tombstones_of
from kiosk.errors import CatalogError


def write_tombstones(folder: Path, segment: SegmentEntry, dead: NDArray[np.bool_]) -> str:
    """Write the file for a segment of the release in `folder`; gives its name. Raises OSError."""
    name = tombstones_of(segment)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(np.packbits(dead).tobytes())
    return name


def read_tombstones(path: Path, manifest: Manifest, segment: SegmentEntry) -> NDArray[np.bool_]:
    """(pictures,) which are gone, of a segment of the release folder `path`. Raises CatalogError.

    Without the file none are.
    """
    name = tombstones_of(segment)
    if name not in {entry.name for entry in manifest.files}:
        return np.zeros(segment.pictures, np.bool_)
    try:
        bits = np.frombuffer((path / name).read_bytes(), np.uint8)
    except OSError as error:
        raise CatalogError(f"{path / name}: cannot be read ({error.strerror})") from error
    unpacked = np.unpackbits(bits).astype(np.bool_)
    rest = unpacked[segment.pictures :]
    if len(unpacked) < segment.pictures or len(rest) > 7 or rest.any():
        raise CatalogError(f"{path / name}: does not fit its segment; restore the release")
    return unpacked[: segment.pictures]
