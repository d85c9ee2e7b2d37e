# SPDX-License-Identifier: Apache-2.0
"""Peers: other ways to recognise, asked the same questions as the kiosk in the same run.

Every peer gets the plan's references, one vector each, searches them exactly, and only ranks. It
sees the centre square of the whole picture; `NAME+crop` sees what our detector cuts out, and finds
nothing where the detector finds nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import UsageError
from kiosk.values import Box, Pixels
from kiosk.vision.boxes import grown_square
from kiosk.vision.decode import read_picture
from kiosk.vision.embed import Embedder
from kiosk.vision.image import crop
from kiosk.vision.locate import Locator, subject
from tools.evaluation.answers import LISTED, NOTHING_FOUND, Progress, Reply
from tools.evaluation.features import lite0, lite2, sscd
from tools.evaluation.manifests import Picture
from tools.evaluation.sift import Sift

CROP = "+crop"
_PAD = 114
_MS = 1000


class Comparer(Protocol):
    """Holds references and compares a picture with all of them."""

    def enrol(self, view: Pixels) -> None:
        """One more reference, BGR."""
        ...

    def compare(self, view: Pixels) -> tuple[NDArray[np.float64], dict[str, float]]:
        """Similarity to each reference in order of enrolment, and milliseconds per stage."""
        ...


Features = Callable[[Pixels], NDArray[np.float32]]
"""A BGR picture to a vector of unit length."""


class Vectors:
    """Compares by cosine similarity."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self._rows: list[NDArray[np.float32]] = []

    def enrol(self, view: Pixels) -> None:
        self._rows.append(self._features(view))

    def compare(self, view: Pixels) -> tuple[NDArray[np.float64], dict[str, float]]:
        started = time.perf_counter()
        vector = self._features(view)
        embedded = time.perf_counter()
        found = np.array([row @ vector for row in self._rows], np.float64)
        searched = time.perf_counter()
        return found, {"embed": _MS * (embedded - started), "search": _MS * (searched - embedded)}


class Peer:
    """A comparer as a system of the run."""

    def __init__(self, name: str, comparer: Comparer, view: View) -> None:
        self.name = name
        self._comparer = comparer
        self._view = view
        self._owners: list[str] = []

    def enrol(self, references: Sequence[Picture], progress: Progress) -> None:
        """Take in all references. Raises ImageError for one that cannot be read."""
        for done, picture in enumerate(references, start=1):
            pixels = read_picture(picture.path)
            view = self._view(pixels)
            self._comparer.enrol(pixels if view is None else view)
            self._owners.append(picture.sku)
            progress(f"{self.name}: references", done, len(references))

    def reply(self, pixels: Pixels, sku: str) -> Reply:
        """Rank the SKUs by their best reference; ties by the SKU's name."""
        started = time.perf_counter()
        view = self._view(pixels)
        spent_ms = {} if self._view is centre else {"locate": _MS * (time.perf_counter() - started)}
        if view is None:
            return Reply((), outcome=NOTHING_FOUND, stages_ms=spent_ms)
        similarities, stages_ms = self._comparer.compare(view)
        best: dict[str, float] = {}
        for owner, value in zip(self._owners, similarities.tolist(), strict=True):
            best[owner] = max(value, best.get(owner, value))
        ranked = sorted(best, key=lambda each: (-best[each], each))
        return Reply(
            ranked=tuple(ranked[:LISTED]),
            score=best[ranked[0]],
            similarity=best.get(sku),
            stages_ms=spent_ms | stages_ms | {"total": _MS * (time.perf_counter() - started)},
        )


View = Callable[[Pixels], Pixels | None]
"""What a peer sees of a picture; None when nothing is there."""


def centre(pixels: Pixels) -> Pixels:
    """The largest square in the middle."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


@dataclass(frozen=True, slots=True)
class Located:
    """The square around the item that the kiosk's own detector finds."""

    locator: Locator

    def box(self, pixels: Pixels) -> Box | None:
        height, width = pixels.shape[:2]
        found = subject(self.locator.locate(pixels), width, height)
        return None if found is None else self.locator.refined(pixels, found).box

    def __call__(self, pixels: Pixels) -> Pixels | None:
        box = self.box(pixels)
        return None if box is None else crop(pixels, grown_square(box, 0.0), _PAD)


@dataclass(frozen=True, slots=True)
class Ours:
    """The kiosk's own embedder, without augmented references, verification or decision."""

    embedder: Embedder

    def __call__(self, view: Pixels) -> NDArray[np.float32]:
        box = Box(0, 0, view.shape[1], view.shape[0])
        vector: NDArray[np.float32] = self.embedder.embed([self.embedder.crop(view, box)])[0]
        return vector


@dataclass(frozen=True, slots=True)
class Means:
    """What peers are made of."""

    locator: Locator
    embedder: Embedder
    weights: Path | None
    """Folder with the weights of others."""
    threads: int


_MAKERS: dict[str, Callable[[Means], Comparer]] = {
    "lite0": lambda means: Vectors(lite0(means.weights, means.threads)),
    "lite2": lambda means: Vectors(lite2(means.weights, means.threads)),
    "sscd": lambda means: Vectors(sscd(means.weights, means.threads)),
    "sift": lambda means: Sift(),
    "whole": lambda means: Vectors(Ours(means.embedder)),
}
NAMES = tuple(_MAKERS)


def peer(name: str, means: Means) -> Peer:
    """The peer of this name, with nothing enrolled.

    Raises UsageError for an unknown name and PeerMissing when its weights are not at hand.
    """
    check_name(name)
    comparer = _MAKERS[name.removesuffix(CROP)](means)
    return Peer(name, comparer, Located(means.locator) if name.endswith(CROP) else centre)


def check_name(name: str) -> None:
    """Raises UsageError unless there is such a peer."""
    if name.removesuffix(CROP) not in _MAKERS:
        raise UsageError(
            f"--peer {name}: there are {', '.join(NAMES)}, each also with {CROP} behind it"
        )
