# SPDX-License-Identifier: Apache-2.0
"""A segment of a release, opened from its folder: checked byte for byte once, then shared.

What is mapped stays readable when the folder is replaced; so does the file of thumbnails, which is
held open for that.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.details import READ_WHOLE_BYTES, Details, NoDetails, method, stored
from kiosk.catalog.joined import Joined
from kiosk.catalog.manifest import (
    FEATURES,
    PICTURES,
    RECORDS,
    THUMBNAILS,
    VECTORS,
    Manifest,
    SegmentEntry,
    check_bytes,
    in_segment,
    tombstones_of,
)
from kiosk.catalog.records import PictureEntry, Records
from kiosk.catalog.segment import Segment, Users, vector_fault
from kiosk.catalog.tombstones import read_tombstones
from kiosk.errors import CatalogError
from kiosk.values import Features, Record

_SEARCHED = (VECTORS, RECORDS, FEATURES, PICTURES)
"""What answers come from; the hash of the thumbnails is left to `verify`."""
_MOST_THUMBNAIL_BYTES = 4 * 1024 * 1024


class StoredSegment:
    """See `kiosk.catalog.segment.Segment`. Use `StoredSegment.open`."""

    def __init__(
        self,
        path: Path,
        name: str,
        vectors: NDArray[np.float16],
        records: Records,
        details: Details,
        thumbnails: int,
    ) -> None:
        self.path = path
        self.name = name
        self.file: Path | None = path / VECTORS
        self.vectors = vectors
        self.skus, self.kinds = records.skus, records.kinds
        self.owners, self.pictures = records.owners, records.pictures
        self.picture_count = records.picture_count
        self.barcodes = records.barcodes
        self._records = records
        self._details = details
        self._thumbnails = thumbnails
        self._users = Users(self._close)

    @classmethod
    def open(
        cls, release: Path, manifest: Manifest, entry: SegmentEntry, *, checked: bool = True
    ) -> StoredSegment:
        """Open a segment of the release folder `release`, whose sizes were checked.

        `checked`: every byte that answers come from is. Raises CatalogError.
        """
        path = release / in_segment(entry, "")
        if checked:
            check_bytes(release, manifest, [in_segment(entry, name) for name in _SEARCHED])
        vectors = _vectors(path / VECTORS, entry, manifest.dimension)
        if checked and (fault := vector_fault(vectors)):
            raise CatalogError(f"{path / VECTORS}: {fault}; build the catalog again")
        details: Details = NoDetails()
        if manifest.features == method():
            details = stored(path, entry.pictures)
        with ExitStack() as undo:
            records = Records.open(path / RECORDS)
            undo.callback(records.close)
            if (len(records.owners), records.picture_count) != (entry.references, entry.pictures):
                raise CatalogError(
                    f"{path}: records and manifest differ in number; build the catalog again"
                )
            thumbnails = _opened(path / THUMBNAILS)
            undo.pop_all()
        return cls(path, entry.name, vectors, records, details, thumbnails)

    def record(self, sku: str) -> Record:
        return self._records.record(sku)

    def records(self) -> list[Record]:
        """All of them, in the order of `skus`."""
        return self._records.records()

    def entries(self) -> list[PictureEntry]:
        """All pictures, by number."""
        return self._records.entries()

    def thumbnail(self, picture: int) -> bytes:
        place = self._records.thumbnail(picture)
        if place.bytes > _MOST_THUMBNAIL_BYTES:
            raise CatalogError(f"{self.path / RECORDS}: is damaged; restore the release")
        try:
            data = os.pread(self._thumbnails, place.bytes, place.start)
        except (OSError, ValueError, OverflowError) as error:
            raise CatalogError(f"{self.path / THUMBNAILS}: {error}; restore the file") from error
        if len(data) != place.bytes or data[:2] != b"\xff\xd8":
            raise CatalogError(
                f"{self.path / THUMBNAILS}: the thumbnail of picture {picture} is damaged; "
                "restore the file"
            )
        return data

    def features(self, picture: int) -> Features | None:
        return self._details.of(picture)

    def custom(self, picture: int) -> str:
        return self._records.custom(picture)

    def share(self) -> StoredSegment:
        self._users.join()
        return self

    def close(self) -> None:
        self._users.leave()

    def _close(self) -> None:
        self._records.close()
        os.close(self._thumbnails)


def open_segments(
    release: Path,
    manifest: Manifest,
    *,
    checked: bool = True,
    beside: Collection[Segment] = (),
) -> Joined:
    """All segments of the release folder `release`, whose sizes were checked, as one catalog.

    Those of `beside` that have the same content are shared. The caller closes what is given back.
    Raises CatalogError.
    """
    check_bytes(release, manifest, [tombstones_of(entry) for entry in manifest.segments])
    there = {segment.name: segment for segment in beside if segment.name}
    segments: list[Segment] = []
    with ExitStack() as undo:
        for entry in manifest.segments:
            segment: Segment | None = None
            if entry.name in there:
                with suppress(CatalogError):  # its last user has just left
                    segment = there[entry.name].share()
            if segment is None:
                segment = StoredSegment.open(release, manifest, entry, checked=checked)
            undo.callback(segment.close)
            segments.append(segment)
        dead = [read_tombstones(release, manifest, entry) for entry in manifest.segments]
        joined = Joined(segments, dead)
        counts = len(joined.skus), joined.picture_count, int(joined.live.sum())
        if counts != (manifest.skus, manifest.pictures, manifest.references):
            raise CatalogError(
                f"{release}: segments and manifest differ in number; build the catalog again"
            )
        if not joined.skus:
            raise CatalogError(
                f"{release}: the catalog is empty; build it from at least one picture"
            )
        undo.pop_all()
    return joined


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CatalogError(f"{path}: {error.strerror}; restore the file") from error


def _vectors(path: Path, entry: SegmentEntry, dimension: int) -> NDArray[np.float16]:
    try:
        small = path.stat().st_size <= READ_WHOLE_BYTES
        mode: Literal["r"] | None = None if small else "r"
        vectors: NDArray[np.float16] = np.load(path, mmap_mode=mode, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path}: cannot be read ({error}); build the catalog again") from error
    if vectors.dtype != np.float16 or vectors.shape != (entry.references, dimension):
        raise CatalogError(
            f"{path}: holds {vectors.dtype} {vectors.shape}, the manifest says float16 vectors "
            f"({entry.references}, {dimension}); build the catalog again"
        )
    return vectors
