# SPDX-License-Identifier: Apache-2.0
"""What lives in a release, in one order whatever its segments: by SKU, then by picture name.

Measuring and linting see a release so, and a release that was built on another gives the same as
one that was built from nothing. Memory stays bounded: what has to be put together lies in a file.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.details import Details, NoDetails
from kiosk.catalog.joined import Joined, rows_of
from kiosk.catalog.leave_out import References
from kiosk.catalog.records import PictureEntry
from kiosk.catalog.stored import StoredSegment
from kiosk.values import Features

_CHUNK_ROWS = 8192
_IN_MEMORY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """P living pictures with N references; a picture's follow each other."""

    pictures: tuple[PictureEntry, ...]
    """(P,) `sku` is the position in `owners`' numbering, that of `Joined.skus`."""
    numbers: NDArray[np.intp]
    """(P,) the number that each picture has in the release."""
    owners: NDArray[np.int32]
    """(P,) position of each picture's SKU."""
    first: NDArray[np.intp]
    """(P + 1,) first row of each picture, which is the picture as it is; at the end N."""
    vectors: NDArray[np.float16]
    """(N, D) unit length; may be mapped from the disk."""
    details: Details
    """Local features by place in this order."""

    def references(self) -> References:
        """As a calibration sees them."""
        counts = np.diff(self.first)
        pictures = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        views = np.arange(len(pictures)) - np.repeat(self.first[:-1], counts)
        skus = np.repeat(self.owners, counts)
        return References(self.vectors, skus, pictures, views.astype(np.int32), self.details)


class _Renumbered:
    """Local features by place in the order."""

    def __init__(self, joined: Joined, numbers: NDArray[np.intp], name: str) -> None:
        self._joined, self._numbers, self.name = joined, numbers, name

    def of(self, picture: int) -> Features | None:
        return self._joined.features(int(self._numbers[picture]))


def ordered(joined: Joined, *, details: str) -> Ordered:
    """The living pictures of a release of stored segments, which must stay open. `details`: what to
    call its local features; empty: there are none.
    """
    found: list[tuple[int, str, int, PictureEntry]] = []
    for segment, gone, start in zip(
        joined.segments, joined.dead, joined.picture_starts.tolist()[:-1], strict=True
    ):
        assert isinstance(segment, StoredSegment)
        places = [joined.place.get(sku, -1) for sku in segment.skus]
        for number, entry in enumerate(segment.entries()):
            if not gone[number]:
                found.append((places[entry.sku], entry.name, start + number, entry))
    found.sort(key=lambda one: one[:3])
    numbers = np.array([number for _, _, number, _ in found], np.intp)
    starts = np.searchsorted(joined.pictures, numbers)
    counts = np.searchsorted(joined.pictures, numbers, side="right") - starts
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    rows = np.repeat(starts - first[:-1], counts) + np.arange(first[-1])
    return Ordered(
        pictures=tuple(replace(entry, sku=owner) for owner, _, _, entry in found),
        numbers=numbers,
        owners=np.array([owner for owner, _, _, _ in found], np.int32),
        first=first,
        vectors=_gathered(joined, rows),
        details=_Renumbered(joined, numbers, details) if details else NoDetails(),
    )


def _gathered(joined: Joined, rows: NDArray[np.intp]) -> NDArray[np.float16]:
    if len(joined.segments) == 1 and np.array_equal(rows, np.arange(len(joined.owners))):
        return joined.segments[0].vectors
    source = rows_of(joined)
    shape = (len(rows), source.dimension)
    made: NDArray[np.float16]
    if 2 * shape[0] * shape[1] <= _IN_MEMORY_BYTES:
        made = np.empty(shape, np.float16)
    else:
        with tempfile.TemporaryFile() as scratch:  # what is mapped outlives its name
            made = np.memmap(scratch, np.float16, "w+", shape=shape)
    for start in range(0, len(rows), _CHUNK_ROWS):
        made[start : start + _CHUNK_ROWS] = source.take(rows[start : start + _CHUNK_ROWS])
    return made
