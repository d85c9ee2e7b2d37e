# SPDX-License-Identifier: Apache-2.0
"""A recipe: the models and settings of a build in a form that another process can open.

It names the models by their sha256: a worker that opens other ones refuses, it does not answer in
another vector space.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.enrol import Enrolment
from kiosk.config import LocateConfig
from kiosk.errors import ModelError
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from kiosk.vision.session import OnnxSession

CARDS = ("detector.toml", "embedder.toml")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes a result beside the picture."""

    models: Path
    """Folder of the models and their cards."""
    sha256: tuple[str, str]
    """Of detector and embedder."""
    locate: LocateConfig
    augment: bool
    details: bool
    prepare: tuple[str, ...]

    @classmethod
    def of(cls, enrolment: Enrolment) -> Recipe:
        """The recipe of an open enrolment."""
        cards = enrolment.locator.card, enrolment.embedder.card
        return cls(
            models=cards[1].path.parent.resolve(),
            sha256=(cards[0].sha256, cards[1].sha256),
            locate=enrolment.locator.config,
            augment=enrolment.augment,
            details=enrolment.details,
            prepare=enrolment.prepare,
        )

    def open(self, models: Path | None = None) -> Enrolment:
        """An enrolment on one thread; `models`: another folder that holds a copy of the models.

        Raises ModelError when they cannot be opened or are not those of the recipe.
        """
        folder = models or self.models
        detector, embedder = (OnnxSession(folder / card, threads=1) for card in CARDS)
        if (detector.card.sha256, embedder.card.sha256) != self.sha256:
            raise ModelError(f"{folder}: the models were changed during the build; start it again")
        locator = Locator(detector, self.locate)
        return Enrolment(locator, Embedder(embedder), self.augment, self.details, self.prepare)
