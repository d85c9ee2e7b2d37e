# SPDX-License-Identifier: Apache-2.0
"""Large releases of pictures that nobody took: what would come out of enrolling them, by key."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.details import method
from kiosk.catalog.earlier import share_file
from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.gate import queries_for, write_gate
from kiosk.catalog.manifest import (
    GATE,
    NAME,
    FileEntry,
    Manifest,
    ModelName,
    SegmentEntry,
    sealed,
    to_json,
)
from kiosk.catalog.material import Material, file_entry, write_segment
from kiosk.catalog.result import Result
from kiosk.catalog.stored import open_segments
from kiosk.catalog.tombstones import write_tombstones
from kiosk.catalog.work import Workplace
from kiosk.values import POINT, TONES, Box, Features, Record
from kiosk.vision.augment import CAMERA, VIEWS

POINTS = 400
"""Local features of a richly printed picture: the most there are."""
THUMBNAIL_BYTES = 10_000


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float16]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float16)


def noise(random: np.random.Generator, points: int) -> Features:
    """Local features that no picture has."""
    found = np.frombuffer(random.bytes(POINT.itemsize * points), POINT)
    return Features(found, random.integers(0, 256, (TONES, TONES, 3), np.uint8), (384, 300))


def jpeg(random: np.random.Generator, size: int) -> bytes:
    """So many bytes that nobody looks into further than their beginning."""
    return b"\xff\xd8" + random.bytes(size - 2)


def listed(
    segments: Sequence[SegmentEntry],
    files: Sequence[FileEntry],
    *,
    skus: int,
    pictures: int,
    views: int,
    dimension: int,
    model: ModelName,
    features: str = "",
) -> Manifest:
    """The manifest of these segments, of `pictures` that live with `views` references each."""
    return Manifest(
        release="",
        built_at="2026-01-01T00:00:00+00:00",
        skus=skus,
        pictures=pictures,
        references=pictures * views,
        dimension=dimension,
        embedder=model,
        detector=model,
        augmentation=(),
        segments=tuple(segments),
        files=tuple(files),
        features=features,
    )


def written(folder: Path, manifest: Manifest, *more: str) -> Manifest:
    """Give the release in `folder` its manifest; `more`: files that it does not list yet."""
    files = (*manifest.files, *(file_entry(folder, name) for name in more))
    made = sealed(dataclasses.replace(manifest, files=files))
    (folder / NAME).write_bytes(to_json(made))
    return made


def share(here: Path, there: Path, files: Sequence[FileEntry]) -> None:
    """Have the same files in another release."""
    for entry in files:
        share_file(here / entry.name, there / entry.name)


class MadeUp(Workplace):
    """Results of no pictures, by key, as they are asked for."""

    def __init__(self, path: Path, dimension: int) -> None:
        self.path = path
        self.release = path / "release"
        self._dimension = dimension

    def find(self, key: str) -> Result | None:
        seed = hashlib.sha256(key.encode()).digest()
        random = np.random.default_rng(int.from_bytes(seed[:8]))
        kind = np.random.default_rng(int(key.split()[0]))
        middle = kind.standard_normal(self._dimension)
        middle += 0.7 * random.standard_normal(self._dimension)
        near = middle + 0.4 * random.standard_normal((len(VIEWS) + len(CAMERA), self._dimension))
        details = noise(random, POINTS)
        return Result(
            box=Box(0, 0, 500, 500),
            note="",
            views=tuple(view.name for view in VIEWS),
            thumbnail=jpeg(random, THUMBNAIL_BYTES),
            vectors=unit(near[: len(VIEWS)]),
            probes=unit(near[len(VIEWS) :]),
            features=(details,),
        )


class Bare:
    """Releases that nothing was measured on: quickly made."""

    def __init__(self, enrolment: Enrolment, folder: Path) -> None:
        self._enrolment, self._folder = enrolment, folder
        self._work = MadeUp(folder, enrolment.embedder.dimension)
        self._made: dict[str, tuple[SegmentEntry, tuple[FileEntry, ...]]] = {}

    def result(self, key: str) -> Result:
        found = self._work.find(key)
        assert found is not None
        return found

    def write(
        self,
        name: str,
        parts: Sequence[Sequence[str]],
        gone: NDArray[np.bool_] | None = None,
    ) -> Manifest:
        """A release of these segments; those that were written before are the same files. `gone`:
        pictures of the first that are.
        """
        folder = self._folder / name
        made = []
        for part in parts:
            if part[-1] in self._made:
                share(self._folder / "first", folder, self._made[part[-1]][1])
            else:
                self._made[part[-1]] = self._segment(folder, part)
            made.append(self._made[part[-1]])
        card = self._enrolment.embedder.card
        model = ModelName(card.name, card.version, card.sha256)
        files = [file for _, each in made for file in each]
        pictures = sum(map(len, parts))
        if gone is not None:
            files.append(file_entry(folder, write_tombstones(folder, made[0][0], gone)))
            pictures -= int(gone.sum())
        manifest = listed(
            [entry for entry, _ in made],
            files,
            skus=len({key.split()[0] for part in parts for key in part}),
            pictures=pictures,
            views=len(VIEWS),
            dimension=self._enrolment.embedder.dimension,
            model=model,
            features=method(),
        )
        with closing(open_segments(folder, manifest, checked=False)) as joined:
            write_gate(folder, manifest, joined)
        return written(folder, manifest, GATE)

    def _segment(
        self, folder: Path, keys: Sequence[str]
    ) -> tuple[SegmentEntry, tuple[FileEntry, ...]]:
        skus = sorted({key.split()[0] for key in keys})
        count = queries_for(len(keys), first=not self._made)
        queries = np.concatenate([self.result(key).probes[:1] for key in keys[:count]])
        records = [Record(sku, "A thing to sell", "Things") for sku in skus]
        return write_segment(
            folder, records, map(self._material, keys), queries=queries, details=True
        )

    def _material(self, key: str) -> Material:
        result = self.result(key)
        digest = hashlib.sha256(key.encode()).hexdigest()
        return Material(
            sku=key.split()[0],
            name=key,
            sha256=digest,
            key=key,
            box=result.box,
            views=result.views,
            vectors=result.vectors,
            thumbnail=result.thumbnail,
            features=result.features[0],
        )
