# SPDX-License-Identifier: Apache-2.0
"""Embed: a crop becomes a unit-length vector; equal items lie close together.

How a box becomes the model's input is said on the model's card and done here only, for references
and for frames alike: two ways would be two spaces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import EmbeddingError, ModelError
from kiosk.values import Box, Pixels
from kiosk.vision.boxes import clip, grown, grown_square
from kiosk.vision.image import crop, letterbox, resize
from kiosk.vision.session import Card, Session

_FITS = ("square", "letterbox", "stretch")
_UNIT_TOLERANCE = 1e-3


class Embedder:
    """The embedder model and its one way to cut a crop."""

    def __init__(self, session: Session) -> None:
        session.card.needs("embedding")
        self._session = session
        inputs = session.card.input
        self._width, self._height = int(inputs["width"]), int(inputs["height"])
        self._fit = str(inputs.get("fit", "square"))
        self._margin = float(inputs.get("margin", 0.0))
        self._pad = int(inputs.get("pad", 127))
        if self._fit not in _FITS:
            raise ModelError(
                f"{session.card.path}: fit = {self._fit!r} is none of {', '.join(_FITS)}; "
                "restore the card"
            )
        self.dimension = int(session.card.outputs["embedding"]["shape"][1])

    @property
    def card(self) -> Card:
        """Its sha256 names the vector space: vectors of another embedder cannot be compared."""
        return self._session.card

    def crop(self, pixels: Pixels, box: Box) -> Pixels:
        """The model's input for `box` in a BGR uint8 (H, W, 3) picture.

        square: the box grown to a square shows what surrounds it; letterbox: the grown box alone on
        grey; stretch: the grown box alone, aspect lost. Raises ImageError for an empty box.
        """
        if self._fit == "square":
            cut = crop(pixels, grown_square(box, self._margin), self._pad)
            return resize(cut, self._width, self._height)
        area = clip(grown(box, self._margin), pixels.shape[1], pixels.shape[0])
        cut = crop(pixels, area, self._pad)
        if self._fit == "stretch":
            return resize(cut, self._width, self._height)
        return letterbox(cut, self._width, self._height, self._pad)[0]

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
