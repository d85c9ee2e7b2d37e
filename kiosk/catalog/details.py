# SPDX-License-Identifier: Apache-2.0
"""The local features of a segment: two files, one entry for each of its pictures.

`features.bin` holds the points of all pictures, one after another; `pictures.npy` says which of
them belong to which picture, and its colours. A release without them, or with those of another
method, opens all the same and has no second look.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kiosk import verify
from kiosk.catalog.manifest import FEATURES, PICTURES
from kiosk.errors import CatalogError
from kiosk.values import POINT, Features
from kiosk.vision import features as vision
from kiosk.vision.packed import PICTURE, head
from kiosk.vision.packed import pack as pack
from kiosk.vision.packed import unpack as unpack

COMPARED_SKUS = 10
"""Candidates that the second look compares: a SKU that similarity puts eighth can still win."""
COMPARED_PICTURES = 2
"""Of each of them, those pictures that the search found nearest."""
SWITCHED_OFF = "off: switched off by verify.on"
MAX_SIDE_PX = 4096
READ_WHOLE_BYTES = 32 * 1024 * 1024
"""A mapped file that somebody cuts short kills the process; what is small is read whole."""


class Details(Protocol):
    """Where the local features of catalog pictures come from."""

    @property
    def name(self) -> str:
        """What the second look of this release is, or why there is none."""
        ...

    def of(self, picture: int) -> Features | None:
        """Those of a picture by its number; None when the release has none."""
        ...


class NoDetails:
    """A release without local features."""

    def __init__(self, reason: str = "off: this release has no local features") -> None:
        self._reason = reason

    @property
    def name(self) -> str:
        return self._reason

    def of(self, picture: int) -> Features | None:
        return None


class StoredDetails:
    """The local features of a segment. Safe to use from several threads."""

    def __init__(self, points: NDArray[np.void], pictures: NDArray[np.void], name: str) -> None:
        self._points = points
        self._pictures = pictures
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def of(self, picture: int) -> Features | None:
        entry = self._pictures[picture]
        start, count = int(entry["start"]), int(entry["count"])
        size = int(entry["width"]), int(entry["height"])
        return Features(self._points[start : start + count], entry["tones"], size)


def method() -> str:
    """Names how this program makes, compares and weighs local features."""
    return f"{vision.method()}+{verify.method()}"


def stored(path: Path, count: int) -> StoredDetails:
    """The local features of `count` pictures, in this program's method. Raises CatalogError."""
    points = _mapped(path / FEATURES)
    pictures = _table(path / PICTURES)
    starts, counts = (pictures[name].astype(np.int64) for name in ("start", "count"))
    sides = np.stack([pictures["width"], pictures["height"]])
    if (
        len(pictures) != count
        or not ((starts >= 0) & (starts <= len(points)) & (counts <= len(points) - starts)).all()
        or not ((sides >= 1) & (sides <= MAX_SIDE_PX)).all()
    ):
        raise CatalogError(f"{path / PICTURES}: does not fit {FEATURES}; build the catalog again")
    return StoredDetails(points, pictures, f"on: {method()}")


def write_details(folder: Path, pictures: Iterable[Features]) -> None:
    """Write both files, taking the pictures one at a time. Raises OSError."""
    heads = []
    start = 0
    with (folder / FEATURES).open("wb") as file:
        for found in pictures:
            heads.append(head(found, start))
            start += len(found.points)
            file.write(found.points.astype(POINT).tobytes())
    table = np.concatenate([np.zeros(0, PICTURE), *heads])
    np.save(folder / PICTURES, table, allow_pickle=False)


def _mapped(path: Path) -> NDArray[np.void]:
    """The points, which have no header: their number follows from the size of the file."""
    try:
        size = path.stat().st_size
        if size % POINT.itemsize:
            raise ValueError(f"{size} bytes are no whole number of points")
        if size <= READ_WHOLE_BYTES:  # also because an empty file cannot be mapped
            return np.fromfile(path, POINT)
        return np.memmap(path, POINT, mode="r")
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path}: cannot be read ({error}); build the catalog again") from error


def _table(path: Path) -> NDArray[np.void]:
    try:
        table: NDArray[np.void] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path}: cannot be read ({error}); build the catalog again") from error
    if table.dtype != PICTURE or table.ndim != 1:
        raise CatalogError(
            f"{path}: holds {table.dtype} {table.shape}, not a table of pictures; build the "
            "catalog again"
        )
    return table
