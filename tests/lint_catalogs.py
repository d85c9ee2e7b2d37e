# SPDX-License-Identifier: Apache-2.0
"""Catalogs for the tests of a lint: one with known faults in it, built as the product builds it,
and made-up content where only numbers count.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
from prints import counter, face, photographed, recoloured
from tiny_models import open_models

from kiosk.catalog.build import BuildOptions, build
from kiosk.catalog.details import NoDetails
from kiosk.catalog.lint.content import Content, Picture
from kiosk.catalog.lint.findings import Thumbnail
from kiosk.catalog.manifest import Manifest, ModelName
from kiosk.catalog.trusted import only_ask
from kiosk.values import Box, Pixels, Record
from kiosk.vision.image import blurred, fit_within

SHOTS = 3
NOWHERE = Thumbnail("", 0, 0)
SKUS = """sku,name,category,barcode
SKU-0,Zero,Round,4006381333931
SKU-1,One,Round,036000291452
SKU-2,Two,Round,0036000291452
SKU-3,Three,Flat,4006381333932
SKU-4,<script>alert(4)</script>,Round,
"""


def planted(root: Path) -> Path:
    """Pictures with these faults: SKU-1 holds one of SKU-0; SKU-3 one of SKU-2, byte for byte;
    SKU-5 one of SKU-4, saved again; SKU-6 and SKU-7 look alike; SKU-8 has a blurred and a tiny one;
    SKU-9 only one. Facts as in SKUS.
    """
    for item in range(9):
        for shot in range(SHOTS):
            same = shot_of(6, shot + 0.5) if item == 7 else shot_of(item, shot)
            write(root / f"SKU-{item}" / f"{shot}.png", same)
    write(root / "SKU-1" / "moved.png", shot_of(0, 1.5))
    shutil.copy(root / "SKU-2" / "0.png", root / "SKU-3" / "copied.png")
    write(root / "SKU-5" / "again.jpg", shot_of(4, 0))
    write(root / "SKU-8" / "blurred.png", blurred(shot_of(8, 1.5), 7))
    write(root / "SKU-8" / "tiny.png", fit_within(shot_of(8, 2), 110))
    write(root / "SKU-9" / "0.png", shot_of(9, 0))
    (root / "skus.csv").write_text(SKUS)
    return root


def shot_of(item: int, shot: float) -> Pixels:
    """A printed face on a ground of its own colours, differently turned in each shot."""
    random = np.random.default_rng(item + 30)
    pixels = face(item, ground=(230, 230, 230))
    for row, column in np.ndindex(3, 3):
        cell = pixels[100 * row : 100 * row + 100, 100 * column : 100 * column + 100]
        cell[cell.min(axis=2) > 200] = random.integers(90, 255, 3)
    return counter(photographed(pixels, turn=14 * shot - 10))


def write(path: Path, pixels: Pixels) -> None:
    """As a file, JPEG or PNG by its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def printed(root: Path) -> Path:
    """Four SKUs: A and B bear one print, B also has a picture of A that was saved again; C is A in
    other colours, D is another thing.
    """
    first = face(1)
    for sku, pixels in {"A": first, "B": first, "C": recoloured(first), "D": face(2)}.items():
        write(root / sku / "0.png", counter(photographed(pixels, turn=ord(sku) - 60)))
    write(root / "B" / "again.jpg", counter(photographed(first, turn=ord("A") - 60)))
    return root


def built(source: Path, out: Path, models: Path, *, details: bool = False) -> Path:
    """A release of the pictures in `source`; `details`: with local features, which take longer."""
    locator, embedder = open_models(models)
    options = BuildOptions(details=details)
    build(source, out, locator=locator, embedder=embedder, options=options)
    return out


def content(vectors: np.ndarray, owners: np.ndarray, views: int = 1) -> Content:
    """Content of (N, D) vectors, `views` rows for each picture; owners: (P,) its SKU."""
    count = len(owners)
    manifest = Manifest(
        release="0" * 16,
        built_at="",
        skus=int(owners.max()) + 1,
        pictures=count,
        references=len(vectors),
        dimension=vectors.shape[1],
        embedder=ModelName("embedder", "1", "0" * 64),
        detector=ModelName("detector", "1", "0" * 64),
        augmentation=(),
        segments=(),
        files=(),
    )
    skus = range(manifest.skus)
    return Content(
        path=Path("nowhere"),
        manifest=manifest,
        records=tuple(Record(f"SKU-{sku}", f"Name {sku}", "") for sku in skus),
        pictures=tuple(
            Picture(at, int(sku), f"{at}.jpg", f"{at:064}", NOWHERE, Box(0, 0, 300, 300))
            for at, sku in enumerate(owners)
        ),
        vectors=vectors.astype(np.float16),
        first=np.arange(count + 1) * views,
        owners=owners.astype(np.int32),
        details=NoDetails(),
        first_picture=np.searchsorted(owners, np.arange(len(skus) + 1)),
        trust=only_ask("it is made up", manifest),
    )


def unit(values: np.ndarray) -> np.ndarray:
    """Rows of unit length."""
    return values / np.linalg.norm(values, axis=-1, keepdims=True)
