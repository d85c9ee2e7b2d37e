# SPDX-License-Identifier: Apache-2.0
"""From a frame to what is kept of a view, and from that to what is searched.

Rule: what is searched is made from the kept picture and nothing else, so that another embedder can
make it again. References are made as a build makes them (`kiosk.catalog.enrol`), with all its views
but the mirrored ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from kiosk.additions.values import AddedView
from kiosk.values import Box, Features, Pixels
from kiosk.vision.augment import PLAIN, VIEWS, seen
from kiosk.vision.boxes import clip, grown, grown_square
from kiosk.vision.decode import decode_picture
from kiosk.vision.embed import Embedder
from kiosk.vision.features import features
from kiosk.vision.image import crop, fit_within, to_jpeg

CONTEXT = 0.25
"""Kept around the item's square, of its side: what shows when a reference is turned."""
MOST_SIDE = 672
"""Pixels: the item has 448 of them, more than any model's input or the second look takes."""
QUALITY = 90
THUMBNAIL_SIDE = 256
_THUMBNAIL_MARGIN = 0.08
_PAD = 127


@dataclass(frozen=True, slots=True)
class Kept:
    """A view's picture, and where the item is in it."""

    jpeg: bytes
    box: Box

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.jpeg).hexdigest()


def kept(pixels: Pixels, box: Box) -> Kept:
    """What is kept of the item in `box` of a BGR uint8 (H, W, 3) frame.

    Raises ImageError for a box outside.
    """
    height, width = pixels.shape[:2]
    area = clip(grown_square(box, CONTEXT), width, height)
    area = Box(*(float(round(edge)) for edge in (area.x1, area.y1, area.x2, area.y2)))
    cut = crop(pixels, area, _PAD)
    small = fit_within(cut, MOST_SIDE)
    across, down = small.shape[1] / cut.shape[1], small.shape[0] / cut.shape[0]
    inner = Box(
        (box.x1 - area.x1) * across,
        (box.y1 - area.y1) * down,
        (box.x2 - area.x1) * across,
        (box.y2 - area.y1) * down,
    )
    return Kept(to_jpeg(small, QUALITY), clip(inner, small.shape[1], small.shape[0]))


class Describer:
    """Makes references with one embedder. Safe to use from several threads."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def embedder(self) -> str:
        """sha256 of the model that makes the vectors."""
        return self._embedder.card.sha256

    def described(self, picture: Kept) -> AddedView:
        """The references of a kept view. Raises ImageError or EmbeddingError."""
        pixels = decode_picture(picture.jpeg, picture.sha256[:12])
        crops = [seen(pixels, picture.box, view, self._embedder.crop) for view in VIEWS]
        vectors = self._embedder.embed(crops).astype(np.float16)
        found: Features = seen(pixels, picture.box, PLAIN, features)
        return AddedView(picture.sha256, picture.box, vectors, found)


def thumbnail(picture: Kept) -> bytes:
    """JPEG of the item alone. Raises ImageError."""
    pixels = decode_picture(picture.jpeg, picture.sha256[:12])
    around = clip(grown(picture.box, _THUMBNAIL_MARGIN), pixels.shape[1], pixels.shape[0])
    return to_jpeg(fit_within(crop(pixels, around, _PAD), THUMBNAIL_SIDE), 85)
