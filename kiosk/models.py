# SPDX-License-Identifier: Apache-2.0
"""The two models of the kiosk, loaded by their cards."""

from __future__ import annotations

from kiosk.config import LocateConfig, ModelsConfig, models_directory
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from kiosk.vision.session import OnnxSession


def load_models(models: ModelsConfig, locate: LocateConfig) -> tuple[Locator, Embedder]:
    """Detector and embedder from the models folder. Raises ModelError."""
    folder = models_directory(models.directory)
    detector = OnnxSession(folder / "detector.toml", threads=models.threads)
    embedder = OnnxSession(folder / "embedder.toml", threads=models.threads)
    return Locator(detector, locate), Embedder(embedder)
