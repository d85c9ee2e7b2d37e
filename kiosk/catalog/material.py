# SPDX-License-Identifier: Apache-2.0
"""Writing one segment from pictures, taken one at a time: memory does not grow with their number.

Equal pictures in the same order are equal bytes, wherever they come from: results of an enrolment,
or a segment that is written anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.details import write_details
from kiosk.catalog.manifest import (
    FEATURES,
    PICTURES,
    PROBES,
    QUERIES,
    RECORDS,
    SEGMENTS,
    THUMBNAILS,
    VECTORS,
    FileEntry,
    SegmentEntry,
    in_segment,
)
from kiosk.catalog.records import PictureEntry, Place, write_records
from kiosk.durable import sha256_of
from kiosk.values import POINT, TONES, Box, Features, Record

_SCRATCH = "new"
_NOTHING = Features(np.zeros(0, POINT), np.zeros((TONES, TONES, 3), np.uint8), (1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """One enrolled picture, as a segment holds it."""

    sku: str
    name: str
    sha256: str
    key: str
    box: Box
    views: tuple[str, ...]
    vectors: NDArray[np.float16]
    """(views, D), unit length."""
    thumbnail: bytes
    """JPEG."""
    features: Features | None
    custom: str = ""
    """Its custom content."""


def write_segment(
    folder: Path,
    records: Sequence[Record],
    pictures: Iterable[Material],
    *,
    queries: NDArray[np.float16],
    details: bool,
) -> tuple[SegmentEntry, tuple[FileEntry, ...]]:
    """Write a segment into the release in `folder`, not yet durably; `details`: with local
    features. `records`: one of each SKU, and of SKUs without a picture in here. `queries`: (M, D)
    camera views of some of the pictures. Raises OSError, sqlite3.Error.
    """
    scratch = folder / SEGMENTS / _SCRATCH
    scratch.mkdir(parents=True)
    place = {record.sku: number for number, record in enumerate(records)}
    entries: list[PictureEntry] = []
    with (scratch / THUMBNAILS).open("wb") as jpegs, (scratch / VECTORS).open("wb") as vectors:
        written = _Written(jpegs, vectors, queries.shape[1], place, entries)
        found = (written.add(one) for one in pictures)
        if details:
            write_details(scratch, found)
        else:
            for _ in found:
                pass
        written.close()
    np.save(scratch / QUERIES, queries.astype(np.float16), allow_pickle=False)
    write_records(scratch / RECORDS, records, entries)
    names = [VECTORS, RECORDS, THUMBNAILS, QUERIES, *([FEATURES, PICTURES] if details else [])]
    files = [file_entry(scratch, name) for name in sorted(names)]
    content = json.dumps([[each.name, each.sha256] for each in files])
    name = hashlib.sha256(content.encode()).hexdigest()[:16]
    scratch.rename(scratch.with_name(name))
    return SegmentEntry(name, len(entries), written.rows), tuple(
        FileEntry(in_segment(name, each.name), each.bytes, each.sha256) for each in files
    )


def file_entry(folder: Path, name: str) -> FileEntry:
    """What a manifest says of a file that was just made. Raises OSError."""
    path = folder / name
    return FileEntry(name, path.stat().st_size, sha256_of(path), office=name == PROBES)


class _Written:
    """The files that grow with each picture."""

    def __init__(
        self,
        jpegs: BinaryIO,
        vectors: BinaryIO,
        dimension: int,
        place: dict[str, int],
        entries: list[PictureEntry],
    ) -> None:
        self._jpegs, self._vectors, self._dimension = jpegs, vectors, dimension
        self._place, self._entries = place, entries
        self._places: dict[str, Place] = {}
        self.rows = 0
        self._header = self._write_header()

    def add(self, one: Material) -> Features:
        """Write all but the local features, which are given back."""
        at = self._places.get(one.sha256)
        if at is None:  # pictures that are equal share a thumbnail
            at = Place(self._jpegs.tell(), len(one.thumbnail))
            self._places[one.sha256] = at
            self._jpegs.write(one.thumbnail)
        self._vectors.write(one.vectors.astype("<f2").tobytes())
        self.rows += len(one.vectors)
        sku = self._place[one.sku]
        entry = PictureEntry(sku, one.name, one.sha256, one.key, at, one.box, one.views, one.custom)
        self._entries.append(entry)
        return one.features if one.features is not None else _NOTHING

    def close(self) -> None:
        """Write the number of rows where it belongs: numpy leaves room for any."""
        self._vectors.seek(0)
        if self._write_header() != self._header:
            raise AssertionError("the header of an array has grown over its numbers")

    def _write_header(self) -> int:
        header = {"descr": "<f2", "fortran_order": False, "shape": (self.rows, self._dimension)}
        np.lib.format.write_array_header_1_0(self._vectors, header)
        return self._vectors.tell()
