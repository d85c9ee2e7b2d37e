# SPDX-License-Identifier: Apache-2.0
"""What a kiosk must have for a release, read off the release itself."""

from __future__ import annotations

from kiosk.announcement import Requires
from kiosk.catalog.manifest import FORMAT, Manifest
from kiosk.errors import PublishError

EMBEDDER = "models/embedder.onnx"
"""A release that holds this brings its own models."""
APP_MIN = {2: "0.1.0", 3: "0.1.0"}
"""First version of the program that reads each format of releases."""
_FLOAT_BYTES = 4
_TREES_SHARE = 0.5
"""Annoy's trees, as a share of the vectors they are over."""
_RECORD_BYTES = 512


def requires(manifest: Manifest, listed_bytes: int) -> Requires:
    """`listed_bytes`: size of manifest.json. Raises PublishError for an unknown format."""
    if FORMAT not in APP_MIN:
        raise PublishError(f"which version reads releases of format {FORMAT} is not known")
    names = {entry.name for entry in manifest.needed}
    return Requires(
        embedder="" if EMBEDDER in names else manifest.embedder.sha256,
        app_min=APP_MIN[FORMAT],
        disk_bytes=listed_bytes + sum(entry.bytes for entry in manifest.needed),
        memory_bytes=memory_bytes(manifest),
    )


def memory_bytes(manifest: Manifest) -> int:
    """An estimate: vectors as float32, Annoy's copy with its trees, and a record for each SKU."""
    vectors = manifest.references * manifest.dimension * _FLOAT_BYTES
    return int(vectors * (2 + _TREES_SHARE)) + manifest.skus * _RECORD_BYTES
