# SPDX-License-Identifier: Apache-2.0
"""What a worker of a cluster gets before its first job: the models, as bytes, and the settings."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin

from kiosk import __version__
from kiosk.catalog.engines.recipe import CARDS, Recipe
from kiosk.catalog.enrol import Enrolment
from kiosk.errors import EngineError
from kiosk.vision.image import single_threaded
from kiosk.vision.session import read_card


class Outfit(WorkerPlugin):
    """A recipe with its models. Each thread of a worker opens them once."""

    def __init__(self, recipe: Recipe, files: dict[str, bytes]) -> None:
        self.recipe = recipe
        self.files = files
        self.version = __version__
        whole = hashlib.sha256(repr(replace(recipe, models=Path())).encode())
        for name, data in sorted(files.items()):
            whole.update(name.encode() + data)
        self.name = f"kiosk-{whole.hexdigest()[:16]}"

    @classmethod
    def of(cls, recipe: Recipe) -> Outfit:
        """Reads the models. Raises ModelError, OSError."""
        files: dict[str, bytes] = {}
        for card in CARDS:
            model = read_card(recipe.models / card).path
            files |= {card: (recipe.models / card).read_bytes(), model.name: model.read_bytes()}
        return cls(recipe, files)

    def setup(self, worker: Any) -> None:  # noqa: ANN401  # a distributed.Worker
        """Called by the worker when it gets the plugin."""
        self._opened = threading.local()
        single_threaded()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_opened"}

    def enrolment(self) -> Enrolment:
        """The models of this thread. Raises EngineError on another version, ModelError."""
        if self.version != __version__:
            raise EngineError(
                f"it runs kiosk {__version__}, the build {self.version}; install the same"
            )
        known: Enrolment | None = getattr(self._opened, "enrolment", None)
        if known is None:
            with tempfile.TemporaryDirectory(prefix="kiosk-models-") as folder:
                for name, data in self.files.items():
                    (Path(folder) / name).write_bytes(data)
                known = self.recipe.open(Path(folder))
            self._opened.enrolment = known
        return known
