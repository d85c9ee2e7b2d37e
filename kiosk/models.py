# SPDX-License-Identifier: Apache-2.0
"""The two models of the kiosk, loaded by their cards: its own, or those that a release brings.

Models and vectors move together: a release that brings models is answered with these, from the
same frame on.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from kiosk.config import LocateConfig, ModelsConfig, models_directory
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from kiosk.vision.session import OnnxSession

DETECTOR, EMBEDDER = "detector.toml", "embedder.toml"
"""Names of the cards."""
_HELD = 2
"""Releases whose models are kept: a frame may still be with the one before."""


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """Both, as one release needs them."""

    locator: Locator
    embedder: Embedder


def load_models(models: ModelsConfig, locate: LocateConfig) -> tuple[Locator, Embedder]:
    """Detector and embedder from the models folder. Raises ModelError."""
    folder = models_directory(models.directory)
    return (
        _locator(folder / DETECTOR, models, locate),
        _embedder(folder / EMBEDDER, models),
    )


def brought_models(
    folder: Path, names: Collection[str], own: Models, models: ModelsConfig, locate: LocateConfig
) -> Models:
    """What a release brings in its folder of models, by plain file names; else `own`.

    Raises ModelError.
    """
    return Models(
        _locator(folder / DETECTOR, models, locate) if DETECTOR in names else own.locator,
        _embedder(folder / EMBEDDER, models) if EMBEDDER in names else own.embedder,
    )


class HeldModels:
    """Which models belong to which release. Safe to use from several threads."""

    def __init__(self, own: Models) -> None:
        """`own`: for every release that brings none."""
        self.own = own
        self._lock = threading.Lock()
        self._held: dict[str, Models] = {}

    def put(self, release: str, models: Models) -> None:
        """Before `release` is asked for the first time."""
        with self._lock:
            self._held.pop(release, None)
            self._held[release] = models
            for old in list(self._held)[:-_HELD]:
                del self._held[old]

    def of(self, release: str) -> Models:
        """Those to look with for answers from `release`; empty: there is none."""
        with self._lock:
            return self._held.get(release, self.own)


def _locator(card: Path, models: ModelsConfig, locate: LocateConfig) -> Locator:
    return Locator(OnnxSession(card, threads=models.threads), locate)


def _embedder(card: Path, models: ModelsConfig) -> Embedder:
    return Embedder(OnnxSession(card, threads=models.threads))


def files_of(locator: Locator, embedder: Embedder) -> dict[str, Path]:
    """The files of both models and their cards, by the names that a release gives them."""
    files: dict[str, Path] = {}
    for name, card in (("detector", locator.card), ("embedder", embedder.card)):
        files[card.path.name] = card.path
        files[f"{name}.toml"] = card.path.with_name(f"{name}.toml")
    return files
