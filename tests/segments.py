# SPDX-License-Identifier: Apache-2.0
"""Finding the files of a release's segments, and sealing a release again after changing some."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from kiosk.catalog import manifest as manifests
from kiosk.catalog.manifest import FileEntry, read_manifest
from kiosk.durable import sha256_of


def only(release: Path, name: str) -> Path:
    """The file `name` of the only segment."""
    (path,) = release.glob(f"segments/*/{name}")
    return path


def resealed(release: Path, **changes: object) -> Path:
    """Give a release whose files were changed a manifest that fits them, with `changes`."""
    manifest = read_manifest(release)
    files = tuple(
        FileEntry(
            entry.name,
            (release / entry.name).stat().st_size,
            sha256_of(release / entry.name),
            entry.office,
        )
        for entry in manifest.files
    )
    fitting: manifests.Manifest = dataclasses.replace(manifest, files=files, **changes)  # type: ignore[arg-type]
    path = release / manifests.NAME
    path.unlink()  # it may be one file in two releases
    path.write_bytes(manifests.to_json(manifests.sealed(fitting)))
    return release
