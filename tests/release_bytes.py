# SPDX-License-Identifier: Apache-2.0
"""What two releases have to have in common to be the same."""

from __future__ import annotations

from pathlib import Path

from kiosk.catalog.manifest import read_manifest, verify


def content(release: Path) -> dict[str, bytes]:
    """Every byte of a whole release but the hour it was built."""
    verify(release)
    files = {
        path.relative_to(release).as_posix(): path.read_bytes()
        for path in sorted(release.rglob("*"))
        if path.is_file()
    }
    built_at = read_manifest(release).built_at.encode()
    files["manifest.json"] = files["manifest.json"].replace(built_at, b"")
    return files
