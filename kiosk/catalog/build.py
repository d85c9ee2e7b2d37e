# SPDX-License-Identifier: Apache-2.0
"""Building a release from pictures: resumable, one result per picture, and nothing half-written.

The release appears at its place whole and durable or not at all. Killed at any moment and started
again, a build ends in the same bytes: results are kept as they come, everything is in one order,
and no clock enters the content.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kiosk.catalog.assemble import assemble
from kiosk.catalog.calibrate import RISK
from kiosk.catalog.calibration import Calibration
from kiosk.catalog.engines.jobs import Engine
from kiosk.catalog.engines.local import Local
from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.enrolling import Enrolling, Progress
from kiosk.catalog.enrolling import PictureReport as PictureReport
from kiosk.catalog.manifest import Manifest
from kiosk.catalog.sources import Source, read_source
from kiosk.catalog.strangers import load_strangers
from kiosk.catalog.work import check_free, publish, workplace, writing
from kiosk.errors import CatalogError, SourceError
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator

EngineOf = Callable[[Enrolment], Engine]
"""Makes the engine of a build from its models and settings."""


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
    prepare: tuple[str, ...] = ()
    """Steps of `kiosk.vision.prepare` done to pictures before they give references."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What was built and what was not."""

    out: Path
    manifest: Manifest
    enrolled: int
    kept: int
    """Of the pictures, those whose results were there from before."""
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


def build(
    source: Path | Source,
    out: Path,
    *,
    locator: Locator,
    embedder: Embedder,
    options: BuildOptions = BuildOptions(),
    engine: EngineOf = Local,
    cache: Path | None = None,
    base: Path | None = None,
    models: Mapping[str, Path] = MappingProxyType({}),
    progress: Progress = lambda report, done, total: None,
) -> BuildReport:
    """Build the release folder `out` from `source` (see `kiosk.catalog.sources`).

    `engine` makes what computes, by default this process; whichever it is, the release is the same.
    `cache`: a file that keeps results for later builds; None: they are kept until this one is done.
    `base`: a release whose blocks are used again where nothing changed. `models`: files that the
    release brings along, by name below `models/`.

    Pictures that cannot be used are reported and left out. Raises SourceError when nothing can be
    used, CatalogError when `out` is taken, BusyError when it is being built, ModelError when the
    strangers beside the embedder are damaged, EngineError when the engine cannot go on, StateError
    when the disk refuses; then `out` is as it was.
    """
    out = out.resolve()
    if isinstance(source, Path):
        _check_apart(out, source.resolve())
    check_free(out, replace=options.replace)
    strangers = load_strangers(embedder.card.path.parent, embedder=embedder.card.sha256)
    wanted = read_source(source) if isinstance(source, Path) else source
    enrolment = Enrolment(locator, embedder, options.augment, options.details, options.prepare)
    with writing(out.parent), workplace(out, cache) as work:
        enrolling = Enrolling(wanted, options.mirrored, enrolment, work.cache, progress)
        enrolling.run(engine(enrolment))
        if not enrolling.enrolled:
            where = "the source" if isinstance(source, Source) else source
            raise SourceError(f"{where}: none of its pictures can be used; see each one's reason")
        manifest, calibration = assemble(
            work,
            enrolling.enrolled,
            wanted.records,
            enrolment,
            strangers,
            options.risk,
            base=base,
            models=models,
        )
        publish(work, out, replace=options.replace)
        if cache is not None:
            work.cache.finish(each.key for each in enrolling.enrolled)
    return _reported(out, wanted, enrolling, manifest, calibration)


def _reported(
    out: Path, source: Source, done: Enrolling, manifest: Manifest, calibration: Calibration
) -> BuildReport:
    lost = sorted(set(source.records) - {one.picture.sku for one in done.enrolled})
    return BuildReport(
        out=out,
        manifest=manifest,
        enrolled=len(done.enrolled),
        kept=done.kept,
        failed=tuple(done.failed),
        warnings=source.warnings
        + tuple(f"{sku}: has no usable picture, not enrolled" for sku in lost),
        calibration=calibration,
    )


def _check_apart(out: Path, source: Path) -> None:
    if (source.is_dir() and out.is_relative_to(source)) or source.is_relative_to(out):
        raise CatalogError(f"{out}: lies inside the source, or the source in it; choose another")
