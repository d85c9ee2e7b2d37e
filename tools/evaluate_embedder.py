# SPDX-License-Identifier: Apache-2.0
"""How well crops of shop photos find their SKU among reference pictures, and known from unknown.

Owns the measures: top-1 / top-5 over all SKUs and over the packaged ones, and the AUROC of the best
similarity of known items against items that are in no catalog. Boxes and crops are the product's.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.config import LocateConfig
from kiosk.values import Box
from kiosk.vision.embed import Cropping
from kiosk.vision.locate import Locator, subject
from kiosk.vision.session import OnnxSession
from tools.evaluate_detector import session

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Strings = npt.NDArray[np.str_]
PAD = 114


def cropping(side: int) -> Cropping:
    """The product's own way to cut a crop, before there is a model: alone on grey."""
    return Cropping(side, side, "letterbox", 0.0, PAD)


def locator(card: Path, score: float = 0.0) -> Locator:
    """The product's own locator, one thread; with score 0 the card's least score."""
    return Locator(OnnxSession(card, threads=1), LocateConfig(score=score))


@dataclass(frozen=True, slots=True)
class Photos:
    """Paths, and what is on them."""

    paths: list[Path]
    sku: Strings
    packaged: npt.NDArray[np.bool_]


def photos(data: Path, folder: str, role: str, split: str) -> Photos:
    """The rows of one manifest with this role and split."""
    with (data / folder / "manifest.csv").open(newline="") as handle:
        rows = [r for r in csv.DictReader(handle) if (r["role"], r["split"]) == (role, split)]
    return Photos(
        [data / folder / r["path"] for r in rows],
        np.array([r["sku"] for r in rows]),
        np.array([r["category"] == "Packages" for r in rows]),
    )


def fold(skus: Strings, number: int, folds: int) -> npt.NDArray[np.bool_]:
    """Which of `skus` belong to fold `number` of `folds`: every so manieth by name, for ever."""
    place = {sku: k % folds for k, sku in enumerate(sorted(set(skus.tolist())))}
    return np.array([place[sku] == number for sku in skus.tolist()])


def read(path: Path) -> U8:
    """A BGR picture, or an error that names it."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"cannot read {path}")
    return np.asarray(image, np.uint8)


def square(image: U8, finder: Locator | None, cutter: Cropping) -> U8:
    """The embedder's picture of an image: the item the kiosk would look at, else all of it."""
    height, width = image.shape[:2]
    whole = Box(0.0, 0.0, float(width), float(height))
    found = None if finder is None else subject(finder.locate(image), width, height)
    return cutter.crop(image, whole if found is None else found.box)


def squares(paths: list[Path], finder: Locator | None, cutter: Cropping) -> U8:
    """`square` of every path, N×side×side×3."""
    return np.stack([square(read(path), finder, cutter) for path in paths])


def embed(model: Path, pictures: U8, output: str = "embedding") -> F32:
    """One output of a model for N pictures, 32 a batch, one thread."""
    net = session(model)
    parts = [net.run([output], {"image": pictures[k : k + 32]})[0]
             for k in range(0, len(pictures), 32)]  # fmt: skip
    return np.concatenate(parts).astype(np.float32)


def hits(queries: F32, sku: Strings, references: F32, names: Strings) -> tuple[float, float]:
    """Top-1 and top-5 shares; a SKU is as near as its nearest reference."""
    labels = np.array(sorted(set(names.tolist())))
    similarity = queries @ references.T
    nearest = np.stack([similarity[:, names == label].max(1) for label in labels], 1)
    ranked = labels[np.argsort(-nearest, 1, kind="stable")]
    top5 = (ranked[:, :5] == sku[:, None]).any(1)
    return float((ranked[:, 0] == sku).mean()), float(top5.mean())


def auroc(known: F32, unknown: F32) -> float:
    """Chance that a known item's best similarity is above an unknown item's."""
    both = np.concatenate([known, unknown])
    _, place = np.unique(both, return_inverse=True)
    counts = np.bincount(place)
    middle = np.cumsum(counts) - (counts - 1) / 2
    ranks = middle[place][: len(known)]
    wins = ranks.sum() - len(known) * (len(known) + 1) / 2
    return float(wins / (len(known) * len(unknown)))


def report(
    queries: F32, asked: Photos, references: F32, catalog: Photos, unknown: F32
) -> dict[str, float]:
    """All figures of one embedder, for its card."""
    found = hits(queries, asked.sku, references, catalog.sku)
    figures = {"top1": found[0], "top5": found[1]}
    if asked.packaged.any():
        found = hits(
            queries[asked.packaged], asked.sku[asked.packaged],
            references[catalog.packaged], catalog.sku[catalog.packaged],
        )  # fmt: skip
        figures |= {"packaged_top1": found[0], "packaged_top5": found[1]}
    best = (queries @ references.T).max(1)
    figures["auroc_known_unknown"] = auroc(best, (unknown @ references.T).max(1))
    return {name: round(value, 3) for name, value in figures.items()}
