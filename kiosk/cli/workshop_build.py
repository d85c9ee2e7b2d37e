# SPDX-License-Identifier: Apache-2.0
"""Where a build of a workshop goes, what it starts from, and the line in the workshop's history.

The release has its id for a name, which is known only when it is finished: it is built under
another one beside it. The database is closed meanwhile: a build may take hours.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from kiosk.catalog.build import BuildReport
from kiosk.catalog.sources import Source
from kiosk.catalog.work import writing
from kiosk.durable import sync
from kiosk.errors import WorkshopError
from kiosk.workshop.folder import Workshop, workshop
from kiosk.workshop.repository import Built, Note

SCRATCH = "unfinished"
"""Name of a release, below the workshop's, that has none yet."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be built, where, and what it can start from."""

    source: Path | Source
    out: Path
    cache: Path | None
    base: Path | None
    replace: bool
    """A release may lie at `out` already."""


def build_workshop(
    folder: Path, wanted: Wanted, out: Path | None, build: Callable[[Wanted], BuildReport]
) -> BuildReport:
    """Build what the workshop holds now, on its last release, and note it in its history.

    `wanted` says what was asked for: its source and place are filled in here, its cache and base
    where there are none. `out`: where the release goes; None: into the workshop, by its id.
    """
    with ExitStack() as stack:
        with workshop(folder) as shop:
            source, seq = stack.enter_context(shop.source())
            wanted = replace(
                wanted,
                source=source,
                out=out or shop.releases / SCRATCH,
                cache=wanted.cache or shop.cache,
                base=wanted.base or _last_release(shop),
                # What lies there under that name was finished and never noted.
                replace=wanted.replace or out is None,
            )
        report = build(wanted)
    if out is None:
        report = replace(report, out=_named(report.out, report.manifest.release))
    _note(folder, report, seq)
    return report


def _last_release(shop: Workshop) -> Path | None:
    try:
        return shop.last_release()
    except WorkshopError:
        return None  # this is the first one


def _named(scratch: Path, release: str) -> Path:
    """Give a finished release its name; one that is there already is the same to the byte."""
    place = scratch.with_name(release)
    with writing(place.parent):
        if place.exists():
            shutil.rmtree(scratch)
        else:
            scratch.rename(place)
        sync(place.parent)
    return place


def _note(folder: Path, report: BuildReport, seq: int) -> None:
    manifest = report.manifest
    with workshop(folder) as shop:
        inside = report.out.parent == shop.releases.resolve()
        built = Built(manifest.release, report.out.name if inside else str(report.out), seq)
        figures = (
            ("skus", manifest.skus),
            ("pictures", manifest.pictures),
            ("computed", report.enrolled - report.kept),
            ("failed", len(report.failed)),
        )
        shop.repository.note_release(
            built, Note("build", f"release {manifest.release}", figures=figures)
        )
