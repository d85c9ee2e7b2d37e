# SPDX-License-Identifier: Apache-2.0
"""Measuring a release again without its pictures: a new release that differs in what it believes.

Everything that did not change is shared with the old release where the disk allows it (hard links),
and copied where not. The new release appears whole and durable or not at all, as after a build.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from kiosk.catalog.calibrate import RISK
from kiosk.catalog.calibration import Calibration
from kiosk.catalog.details import method
from kiosk.catalog.earlier import share_file
from kiosk.catalog.manifest import CALIBRATION, GATE, PROBES, Manifest, verify
from kiosk.catalog.measuring import finished
from kiosk.catalog.probes import read_probes
from kiosk.catalog.strangers import Strangers
from kiosk.catalog.work import Workplace, check_free, publish, workplace, writing
from kiosk.errors import CatalogError


def recalibrate(
    release: Path,
    out: Path,
    *,
    strangers: Strangers,
    risk: float = RISK,
    replace: bool = False,
) -> tuple[Manifest, Calibration]:
    """Make the release folder `out` from `release`, calibrated for `risk`.

    The same release and strangers give the same bytes. Raises CatalogError when the release is
    damaged, older than this program, or `out` is taken, BusyError when it is being made, StateError
    when the disk refuses.
    """
    out, release = out.resolve(), release.resolve()
    check_free(out, replace=replace)
    manifest = verify(release)
    if not (release / PROBES).is_file():
        raise CatalogError(
            f"{release}: {PROBES} is missing, so it cannot be measured again; build the catalog "
            "again from its pictures"
        )
    if manifest.features not in ("", method()):
        raise CatalogError(
            f"{release}: was made for another second look; build the catalog again from its "
            "pictures"
        )
    read_probes(release / PROBES, manifest.pictures, manifest.dimension)  # before anything is made
    with writing(out.parent), workplace(out) as work:
        kept = dataclasses.replace(
            manifest,
            files=tuple(each for each in manifest.files if each.name not in (CALIBRATION, GATE)),
        )
        _share(release, work, kept)
        made = finished(work.release, kept, strangers, risk)
        publish(work, out, replace=replace)
    return made


def _share(release: Path, work: Workplace, manifest: Manifest) -> None:
    """The unchanged files of the release in the workplace."""
    for entry in manifest.files:
        share_file(release / entry.name, work.release / entry.name)
