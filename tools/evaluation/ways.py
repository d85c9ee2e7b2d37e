# SPDX-License-Identifier: Apache-2.0
"""The rows of the scenario table: ways of seeing an item worse in which a well-known cloud service
answered wrongly, and twins of listed articles in another colour.

Pure and seeded, as `tools.evaluation.degrade`, whose recipes they use. BGR uint8 (H, W, 3).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.values import Box, Features, Pixels
from kiosk.vision.image import brightened, rotated
from tools.evaluation.degrade import DEGRADATIONS, Degradation, Random, Recipe, degraded
from tools.evaluation.manifests import Picture
from tools.evaluation.sights import Change

_QUARTER = 90
_COLOURED = 0.3
"""Share of an item's cells that must be coloured for another hue to make it another item."""
_SATURATION = 70
_LEAST_TURN, _MOST_TURN = 60, 120
"""Hue of a twin, in OpenCV's 180 steps from the hue of the item."""


@dataclass(frozen=True, slots=True)
class Way:
    """One row."""

    name: str
    setting: float
    recipe: Recipe
    twin: bool = False
    """What is shown is another item: one that is in no catalog."""
    edges: bool = False
    """Where the photo ends counts as where the kiosk's frame ends."""

    def change(self, picture: Picture, box: Box | None, seed: int) -> Change:
        """The row's change to this picture, in which the item is in `box`."""
        three = (self.setting, self.setting, self.setting)
        how = Degradation(self.name, "", three, self.recipe)
        mark = (seed, *(zlib.crc32(text.encode()) for text in (picture.name, self.name)))
        return lambda pixels: degraded(pixels, how, 1, box, mark)


def _as_it_is(pixels: Pixels, setting: float, box: Box, random: Random) -> Pixels:
    return pixels


def _lit(pixels: Pixels, gain: float, box: Box, random: Random) -> Pixels:
    return brightened(pixels, gain)


def _turned(pixels: Pixels, degrees: float, box: Box, random: Random) -> Pixels:
    """Clockwise; a quarter turn turns the frame with the item and loses nothing."""
    if degrees == _QUARTER:
        return np.ascontiguousarray(np.rot90(pixels, -1))
    return rotated(pixels, degrees)


def _recoloured(pixels: Pixels, turn: float, box: Box, random: Random) -> Pixels:
    """Every hue turned by the same step, brightness and saturation kept."""
    hues = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)
    step = int(random.integers(_LEAST_TURN, _MOST_TURN + 1))
    hues[:, :, 0] = (hues[:, :, 0].astype(np.int16) + step) % 180
    return np.asarray(cv2.cvtColor(hues, cv2.COLOR_HSV2BGR), np.uint8)


_KNOWN = {each.name: each for each in DEGRADATIONS}


def _way(name: str, setting: float, known: str) -> Way:
    return Way(name, setting, _KNOWN[known].recipe)


WAYS: tuple[Way, ...] = (
    Way("as it is", 0.0, _as_it_is),
    _way("far, 0.5x", 0.5, "small"),
    _way("far, 0.3x", 0.3, "small"),
    *(
        _way(f"blur, {strength}", setting, "defocus")
        for strength, setting in zip(
            ("mild", "medium", "strong"), _KNOWN["defocus"].settings, strict=True
        )
    ),
    Way("dark, -40 %", 0.6, _lit),
    Way("bright, +40 %", 1.4, _lit),
    _way("noise", _KNOWN["noise"].settings[1], "noise"),
    _way("occlusion, 15 %", 0.15, "occlusion"),
    _way("occlusion, 30 %", 0.3, "occlusion"),
    Way("rotated, +30 degrees", 30.0, _turned),
    Way("rotated, -30 degrees", -30.0, _turned),
    Way("rotated, 90 degrees", float(_QUARTER), _turned),
    Way("cut off, 25 %", 0.25, _KNOWN["cut-off"].recipe, edges=True),
    _way("cluttered background", 1.0, "background"),
    Way("colour-swapped twin", 0.0, _recoloured, twin=True),
)


def coloured(found: Features) -> bool:
    """Another hue would make another item of this one: enough of it has any."""
    cells = cv2.cvtColor(found.tones, cv2.COLOR_BGR2HSV).reshape(-1, 3)
    return float(np.mean(cells[:, 1] >= _SATURATION)) >= _COLOURED
