# SPDX-License-Identifier: Apache-2.0
"""What a lint reads of a release: all of it, opened once, never changed. No judgement here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.details import Details, NoDetails, method
from kiosk.catalog.joined import Joined
from kiosk.catalog.lint.findings import Shown, Thumbnail
from kiosk.catalog.manifest import (
    CALIBRATION,
    THUMBNAILS,
    Manifest,
    check_bytes,
    check_files,
    in_segment,
    read_manifest,
)
from kiosk.catalog.ordered import Ordered, ordered
from kiosk.catalog.stored import open_segments
from kiosk.catalog.trusted import Trust, trust
from kiosk.errors import CatalogError
from kiosk.values import Box, Record, Thresholds

Numbers = NDArray[np.int32]
Rows = NDArray[np.intp]
Halves = NDArray[np.float16]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Picture:
    """One enrolled picture."""

    number: int
    sku: int
    """Position of its SKU among the records."""
    name: str
    """Where it came from, relative to the source."""
    sha256: str
    thumbnail: Thumbnail
    box: Box
    """The item, in pixels of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """A release as a lint sees it. References are rows 0..N-1; a picture's rows follow each other,
    and so do the pictures of a SKU. What is under a tombstone is not in it.
    """

    path: Path
    manifest: Manifest
    records: tuple[Record, ...]
    pictures: tuple[Picture, ...]
    vectors: Halves
    """(N, D) unit length; may be mapped from the disk."""
    first: Rows
    """(P + 1,) first row of each picture, which is the picture as it is; at the end N."""
    owners: Numbers
    """(P,) position of each picture's SKU."""
    details: Details
    first_picture: Rows
    """(S + 1,) first picture of each SKU; at the end P."""
    trust: Trust
    """What the release says of itself."""

    @property
    def thresholds(self) -> Thresholds:
        return self.trust.calibration.thresholds

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Positions of the SKUs that the release itself calls look-alikes, by group."""
        place = {record.sku: number for number, record in enumerate(self.records)}
        found = self.trust.calibration.groups.values()
        return tuple(sorted(tuple(sorted(place[sku] for sku in skus)) for skus in found))

    def rows_of(self, picture: int) -> slice:
        """The references of a picture."""
        return slice(int(self.first[picture]), int(self.first[picture + 1]))

    def pictures_of(self, sku: int) -> range:
        """The pictures of a SKU."""
        return range(int(self.first_picture[sku]), int(self.first_picture[sku + 1]))

    def rows_of_sku(self, sku: int) -> slice:
        """The references of a SKU."""
        pictures = self.pictures_of(sku)
        return slice(int(self.first[pictures.start]), int(self.first[pictures.stop]))

    def plain(self, pictures: Rows | range | list[int]) -> Floats:
        """(len(pictures), D) the pictures as they are."""
        vectors: Floats = self.vectors[self.first[np.asarray(pictures, np.intp)]].astype(np.float32)
        return vectors

    def shown(self, picture: int, role: str = "") -> Shown:
        """How a finding names a picture."""
        found = self.pictures[picture]
        return Shown(picture, self.records[found.sku].sku, found.name, found.thumbnail, role)

    def thumbnail(self, picture: int) -> bytes:
        """JPEG. Raises CatalogError."""
        place = self.pictures[picture].thumbnail
        try:
            return place.read(self.path)
        except (OSError, ValueError, OverflowError) as error:
            raise CatalogError(f"{self.path / place.file}: {error}; restore the release") from error


@contextmanager
def opened(path: Path) -> Iterator[Content]:
    """The release folder `path`. Raises CatalogError when it is missing or damaged."""
    manifest = read_manifest(path)
    check_files(path, manifest)
    check_bytes(path, manifest, (CALIBRATION,))
    with closing(open_segments(path, manifest)) as joined:
        trusted = trust(path, manifest)
        if not all(set(joined.skus).issuperset(s) for s in trusted.calibration.groups.values()):
            raise CatalogError(
                f"{path}: its look-alikes are of another catalog; calibrate it again"
            )
        same = manifest.features == method()
        found = ordered(joined, details=manifest.features if same else "")
        yield Content(
            path=path,
            manifest=manifest,
            records=tuple(joined.record(sku) for sku in joined.skus),
            pictures=_pictures(joined, found),
            vectors=found.vectors,
            first=found.first,
            owners=found.owners,
            details=_details(manifest, found),
            first_picture=np.searchsorted(found.owners, np.arange(len(joined.skus) + 1)),
            trust=trusted,
        )


def _details(manifest: Manifest, found: Ordered) -> Details:
    if manifest.features in ("", method()):
        return found.details
    return NoDetails("off: this release was made for another second look, build it again")


def _pictures(joined: Joined, found: Ordered) -> tuple[Picture, ...]:
    pictures = []
    for number, (entry, at) in enumerate(zip(found.pictures, found.numbers.tolist(), strict=True)):
        file = in_segment(joined.segment_of(at).name, THUMBNAILS)
        place = Thumbnail(file, entry.thumbnail.start, entry.thumbnail.bytes)
        pictures.append(Picture(number, entry.sku, entry.name, entry.sha256, place, entry.box))
    return tuple(pictures)
