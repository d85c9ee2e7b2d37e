# SPDX-License-Identifier: Apache-2.0
"""The last step of making a release: measure what it may believe, ask its gate, seal its manifest.

It is measured on what lives in it, in one order: how it is cut into segments changes nothing.
"""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

from kiosk import __version__
from kiosk.catalog import manifest as manifests
from kiosk.catalog.calibrate import Listing, calibrate
from kiosk.catalog.calibration import Basis, Calibration, to_json
from kiosk.catalog.gate import write_gate
from kiosk.catalog.joined import Joined
from kiosk.catalog.manifest import CALIBRATION, GATE, PROBES, Manifest
from kiosk.catalog.material import file_entry
from kiosk.catalog.ordered import ordered
from kiosk.catalog.probes import read_probes
from kiosk.catalog.stored import open_segments
from kiosk.catalog.strangers import Strangers
from kiosk.durable import sync_tree


def finished(
    folder: Path, manifest: Manifest, strangers: Strangers, risk: float
) -> tuple[Manifest, Calibration]:
    """Measure the release in `folder`, write what was found, and the manifest last; durably.

    `manifest` lists all other files. Raises CatalogError, OSError.
    """
    with closing(open_segments(folder, manifest, checked=False)) as joined:
        calibration = measured(folder, manifest, joined, strangers, risk)
        write_gate(folder, manifest, joined)
    (folder / CALIBRATION).write_bytes(to_json(calibration))
    made = (file_entry(folder, name) for name in (CALIBRATION, GATE))
    files = {entry.name: entry for entry in (*manifest.files, *made)}
    ordered = tuple(entry for _, entry in sorted(files.items()))
    manifest = manifests.sealed(dataclasses.replace(manifest, files=ordered))
    (folder / manifests.NAME).write_bytes(manifests.to_json(manifest))
    sync_tree(folder)
    return manifest, calibration


def measured(
    folder: Path, manifest: Manifest, joined: Joined, strangers: Strangers, risk: float
) -> Calibration:
    """What the release in `folder` may believe, from its own files. Raises CatalogError."""
    basis = Basis(
        embedder=manifest.embedder.sha256,
        vectors=manifest.content,
        features=manifest.features,
        strangers=strangers.sha256,
        program=__version__,
    )
    references = ordered(joined, details=manifest.features).references()
    probes = read_probes(folder / PROBES, manifest.pictures, manifest.dimension)
    listing = Listing(joined.skus, joined.kinds)
    return calibrate(references, *probes, strangers, listing=listing, basis=basis, risk=risk)
