# SPDX-License-Identifier: Apache-2.0
"""Putting the files of a release together from enrolled pictures, in one fixed order.

Row order is picture order; a picture's views follow each other. The manifest is written last, and
everything is on the disk before the caller gives the folder its name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from kiosk import __version__
from kiosk.catalog import manifest as manifests
from kiosk.catalog import records
from kiosk.catalog.calibrate import Listing, calibrate
from kiosk.catalog.calibration import Basis, Calibration, to_json
from kiosk.catalog.details import NoDetails, method, stored, write_details
from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.leave_out import Probes, References, evenly
from kiosk.catalog.manifest import (
    CALIBRATION,
    FEATURES,
    PICTURES,
    PROBES,
    RECORDS,
    THUMBNAILS,
    VECTORS,
    FileEntry,
    Manifest,
    ModelName,
)
from kiosk.catalog.probes import read_probes, write_probes
from kiosk.catalog.records import PictureEntry, Records
from kiosk.catalog.sources import SourcePicture
from kiosk.catalog.strangers import Strangers
from kiosk.catalog.work import Result, Workplace
from kiosk.durable import sha256_of, sync_tree
from kiosk.errors import CatalogError
from kiosk.values import Record
from kiosk.vision.augment import CAMERA
from kiosk.vision.session import Card

MOST_PROBED_PICTURES = 3200
"""Pictures whose camera views a calibration uses: enough SKUs for a rate of 0.1 %, and bounded."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A picture whose result is in the workplace under `key`."""

    picture: SourcePicture
    digest: str
    """sha256 of the picture's bytes."""
    key: str
    probed: bool = False
    """Its result holds local features of camera views."""
    lasting: str = ""
    """The key that it would have were it not probed: which pictures are, changes with every build,
    and what a release holds of a picture does not depend on it. Empty: `key`."""


def assemble(
    work: Workplace,
    enrolled: Sequence[Enrolled],
    known: Mapping[str, Record],
    enrolment: Enrolment,
    strangers: Strangers,
    risk: float,
    *,
    base: Path | None = None,
    models: Mapping[str, Path] = MappingProxyType({}),
) -> tuple[Manifest, Calibration]:
    """Write the whole release to `work.release`, durably; `risk`: the wrong-accept rate asked for.

    `base`: a release folder whose segments are used again for the pictures that have not changed
    (same `lasting` key, SKU and name); the answers are those of a release without it. Only results
    of other pictures and of those that are probed are asked of `work`. `models`: files that the
    release brings along, by name below `models/`. Raises OSError, sqlite3.Error, CatalogError.
    """
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
    records.write_records(folder / RECORDS, (known[sku] for sku in skus), entries)
    write_probes(folder / PROBES, *_probes(work, enrolled, details=enrolment.details))
    return finished(
        folder,
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
            files=tuple(_file(folder, name) for name in sorted({*names, PROBES})),
            features=method() if enrolment.details else "",
        ),
        strangers,
        risk,
    )


def finished(
    folder: Path, manifest: Manifest, strangers: Strangers, risk: float
) -> tuple[Manifest, Calibration]:
    """Measure the release in `folder`, write what was found, and the manifest last; durably.

    `manifest` lists all other files. Raises CatalogError, OSError.
    """
    calibration = measured(folder, manifest, strangers, risk)
    (folder / CALIBRATION).write_bytes(to_json(calibration))
    files = {entry.name: entry for entry in (*manifest.files, _file(folder, CALIBRATION))}
    ordered = tuple(entry for _, entry in sorted(files.items()))
    manifest = manifests.sealed(dataclasses.replace(manifest, files=ordered))
    (folder / manifests.NAME).write_bytes(manifests.to_json(manifest))
    sync_tree(folder)
    return manifest, calibration


def measured(folder: Path, manifest: Manifest, strangers: Strangers, risk: float) -> Calibration:
    """What the release in `folder` may believe, from its own files. Raises CatalogError."""
    vectors: NDArray[np.float16] = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
    digests = {entry.name: entry.sha256 for entry in manifest.files}
    basis = Basis(
        embedder=manifest.embedder.sha256,
        vectors=digests[VECTORS],
        features=manifest.features,
        strangers=strangers.sha256,
        program=__version__,
    )
    opened = Records.open(folder / RECORDS)
    try:
        references = References(
            vectors=vectors,
            skus=opened.owners,
            pictures=opened.pictures,
            views=opened.view_numbers(),
            details=stored(folder, manifest.pictures) if manifest.features else NoDetails(),
        )
        listing = Listing(opened.skus, opened.kinds)
    finally:
        opened.close()
    probes = read_probes(folder / PROBES, manifest.pictures, manifest.dimension)
    return calibrate(references, *probes, strangers, listing=listing, basis=basis, risk=risk)


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


def _probes(
    work: Workplace, enrolled: Sequence[Enrolled], *, details: bool
) -> tuple[Probes, Probes]:
    """Camera views of evenly chosen pictures, the first of every SKU before any other's second;
    and those that were looked at in detail. Memory stays bounded.
    """
    first: dict[str, int] = {}
    for number, one in enumerate(enrolled):
        first.setdefault(one.picture.sku, number)
    firsts = evenly(np.array(sorted(first.values()), np.intp), MOST_PROBED_PICTURES)
    others = np.setdiff1d(np.arange(len(enrolled)), firsts)
    more = evenly(others, MOST_PROBED_PICTURES - len(firsts))
    looked = [number for number, one in enumerate(enrolled) if one.probed and details]
    chosen = np.union1d(np.union1d(firsts, more), np.array(looked, np.intp)).astype(np.int32)
    results = [_result(work, enrolled[int(number)]) for number in chosen]
    count = len(CAMERA)
    return Probes(
        np.concatenate([result.probes[:count] for result in results]), np.repeat(chosen, count)
    ), Probes(
        np.concatenate([result.probes[count:] for result in results]),
        np.repeat(chosen, [len(result.probes) - count for result in results]),
        tuple(found for result in results for found in result.features[1:]),
    )


def _recipes(entries: Sequence[PictureEntry], enrolment: Enrolment) -> tuple[str, ...]:
    """The recipes that were used, in words."""
    used = {view for entry in entries for view in entry.views}
    return tuple(str(view) for view in enrolment.views(mirrored=True) if view.name in used)


def _file(folder: Path, name: str) -> FileEntry:
    path = folder / name
    return FileEntry(name, path.stat().st_size, sha256_of(path), office=name == PROBES)


def _name(card: Card) -> ModelName:
    return ModelName(card.name, card.version, card.sha256)
