# SPDX-License-Identifier: Apache-2.0
"""What a lint reads of a release: all of it, opened once, never changed. No judgement here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.details import Details, open_details
from kiosk.catalog.lint.findings import Shown
from kiosk.catalog.manifest import (
    CALIBRATION,
    FEATURES,
    PICTURES,
    RECORDS,
    VECTORS,
    Manifest,
    check_bytes,
    check_files,
    read_manifest,
)
from kiosk.catalog.records import Records
from kiosk.catalog.trusted import Trust, trust
from kiosk.errors import CatalogError
from kiosk.values import Box, Record, Thresholds

Numbers = NDArray[np.int32]
Rows = NDArray[np.intp]
Halves = NDArray[np.float16]
Floats = NDArray[np.float32]

_PICTURES = "SELECT sku, name, sha256, thumbnail, x1, y1, x2, y2 FROM pictures ORDER BY id"


@dataclass(frozen=True, slots=True)
class Picture:
    """One enrolled picture."""

    number: int
    sku: int
    """Position of its SKU among the records."""
    name: str
    """Where it came from, relative to the source."""
    sha256: str
    thumbnail: str
    """File in the release, relative."""
    box: Box
    """The item, in pixels of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """A release as a lint sees it. References are rows 0..N-1; a picture's rows follow each other,
    and so do the pictures of a SKU.
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
        path = self.path / self.pictures[picture].thumbnail
        try:
            return path.read_bytes()
        except OSError as error:
            raise CatalogError(f"{path}: {error.strerror}; restore the release") from error


@contextmanager
def opened(path: Path) -> Iterator[Content]:
    """The release folder `path`. Raises CatalogError when it is missing or damaged."""
    manifest = read_manifest(path)
    check_files(path, manifest)
    check_bytes(path, manifest, (VECTORS, RECORDS, FEATURES, PICTURES, CALIBRATION))
    records = Records.open(path / RECORDS)
    with closing(records):
        pictures = _pictures(path / RECORDS)
        vectors = _vectors(path, manifest)
        first = np.searchsorted(records.pictures, np.arange(len(pictures) + 1))
        owners = np.array([picture.sku for picture in pictures], np.int32)
        ordered = (np.diff(owners) >= 0).all() and (np.diff(first) > 0).all()
        if not ordered or (np.diff(records.pictures) < 0).any() or first[-1] != len(vectors):
            raise CatalogError(f"{path}: its references are not in order; build the catalog again")
        trusted = trust(path, manifest)
        known = set(records.skus)
        if not all(known.issuperset(skus) for skus in trusted.calibration.groups.values()):
            raise CatalogError(
                f"{path}: its look-alikes are of another catalog; calibrate it again"
            )
        yield Content(
            path=path,
            manifest=manifest,
            records=tuple(records.records()),
            pictures=pictures,
            vectors=vectors,
            first=first,
            owners=owners,
            details=open_details(path, manifest),
            first_picture=np.searchsorted(owners, np.arange(len(records.skus) + 1)),
            trust=trusted,
        )


def _vectors(path: Path, manifest: Manifest) -> Halves:
    try:
        vectors: Halves = np.load(path / VECTORS, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path / VECTORS}: cannot be read ({error}); build it again") from error
    if vectors.dtype != np.float16 or vectors.shape != (manifest.references, manifest.dimension):
        raise CatalogError(f"{path / VECTORS}: does not fit the manifest; build the catalog again")
    return vectors


def _pictures(path: Path) -> tuple[Picture, ...]:
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        ) as connection:
            rows = connection.execute(_PICTURES).fetchall()
    except sqlite3.Error as error:
        raise CatalogError(f"{path}: cannot be read ({error}); restore the release") from error
    return tuple(
        Picture(number, sku, name, digest, thumbnail, Box(*corners))
        for number, (sku, name, digest, thumbnail, *corners) in enumerate(rows)
    )
