# SPDX-License-Identifier: Apache-2.0
"""Building a release from pictures: resumable, one result per picture, and nothing half-written.

The release appears at its place whole and durable or not at all. Killed at any moment and started
again, a build ends in the same bytes: results are kept as they come, everything is in one order,
and no clock enters the content.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kiosk.catalog.assemble import Enrolled, assemble
from kiosk.catalog.calibrate import RISK
from kiosk.catalog.calibration import Calibration
from kiosk.catalog.enrol import MOST_PROBED, Enrolment
from kiosk.catalog.leave_out import evenly
from kiosk.catalog.manifest import Manifest
from kiosk.catalog.sources import Source, SourcePicture, read_source
from kiosk.catalog.strangers import load_strangers
from kiosk.catalog.work import Workplace, check_free, publish, workplace, writing
from kiosk.errors import CatalogError, EmbeddingError, ImageError, SourceError
from kiosk.vision.decode import read_bytes
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator


@dataclass(frozen=True, slots=True)
class BuildOptions:
    mirrored: bool = False
    """Enrol mirrored views of every SKU, except those whose list says `flip: no`."""
    augment: bool = True
    """False: one reference per picture, as it is."""
    replace: bool = False
    """Put the new release in the place of one that is there, at once."""
    details: bool = True
    """False: no local features; the release is smaller and has no second look."""
    risk: float = RISK
    """Wrong-accept rate asked for; what the release can state of it is in its calibration."""


@dataclass(frozen=True, slots=True)
class PictureReport:
    """What became of one picture, or of one SKU folder without any."""

    name: str
    sku: str
    code: str
    """Why it failed: an ImageError code, EmbeddingFailed or NoPictures. Empty: it is enrolled."""
    note: str


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What was built and what was not."""

    out: Path
    manifest: Manifest
    enrolled: int
    failed: tuple[PictureReport, ...]
    warnings: tuple[str, ...]
    calibration: Calibration

    @property
    def skus(self) -> int:
        return self.manifest.skus

    @property
    def exit_code(self) -> int:
        """For the command line: a release that lacks pictures is not a success."""
        return os.EX_DATAERR if self.failed else os.EX_OK


Progress = Callable[[PictureReport, int, int], None]
"""Called for each picture in order: its report, how many are done, how many there are."""


def build(
    source: Path,
    out: Path,
    *,
    locator: Locator,
    embedder: Embedder,
    options: BuildOptions = BuildOptions(),
    progress: Progress = lambda report, done, total: None,
) -> BuildReport:
    """Build the release folder `out` from `source` (see `kiosk.catalog.sources`).

    Pictures that cannot be used are reported and left out. Raises SourceError when nothing can be
    used, CatalogError when `out` is taken, BusyError when it is being built, ModelError when the
    strangers beside the embedder are damaged, StateError when the disk refuses; then `out` is as it
    was.
    """
    out = out.resolve()
    _check_target(out, source.resolve(), replace=options.replace)
    strangers = load_strangers(embedder.card.path.parent, embedder=embedder.card.sha256)
    wanted = read_source(source)
    enrolment = Enrolment(locator, embedder, options.augment, options.details)
    with writing(out.parent), workplace(out) as work:
        pictures = _Pictures(wanted, options, enrolment, work, progress)
        enrolled, failed = pictures.enrol_all()
        if not enrolled:
            raise SourceError(f"{source}: none of its pictures can be used; see each one's reason")
        manifest, calibration = assemble(
            work, enrolled, wanted.records, enrolment, strangers, options.risk
        )
        publish(work, out, replace=options.replace)
    lost = sorted(set(wanted.records) - {one.picture.sku for one in enrolled})
    warnings = wanted.warnings + tuple(
        f"{sku}: has no usable picture, not enrolled" for sku in lost
    )
    return BuildReport(out, manifest, len(enrolled), tuple(failed), warnings, calibration)


def _check_target(out: Path, source: Path, *, replace: bool) -> None:
    if (source.is_dir() and out.is_relative_to(source)) or source.is_relative_to(out):
        raise CatalogError(f"{out}: lies inside the source, or the source in it; choose another")
    check_free(out, replace=replace)


class _Pictures:
    """Goes through the pictures of a source in order."""

    def __init__(
        self,
        source: Source,
        options: BuildOptions,
        enrolment: Enrolment,
        work: Workplace,
        progress: Progress,
    ) -> None:
        self._source = source
        self._options = options
        self._enrolment = enrolment
        self._work = work
        self._progress = progress
        self._total = len(source.pictures) + len(source.empty)
        self._done = 0
        self._failed: list[PictureReport] = []

    def enrol_all(self) -> tuple[list[Enrolled], list[PictureReport]]:
        enrolled: list[Enrolled] = []
        first: dict[str, SourcePicture] = {}
        count = len(self._source.pictures)
        # Evenly chosen by place, so that a build that is resumed chooses the same.
        chosen = set(evenly(np.arange(count), MOST_PROBED).tolist())
        for number, picture in enumerate(self._source.pictures):
            probed = number in chosen
            try:
                data = read_bytes(picture.path, picture.name)
                digest = hashlib.sha256(data).hexdigest()
                mirrored = self._mirrored(picture.sku)
                key = self._enrolment.key(digest, mirrored, probed)
                note = self._note(key, data, picture.name, mirrored, probed)
            except ImageError as error:
                self._report(picture, error.code, str(error))
                continue
            except EmbeddingError as error:
                self._report(picture, "EmbeddingFailed", str(error))
                continue
            twin = first.setdefault(digest, picture)
            if twin is not picture and twin.sku == picture.sku:
                self._report(picture, "", f"the same picture as {twin.name}, counted once")
                continue
            if twin is not picture:
                note = f"the same picture as {twin.name} of SKU {twin.sku}"
            enrolled.append(Enrolled(picture, digest, key, probed))
            self._report(picture, "", note)
        for name in self._source.empty:
            self._report(
                SourcePicture(name, Path(), name), "NoPictures", f"{name}: holds no picture"
            )
        return enrolled, self._failed

    def _mirrored(self, sku: str) -> bool:
        source = self._source
        return sku in source.flips or (self._options.mirrored and sku not in source.fixed)

    def _note(self, key: str, data: bytes, name: str, mirrored: bool, probed: bool) -> str:
        """Enrol a picture unless that was done before; gives what is to be said of it."""
        result = self._work.find(key)
        if result is None:
            result = self._enrolment.enrol(data, name, mirrored, probed)
            self._work.keep(key, result)
        return result.note

    def _report(self, picture: SourcePicture, code: str, note: str) -> None:
        report = PictureReport(picture.name, picture.sku, code, note)
        if code:
            self._failed.append(report)
        self._done += 1
        self._progress(report, self._done, self._total)
