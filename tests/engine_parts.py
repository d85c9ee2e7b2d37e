# SPDX-License-Identifier: Apache-2.0
"""Recipes that end a worker's process, importable by the workers that they are sent to."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.engines.recipe import Recipe
from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.result import Result
from kiosk.values import Box


@dataclass(frozen=True, slots=True)
class Deadly(Enrolment):
    """An enrolment that no process survives for one picture, as when memory runs out."""

    poison: str = ""

    def enrol(
        self, data: bytes, name: str, mirrored: bool, probed: bool, region: Box | None = None
    ) -> Result:
        if name == self.poison:
            os.kill(os.getpid(), signal.SIGKILL)
        return Enrolment.enrol(self, data, name, mirrored, probed, region)


@dataclass(frozen=True, slots=True)
class DeadlyRecipe(Recipe):
    """The recipe of such enrolments; with an empty `poison` opening the models is what kills."""

    poison: str = ""

    @classmethod
    def beside(cls, recipe: Recipe, poison: str) -> DeadlyRecipe:
        return cls(
            recipe.models,
            recipe.sha256,
            recipe.locate,
            recipe.augment,
            recipe.details,
            recipe.prepare,
            poison,
        )

    def open(self, models: Path | None = None) -> Enrolment:
        if not self.poison:
            os.kill(os.getpid(), signal.SIGKILL)
        plain = Recipe.open(self, models)
        return Deadly(
            plain.locator,
            plain.embedder,
            plain.augment,
            plain.details,
            plain.prepare,
            self.poison,
        )
