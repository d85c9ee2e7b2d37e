# SPDX-License-Identifier: Apache-2.0
"""What the empty counter looks like, and so what reaches in over it: hands, arms, gloved or not.

Works on a small picture of the frame. A hand is known by how it comes in: from the frame's edge up
to an item that itself lies clear of the edge. Inside the item's box it is followed by its colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Box, Pixels
from kiosk.vision.boxes import stretched, touches_edge
from kiosk.vision.image import regions, resize

SIDE = 80
"""Longer side of the small picture."""
RATE, SLOW_RATE = 0.1, 0.01
"""How much of the counter's picture one more frame of it replaces; slow: where it shows something
new, such as an arm that rests there."""
STEADY = 14.0
"""Levels (0..255) by which a resting counter may differ from frame to frame."""
DIFFERENT = 26.0
"""Levels by which something on the counter differs from it in some channel."""
SHADE = 0.55
"""A shadow leaves at least this share of the light, of every colour alike."""
_ALIKE = 0.10
"""Shares of light of the three colours that differ less are alike."""
_CLOSE = 30.0
"""Distance (BGR levels) within which a colour is one of the arm's."""
_COLOURS = 32
"""Colours of an arm that are looked for inside the box."""

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """One frame, small, beside the empty counter."""

    small: Floats
    """(h, w, 3) BGR."""
    foreground: Mask
    """(h, w): not the empty counter."""
    frame_size: tuple[int, int]
    """Width, height in pixels."""

    @property
    def occupied(self) -> float:
        """Share of the frame that is not the empty counter, 0..1."""
        return float(self.foreground.mean())

    def covered(self, box: Box, others: Sequence[Box] = ()) -> float:
        """Share of `box` under something that reaches in from the frame's edge, 0..1.

        `others` are the boxes of other items: they reach in from nowhere. 0 where the item itself
        lies at the edge: then it cannot be told from a hand.
        """
        if touches_edge(box, *self.frame_size):
            return 0.0
        inside = self._cells(box)
        outside = self.foreground & ~inside
        for other in others:
            outside &= ~self._cells(other)
        reaching = _from_the_edge(outside) & _beside(inside)
        if not reaching.any():
            return 0.0
        arm = _whole(outside, reaching)
        colours = self.small[arm]
        sample = colours[np.linspace(0, len(colours) - 1, _COLOURS).astype(int)]
        within = inside & self.foreground
        away = self.small[within][:, None, :] - sample[None, :, :]
        like_it = np.zeros_like(within)
        like_it[within] = np.square(away).sum(axis=2).min(axis=1) < _CLOSE**2
        hidden = _whole(arm | like_it, reaching) & inside
        return float(hidden.sum()) / max(1, int(inside.sum()))

    def _cells(self, box: Box) -> Mask:
        """The cells whose middle lies in `box`."""
        height, width = self.foreground.shape
        small = stretched(box, width / self.frame_size[0], height / self.frame_size[1])
        rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
        down = (rows >= small.y1) & (rows < small.y2)
        across = (columns >= small.x1) & (columns < small.x2)
        return np.asarray(down[:, None] & across[None, :], np.bool_)


class Background:
    """Remembers the empty counter. One per camera; not thread-safe."""

    def __init__(self) -> None:
        self._empty: Floats | None = None
        self._last: Floats | None = None

    @property
    def known(self) -> bool:
        """The counter has been seen empty."""
        return self._empty is not None

    def forget(self) -> None:
        """The camera was moved, reopened or lit anew: what is known is no longer true."""
        self._empty = self._last = None

    def learn(self, pixels: Pixels) -> None:
        """One more BGR uint8 (H, W, 3) frame in which no item was found.

        Only what rests counts: a hand that passes is not a part of the counter. The first time two
        frames in a row must be alike.
        """
        small = _small(pixels)
        last, self._last = self._last, small
        if last is None or last.shape != small.shape:
            return
        still = np.abs(small - last).max(axis=2, keepdims=True) < STEADY
        if self._empty is None or self._empty.shape != small.shape:
            self._empty = small if still.mean() > 0.98 else None
        else:
            away = small - self._empty
            new = np.abs(away).max(axis=2, keepdims=True) > DIFFERENT
            rate = np.where(new, SLOW_RATE, RATE).astype(np.float32)
            self._empty = np.where(still, self._empty + rate * away, self._empty)

    def beside(self, pixels: Pixels) -> Surroundings | None:
        """A BGR uint8 (H, W, 3) frame beside the empty counter; None while that is not known."""
        small = _small(pixels)
        if self._empty is None or self._empty.shape != small.shape:
            return None
        empty = np.maximum(self._empty * _exposure(small, self._empty), 1.0)
        differs = np.abs(small - empty).max(axis=2) > DIFFERENT
        light = small / empty
        shaded = (light.min(axis=2) > SHADE) & (light.max(axis=2) < 1.0)
        shaded &= light.max(axis=2) - light.min(axis=2) < _ALIKE
        size = (int(pixels.shape[1]), int(pixels.shape[0]))
        return Surroundings(small, differs & ~shaded, size)


def _small(pixels: Pixels) -> Floats:
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return resize(pixels, *size).astype(np.float32)


def _exposure(small: Floats, empty: Floats) -> float:
    """How much lighter the camera has made the frame, as most of it says."""
    return float(np.clip(np.median(small.sum(axis=2) / (empty.sum(axis=2) + 1.0)), 0.6, 1.6))


def _from_the_edge(mask: Mask) -> Mask:
    rim = np.zeros_like(mask)
    rim[[0, -1], :] = rim[:, [0, -1]] = True
    return _whole(mask, mask & rim)


def _whole(mask: Mask, seeds: Mask) -> Mask:
    """The connected parts of `mask` that hold a cell of `seeds`."""
    numbers = regions(mask)
    wanted = np.unique(numbers[seeds & mask])
    return np.asarray(np.isin(numbers, wanted[wanted > 0]), np.bool_)


def _beside(inside: Mask) -> Mask:
    """The cells of a box and those that touch it."""
    grown = inside.copy()
    grown[1:] |= inside[:-1]
    grown[:-1] |= inside[1:]
    grown[:, 1:] |= grown[:, :-1].copy()
    grown[:, :-1] |= grown[:, 1:].copy()
    return grown
