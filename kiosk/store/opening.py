# SPDX-License-Identifier: Apache-2.0
"""A release opened with the models that belong to it: its own, or those of the kiosk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kiosk.catalog.manifest import MODELS, check_bytes, read_manifest
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import Config
from kiosk.errors import CatalogError
from kiosk.models import Models, brought_models
from kiosk.vision.embed import Embedder


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What answers, and what it looks with."""

    snapshot: Snapshot
    models: Models


def open_release(
    path: Path,
    config: Config,
    own: Models,
    *,
    derived: Path | None = None,
    beside: Snapshot | None = None,
) -> Opened:
    """Open the release folder `path`; `derived` and `beside` as for `Snapshot.open`.

    Raises CatalogError, ModelError, EmbeddingError when the release or a model that it brings
    cannot be used.
    """
    manifest = read_manifest(path)
    brought = {entry.name for entry in manifest.models}
    models = own
    if brought:
        check_bytes(path, manifest, brought)
        names = {name.removeprefix(f"{MODELS}/") for name in brought}
        models = brought_models(path / MODELS, names, own, config.models, config.locate)
        _prove(models.embedder, manifest.dimension)
    embedder = models.embedder.card.sha256
    snapshot = Snapshot.open(
        path, embedder=embedder, config=config.search, derived=derived, beside=beside
    )
    return Opened(snapshot, models)


def _prove(embedder: Embedder, dimension: int) -> None:
    """It gives vectors, and of the length that the release has."""
    if embedder.dimension != dimension:
        raise CatalogError(
            f"{embedder.card.path}: gives {embedder.dimension} numbers, the release holds "
            f"{dimension}; build the catalog again"
        )
    inputs = embedder.card.input
    ramp = np.linspace(0, 255, int(inputs["height"]) * int(inputs["width"]) * 3)
    crop = ramp.astype(np.uint8).reshape(int(inputs["height"]), int(inputs["width"]), 3)
    embedder.embed([crop])
