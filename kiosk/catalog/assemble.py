# SPDX-License-Identifier: Apache-2.0
"""Putting the files of a release together from enrolled pictures, in one fixed order.

Row order is picture order; a picture's views follow each other. The manifest is written last, and
everything is on the disk before the caller gives the folder its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog import manifest as manifests
from kiosk.catalog import records
from kiosk.catalog.calibrate import MAX_QUERIES, Calibration, calibrate
from kiosk.catalog.details import NoDetails, method, stored, write_details
from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.leave_out import Probes, References
from kiosk.catalog.manifest import (
    FEATURES,
    PICTURES,
    RECORDS,
    THUMBNAILS,
    VECTORS,
    FileEntry,
    Manifest,
    ModelName,
)
from kiosk.catalog.records import PictureEntry
from kiosk.catalog.sources import SourcePicture
from kiosk.catalog.work import Result, Workplace
from kiosk.durable import sha256_of, sync_tree
from kiosk.errors import CatalogError
from kiosk.values import Record
from kiosk.vision.augment import CAMERA
from kiosk.vision.session import Card


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A picture whose result is in the workplace under `key`."""

    picture: SourcePicture
    digest: str
    """sha256 of the picture's bytes."""
    key: str
    probed: bool = False
    """Its result holds local features of camera views."""


def assemble(
    work: Workplace,
    enrolled: Sequence[Enrolled],
    known: Mapping[str, Record],
    enrolment: Enrolment,
) -> Manifest:
    """Write the whole release to `work.release`, durably. Raises OSError, sqlite3.Error."""
    folder = work.release
    (folder / THUMBNAILS).mkdir(parents=True)
    skus = sorted({one.picture.sku for one in enrolled})
    place = {sku: number for number, sku in enumerate(skus)}
    entries = [_thumbnail(work, one, place[one.picture.sku], folder) for one in enrolled]
    rows = sum(len(entry.views) for entry in entries)
    _write_vectors(work, enrolled, folder / VECTORS, rows, enrolment.embedder.dimension)
    names = {entry.thumbnail for entry in entries} | {VECTORS, RECORDS}
    if enrolment.details:
        found = (_result(work, one).features[0] for one in enrolled)
        write_details(folder, found, len(enrolled))
        names |= {FEATURES, PICTURES}
    calibration = _calibrated(work, enrolled, entries, details=enrolment.details)
    records.write_records(
        folder / RECORDS, (known[sku] for sku in skus), entries, calibration.contested
    )
    manifest = manifests.sealed(
        Manifest(
            release="",
            built_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            skus=len(skus),
            pictures=len(entries),
            references=rows,
            dimension=enrolment.embedder.dimension,
            embedder=_name(enrolment.embedder.card),
            detector=_name(enrolment.locator.card),
            augmentation=_recipes(entries, enrolment),
            thresholds=calibration.thresholds,
            files=tuple(_file(folder, name) for name in sorted(names)),
            features=method() if enrolment.details else "",
        )
    )
    (folder / manifests.NAME).write_bytes(manifests.to_json(manifest))
    sync_tree(folder)
    return manifest


def _result(work: Workplace, one: Enrolled) -> Result:
    result = work.find(one.key)
    if result is None:
        raise CatalogError(f"{work.path}: was changed during the build; run the build again")
    return result


def _thumbnail(work: Workplace, one: Enrolled, sku: int, folder: Path) -> PictureEntry:
    """Write the thumbnail; pictures that are equal share one."""
    result = _result(work, one)
    name = f"{THUMBNAILS}/{one.digest[:16]}.jpg"
    (folder / name).write_bytes(result.thumbnail)
    return PictureEntry(sku, one.picture.name, one.digest, name, result.box, result.views)


def _write_vectors(
    work: Workplace, enrolled: Sequence[Enrolled], path: Path, rows: int, dimension: int
) -> None:
    """(rows, dimension) float16 in C order, row by row: memory does not grow with the catalog."""
    header = {"descr": "<f2", "fortran_order": False, "shape": (rows, dimension)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for one in enrolled:
            file.write(_result(work, one).vectors.astype("<f2").tobytes())


def _calibrated(
    work: Workplace,
    enrolled: Sequence[Enrolled],
    entries: Sequence[PictureEntry],
    *,
    details: bool,
) -> Calibration:
    """Measured with the camera views of evenly chosen pictures: memory stays bounded."""
    vectors: NDArray[np.float16] = np.load(
        work.release / VECTORS, mmap_mode="r", allow_pickle=False
    )
    counts = [len(entry.views) for entry in entries]
    references = References(
        vectors=vectors,
        skus=np.repeat(np.array([entry.sku for entry in entries], np.int32), counts),
        pictures=np.repeat(np.arange(len(entries), dtype=np.int32), counts),
        views=np.concatenate([np.arange(count, dtype=np.int32) for count in counts]),
        details=stored(work.release, len(entries)) if details else NoDetails(),
    )
    most = min(len(entries), MAX_QUERIES // len(CAMERA))
    probed = [number for number, one in enumerate(enrolled) if one.probed and details]
    spread = np.linspace(0, len(entries) - 1, most).astype(np.int32)
    chosen = np.union1d(spread, np.array(probed, np.int32))
    results = [_result(work, enrolled[int(number)]) for number in chosen]
    count = len(CAMERA)
    probes = Probes(
        np.concatenate([result.probes[:count] for result in results]), np.repeat(chosen, count)
    )
    looked = Probes(
        np.concatenate([result.probes[count:] for result in results]),
        np.repeat(chosen, [len(result.probes) - count for result in results]),
        tuple(found for result in results for found in result.features[1:]),
    )
    return calibrate(references, probes, looked)


def _recipes(entries: Sequence[PictureEntry], enrolment: Enrolment) -> tuple[str, ...]:
    """The recipes that were used, in words."""
    used = {view for entry in entries for view in entry.views}
    return tuple(str(view) for view in enrolment.views(mirrored=True) if view.name in used)


def _file(folder: Path, name: str) -> FileEntry:
    path = folder / name
    return FileEntry(name, path.stat().st_size, sha256_of(path))


def _name(card: Card) -> ModelName:
    return ModelName(card.name, card.version, card.sha256)
