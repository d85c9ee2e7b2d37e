# SPDX-License-Identifier: Apache-2.0
"""Releases of made-up pictures, put together as a build does it, without looking at any picture."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tiny_models import DIMENSION, open_models

from kiosk.catalog.assemble import Enrolled, assemble
from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.manifest import Manifest
from kiosk.catalog.result import Result
from kiosk.catalog.snapshot import Snapshot
from kiosk.catalog.sources import SourcePicture
from kiosk.catalog.strangers import none
from kiosk.catalog.work import publish, workplace
from kiosk.config import SearchConfig
from kiosk.values import POINT, TONES, Box, Features, Record
from kiosk.vision.augment import CAMERA

VIEWS = ("plain", "left", "right")
NOBODY = none("nobody was asked")


@dataclass(frozen=True, slots=True, order=True)
class Made:
    """A picture; another `take` is another picture of the same name."""

    sku: str
    name: str
    take: int = 0
    custom: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr((self.sku, self.name, self.take)).encode()).hexdigest()


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float16)


def result(one: Made) -> Result:
    """Views near each other, and near those of the same SKU."""
    kind = np.random.default_rng(int.from_bytes(hashlib.sha256(one.sku.encode()).digest()[:8]))
    random = np.random.default_rng(int(one.digest[:12], 16))
    middle = kind.standard_normal(DIMENSION) + 0.5 * random.standard_normal(DIMENSION)
    near = middle + 0.2 * random.standard_normal((len(VIEWS) + len(CAMERA), DIMENSION))
    tones = random.integers(0, 256, (TONES, TONES, 3), np.uint8)
    return Result(
        box=Box(0, 0, 90, 90 + one.take),
        note="",
        views=VIEWS,
        thumbnail=b"\xff\xd8" + one.digest.encode(),
        vectors=unit(near[: len(VIEWS)]),
        probes=unit(near[len(VIEWS) :]),
        features=(Features(np.zeros(one.take % 5, POINT), tones, (30, 20)),),
    )


def made(
    out: Path,
    models: Path,
    pictures: Sequence[Made],
    records: Mapping[str, Record] | None = None,
    *,
    base: Path | None = None,
    brought: Mapping[str, Path] | None = None,
) -> Manifest:
    """The release `out` of these pictures. SKUs without a record get a plain one."""
    enrolment = Enrolment(*open_models(models))
    known = {one.sku: Record(one.sku, f"Name of {one.sku}", "") for one in pictures}
    known |= {sku: record for sku, record in (records or {}).items() if sku in known}
    with workplace(out) as work:
        enrolled = []
        for one in sorted(pictures):
            work.cache.keep(one.digest, result(one))
            source = SourcePicture(one.name, Path(one.name), one.sku, custom=one.custom)
            enrolled.append(Enrolled(source, one.digest, one.digest))
        manifest, _ = assemble(
            work, enrolled, known, enrolment, NOBODY, 0.05, base=base, models=brought or {}
        )
        publish(work, out, replace=False)
    return manifest


def opened(release: Path, models: Path, beside: Snapshot | None = None) -> Snapshot:
    embedder = open_models(models)[1].card.sha256
    return Snapshot.open(release, embedder=embedder, config=SearchConfig(), beside=beside)
