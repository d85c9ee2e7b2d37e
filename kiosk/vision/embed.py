# SPDX-License-Identifier: Apache-2.0
"""Embed: a crop becomes a unit-length vector; equal items lie close together.

How a box becomes the model's input is said on the model's card and done here only, for references
and for frames alike: two ways would be two spaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import EmbeddingError, ModelError
from kiosk.values import Box, Pixels
from kiosk.vision.boxes import clip, grown, grown_square
from kiosk.vision.image import crop, letterbox, resize
from kiosk.vision.session import Card, Session

_FITS = ("square", "letterbox", "stretch")
_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Cropping:
    """How a box in a picture becomes an input of the model, as its card says."""

    width: int
    height: int
    fit: str = "square"
    margin: float = 0.0
    """Grown by this share of its sides."""
    pad: int = 127

    @classmethod
    def of(cls, card: Card) -> Cropping:
        """Raises ModelError for a fit that nobody knows."""
        inputs = card.input
        fit = str(inputs.get("fit", "square"))
        if fit not in _FITS:
            raise ModelError(
                f"{card.path}: fit = {fit!r} is none of {', '.join(_FITS)}; restore the card"
            )
        width, height = int(inputs["width"]), int(inputs["height"])
        margin, pad = float(inputs.get("margin", 0.0)), int(inputs.get("pad", 127))
        return cls(width, height, fit, margin, pad)

    def crop(self, pixels: Pixels, box: Box) -> Pixels:
        """The model's input for `box` in a BGR uint8 (H, W, 3) picture.

        square: the box grown to a square shows what surrounds it; letterbox: the grown box alone on
        grey; stretch: the grown box alone, aspect lost. Raises ImageError for an empty box.
        """
        if self.fit == "square":
            cut = crop(pixels, grown_square(box, self.margin), self.pad)
            return resize(cut, self.width, self.height)
        area = clip(grown(box, self.margin), pixels.shape[1], pixels.shape[0])
        cut = crop(pixels, area, self.pad)
        if self.fit == "stretch":
            return resize(cut, self.width, self.height)
        return letterbox(cut, self.width, self.height, self.pad)[0]


class Embedder:
    """The embedder model and its one way to cut a crop."""

    def __init__(self, session: Session) -> None:
        session.card.needs("embedding")
        self._session = session
        self.crop = Cropping.of(session.card).crop
        self.dimension = int(session.card.outputs["embedding"]["shape"][1])

    @property
    def card(self) -> Card:
        """Its sha256 names the vector space: vectors of another embedder cannot be compared."""
        return self._session.card

    def embed(self, crops: Sequence[Pixels]) -> NDArray[np.float32]:
        """(N, D) float32 unit-length vectors of N crops of the model's input size.

        Raises EmbeddingError when the model gives anything else: such a vector must reach no index,
        because Annoy answers even a NaN query with neighbours.
        """
        if not crops:
            return np.empty((0, self.dimension), np.float32)
        vectors = self._session.run(np.stack(crops))["embedding"]
        if vectors.shape != (len(crops), self.dimension):
            raise EmbeddingError(
                f"{self._session.card.name}: gave vectors of shape {vectors.shape}, its card says "
                f"{(len(crops), self.dimension)}; restore model and card together"
            )
        lengths = np.linalg.norm(vectors, axis=1)
        if not np.all(np.abs(lengths - 1.0) < _UNIT_TOLERANCE):  # NaN fails this too
            raise EmbeddingError(
                f"{self._session.card.name}: gave a vector that is not of unit length; "
                "restore the model file"
            )
        return vectors.astype(np.float32, copy=False)
