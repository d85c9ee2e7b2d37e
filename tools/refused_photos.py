# SPDX-License-Identifier: Apache-2.0
"""The photos of a manifest as a kiosk sees them, for measuring refusals: references and scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.refusals.overlay import COMPARED_VIEWS
from kiosk.values import Box, Embedding, Features, Verified
from kiosk.verify import NOTHING, compare
from kiosk.vision.augment import CAMERA, MIRRORED, NEAR, PLAIN, VIEWS, View, seen
from kiosk.vision.decode import read_picture
from kiosk.vision.embed import Embedder
from kiosk.vision.features import features
from kiosk.vision.locate import Locator, subject
from tools.evaluation.manifests import PHOTO, REFERENCE, read_manifests

AGAIN = (NEAR, CAMERA[0], CAMERA[2])
"""How the item may be seen the next time: on a good day, and on two bad ones."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One photo of a SKU."""

    sku: int
    views: tuple[tuple[Embedding, Features], ...]
    """As it is, then as in AGAIN."""


@dataclass(slots=True, eq=False)
class Bench:
    """All photos and all references."""

    skus: list[str]
    vectors: list[Floats]
    pictures: list[list[Features]]
    shots: list[Shot]
    _seen: dict[tuple[int, int], Verified] = field(default_factory=dict)

    def similarities(self) -> Floats:
        """(photos, SKUs)."""
        plain = np.stack([shot.views[0][0] for shot in self.shots])
        return np.stack([(plain @ rows.T).max(axis=1) for rows in self.vectors], axis=1)

    def print_of(self, looked: Features, sku: int) -> Verified:
        """What the second look finds of the SKU's pictures."""
        key = id(looked), sku
        if key not in self._seen:
            found = [compare(looked, picture) for picture in self.pictures[sku]]
            self._seen[key] = max(found, key=lambda one: one.strength, default=NOTHING)
        return self._seen[key]

    def strongest(self, looked: Features, refused: Sequence[int], near: Floats) -> float:
        """As `kiosk.refusals.overlay` finds it among the refused photos."""
        nearest = [refused[at] for at in np.argsort(-near)[:COMPARED_VIEWS]]
        return max(compare(looked, self.shots[at].views[0][1]).strength for at in nearest)


def gathered(
    manifest: Path,
    models: tuple[Locator, Embedder],
    *,
    skus: int,
    photos: int,
    mirrored: bool,
) -> Bench:
    """Everything that is looked at, once: at most so many SKUs, and photos of each of them."""
    locator, embedder = models
    pictures = read_manifests([manifest]).pictures
    by_role: dict[str, dict[str, list[Path]]] = {REFERENCE: {}, PHOTO: {}}
    for picture in pictures:
        if picture.role in by_role:
            by_role[picture.role].setdefault(picture.sku, []).append(picture.path)
    bench = Bench(sorted(by_role[REFERENCE])[:skus], [], [], [])
    enrolled = VIEWS + (MIRRORED if mirrored else ())
    for sku in bench.skus:
        found = [
            view
            for path in by_role[REFERENCE][sku]
            for view in _looked(path, enrolled, 1, locator, embedder, whole=True)
        ]
        bench.vectors.append(np.stack([embedding for embedding, _ in found]))
        bench.pictures.append([seen for _, seen in found if seen is not None])
    for number, sku in enumerate(bench.skus):
        paths = by_role[PHOTO].get(sku, [])
        for place in np.unique(np.linspace(0, len(paths) - 1, photos).astype(int)):
            if not paths:
                continue
            views = _looked(paths[place], (PLAIN, *AGAIN), len(AGAIN) + 1, locator, embedder)
            if views:
                kept = tuple((vector, seen) for vector, seen in views if seen is not None)
                bench.shots.append(Shot(number, kept))
    return bench


def _looked(
    path: Path,
    views: Sequence[View],
    detailed: int,
    locator: Locator,
    embedder: Embedder,
    *,
    whole: bool = False,
) -> list[tuple[Embedding, Features | None]]:
    """Embedding of each view, with local features of the first `detailed`; empty: no item found.

    `whole`: then the whole picture is the item.
    """
    pixels = read_picture(path)
    height, width = pixels.shape[:2]
    item = subject(locator.locate(pixels), width, height)
    if item is None and not whole:
        return []
    box = Box(0, 0, width, height) if item is None else locator.refined(pixels, item).box
    return [
        (
            embedder.embed([seen(pixels, box, view, embedder.crop)])[0],
            seen(pixels, box, view, features) if number < detailed else None,
        )
        for number, view in enumerate(views)
    ]


def halved(
    bench: Bench, similarities: Floats, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """(SKUs,) which are enrolled, and (photos,) the enrolled SKU each photo is most like."""
    order = np.random.default_rng(seed).permutation(len(bench.skus))
    enrolled = np.zeros(len(order), np.bool_)
    enrolled[order[: len(order) // 2]] = True
    return enrolled, np.where(enrolled, similarities, -np.inf).argmax(axis=1)
