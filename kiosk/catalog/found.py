# SPDX-License-Identifier: Apache-2.0
"""What a snapshot gives beside matches, and what it was opened from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.manifest import Manifest
from kiosk.config import SearchConfig
from kiosk.values import Match


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match, and what a second look may compare."""

    match: Match
    pictures: tuple[int, ...]
    """Numbers of the SKU's pictures that the search found nearest, best first."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The references of one SKU."""

    rows: NDArray[np.intp]
    """(N,) rows in the snapshot."""
    vectors: NDArray[np.float32]
    """(N, D) unit length."""
    pictures: NDArray[np.int32]
    """(N,) number of the picture behind each."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a release lies, and how it is searched."""

    path: Path
    manifest: Manifest
    derived: Path
    """Where indexes are kept that were built over it."""
    config: SearchConfig
