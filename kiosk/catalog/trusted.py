# SPDX-License-Identifier: Apache-2.0
"""Which calibration a release is opened with: its own, when that is of this very release.

One that is missing, or was measured on another embedder, other vectors or other local features, is
not believed: then the kiosk shows what it finds and accepts nothing, and says so. One that is
damaged is an error like any other damaged file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.calibration import MAX_BYTES, Basis, Calibration, parse
from kiosk.catalog.manifest import CALIBRATION, Manifest
from kiosk.errors import CatalogError
from kiosk.values import NEVER_APART, Thresholds

UNMEASURED_CHOOSE = 0.5
"""Least similarity to be offered where nothing was measured. A person looks at what is offered."""


@dataclass(frozen=True, slots=True)
class Trust:
    """A calibration to decide by."""

    calibration: Calibration
    name: str
    """What it states, or why nothing is accepted, for people."""

    @property
    def on(self) -> bool:
        """It is believed."""
        return self.name.startswith("on")


def trust(path: Path, manifest: Manifest) -> Trust:
    """The calibration of the release folder `path`, whose bytes were checked before.

    Raises CatalogError when it is damaged or holds what no measurement gives.
    """
    if CALIBRATION not in {entry.name for entry in manifest.files}:
        return only_ask("this release was never calibrated", manifest)
    calibration = read_calibration(path)
    basis = calibration.basis
    pairs = (
        ("another embedder", basis.embedder, manifest.embedder.sha256),
        ("other vectors", basis.vectors, manifest.content),
        ("other local features", basis.features, manifest.features),
    )
    for what, measured, ours in pairs:
        if measured != ours:
            return only_ask(f"its calibration was measured on {what}", manifest)
    return Trust(calibration, _stated(calibration))


def read_calibration(path: Path) -> Calibration:
    """The calibration in the release folder `path`. Raises CatalogError."""
    file = path / CALIBRATION
    try:
        if file.stat().st_size > MAX_BYTES:
            raise CatalogError("is too large; restore the release")
        return parse(file.read_bytes())
    except CatalogError as error:
        raise CatalogError(f"{file}: {error}") from None
    except OSError as error:
        raise CatalogError(f"{file}: cannot be read ({error.strerror}); restore it") from error


def only_ask(reason: str, manifest: Manifest) -> Trust:
    """Thresholds that nothing is accepted by, and why."""
    thresholds = Thresholds(
        accept=NEVER_APART,
        choose=UNMEASURED_CHOOSE,
        margin=NEVER_APART,
        method=f"none: {reason}",
        samples=0,
    )
    basis = Basis(manifest.embedder.sha256, "", manifest.features, "", "")
    about = "nothing is accepted without a tap; run `kiosk catalog calibrate` on the release"
    return Trust(Calibration(thresholds, basis), f"off: {reason}: {about}")


def _stated(calibration: Calibration) -> str:
    limits = calibration.thresholds
    stated = [f"{claim.about}: at most {claim.bound:.2%}" for claim in limits.claims]
    return "; ".join([f"on: asked for {limits.asked:.2%} wrong accepts", *stated])
