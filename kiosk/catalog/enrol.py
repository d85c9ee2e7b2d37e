# SPDX-License-Identifier: Apache-2.0
"""Enrolment: one catalog picture becomes a thumbnail and the references of its views.

What comes out depends on the bytes of the picture and on the settings only; its sha256 and
`Enrolment.settings` name both, so that a result can be kept and found again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from kiosk.catalog.details import method
from kiosk.catalog.result import Result
from kiosk.catalog.second import MOST_PROBES
from kiosk.errors import ImageError
from kiosk.values import Box, Pixels
from kiosk.vision.augment import CAMERA, MIRRORED, NEAR, PLAIN, VIEWS, Item, View
from kiosk.vision.boxes import clip, grown
from kiosk.vision.decode import decode_picture
from kiosk.vision.embed import Embedder
from kiosk.vision.features import features
from kiosk.vision.image import crop, fit_within, to_jpeg
from kiosk.vision.locate import Locator, subject
from kiosk.vision.prepare import prepared, recipe

RECIPE = 1
"""Raise it with every change after which the same picture, models and settings give another result.
Not the version of the program: each update would make every kiosk fetch the whole catalog again."""
THUMBNAIL_SIDE = 256
_THUMBNAIL_MARGIN = 0.08
_THUMBNAIL_QUALITY = 85
_PAD = 127
COMPARED = (CAMERA[0], CAMERA[2], NEAR)
"""The views that get local features, to measure the second look with."""
MOST_PROBED = MOST_PROBES // len(COMPARED)
"""Pictures whose camera views get them: it takes as long as all the rest of an enrolment."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The models and settings of one build."""

    locator: Locator
    embedder: Embedder
    augment: bool = True
    """False: each picture gives the one reference that it is."""
    details: bool = True
    """False: no local features, so no second look."""
    prepare: tuple[str, ...] = ()
    """What is done to a picture before it gives references: see `kiosk.vision.prepare`."""

    def views(self, mirrored: bool) -> tuple[View, ...]:
        """The views taken of each picture of a SKU; the first is the picture as it is."""
        count = len(VIEWS) if self.augment else 1
        more = MIRRORED if self.augment else MIRRORED[:1]
        return VIEWS[:count] + (more if mirrored else ())

    def _compared(self, probed: bool) -> tuple[View, ...]:
        return COMPARED if self.details and probed else ()

    def settings(self, mirrored: bool, probed: bool, region: Box | None = None) -> str:
        """Names everything that shapes a result beside the picture, in 16 hexadecimal digits.

        Behind the sha256 of the picture it is the key of the result.
        """
        settings = [
            RECIPE,
            self.locator.card.body,
            self.embedder.card.body,
            repr(self.locator.config),
            [str(view) for view in self.views(mirrored) + CAMERA],
            [method(), *map(str, self._compared(probed))] if self.details else [],
            [recipe(step) for step in self.prepare],
            None if region is None else repr(region),
        ]
        text = json.dumps(settings, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def enrol(
        self, data: bytes, name: str, mirrored: bool, probed: bool, region: Box | None = None
    ) -> Result:
        """Decode, locate, look at all views; `probed`: also at the details of camera views, to
        measure the second look with. `region`: where the item is, instead of locating it, in pixels
        of the upright picture. Raises ImageError or EmbeddingError.
        """
        pixels = decode_picture(data, name)
        box, note = self._place(pixels, name, region)
        views = self.views(mirrored)
        compared = self._compared(probed)
        # References only: what a camera may see stays as a camera sees it.
        taken = Item(pixels, box)
        shown = Item(prepared(pixels, box, self.prepare), box) if self.prepare else taken
        # Batches of one picture: its vectors do not depend on where a build was interrupted.
        vectors = self.embedder.embed(self._crops(shown, views))
        probes = self.embedder.embed(self._crops(taken, CAMERA + compared))
        looks = ((shown, PLAIN), *((taken, view) for view in compared)) if self.details else ()
        around = clip(grown(box, _THUMBNAIL_MARGIN), pixels.shape[1], pixels.shape[0])
        thumbnail = fit_within(crop(pixels, around, _PAD), THUMBNAIL_SIDE)
        return Result(
            box=box,
            note=note,
            views=tuple(view.name for view in views),
            thumbnail=to_jpeg(thumbnail, _THUMBNAIL_QUALITY),
            vectors=vectors.astype(np.float16),
            probes=probes.astype(np.float16),
            features=tuple(item.seen(view, features) for item, view in looks),
        )

    def _crops(self, item: Item, views: tuple[View, ...]) -> list[Pixels]:
        return [item.seen(view, self.embedder.crop) for view in views]

    def _place(self, pixels: Pixels, name: str, region: Box | None) -> tuple[Box, str]:
        """Where the item is, and what is to be said of that."""
        height, width = pixels.shape[:2]
        if region is not None:
            inside = 0 <= region.x1 < region.x2 <= width and 0 <= region.y1 < region.y2 <= height
            if not inside:
                raise ImageError(
                    "InvalidRegion",
                    f"{name}: the region {region.as_list()} does not lie in the picture of "
                    f"{width}x{height} pixels; give x1, y1, x2, y2 inside it",
                )
            return region, ""
        detections = self.locator.locate(pixels)
        found = subject(detections, width, height)
        if found is not None:
            found = self.locator.refined(pixels, found)
        box = found.box if found else Box(0.0, 0.0, float(width), float(height))
        return box, _note(len(detections))


def _note(items: int) -> str:
    if items == 0:
        return "no item found, the whole picture is used"
    return f"{items} items found, the most prominent is used" if items > 1 else ""
