# SPDX-License-Identifier: Apache-2.0
"""How well crops of shop photos find their SKU among reference pictures, and known from unknown.

Owns the measures: top-1 / top-5 over all SKUs and over the packaged ones, and the AUROC of the best similarity of known
items against items that are in no catalog.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tools.composites import letterbox
from tools.crops import crop
from tools.evaluate_detector import Detector, session

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Strings = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Cropping:
    """How a detection becomes the embedder's square; no box of at least `score`: the whole image."""

    fit: str
    margin: float
    score: float
    side: int = 224


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


def read(path: Path) -> U8:
    """A BGR picture, or an error that names it."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"cannot read {path}")
    return np.asarray(image, np.uint8)


def surest_box(detector: Detector, image: U8, side: int = 256) -> F32:
    """The surest box of an image, in its own pixels, with its score: (5,)."""
    height, width = image.shape[:2]
    small, _ = letterbox(image, np.zeros((0, 4), np.float32), side)
    boxes, scores = detector(small[None])
    scale = side / max(height, width)
    fitted = np.array([round(width * scale), round(height * scale)])
    shift = (side - fitted) // 2
    box = (boxes[0, 0].reshape(2, 2) - shift) * (np.array([width, height]) / fitted)
    return np.array([*box.clip(0, [width, height]).ravel(), scores[0, 0]], np.float32)


def square(image: U8, detector: Detector | None, how: Cropping) -> U8:
    """The embedder's picture of an image."""
    height, width = image.shape[:2]
    found = None if detector is None else surest_box(detector, image)
    if found is None or found[4] < how.score:
        return crop(image, (0, 0, width, height), how.fit, 0.0, how.side)
    x1, y1, x2, y2 = (float(v) for v in found[:4])
    return crop(image, (x1, y1, x2, y2), how.fit, how.margin, how.side)


def squares(paths: list[Path], detector: Detector | None, how: Cropping) -> U8:
    """`square` of every path, N×side×side×3."""
    return np.stack([square(read(path), detector, how) for path in paths])


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
    every = hits(queries, asked.sku, references, catalog.sku)
    pack = hits(
        queries[asked.packaged], asked.sku[asked.packaged],
        references[catalog.packaged], catalog.sku[catalog.packaged],
    )  # fmt: skip
    best = (queries @ references.T).max(1)
    return {
        "top1": round(every[0], 3), "top5": round(every[1], 3),
        "packaged_top1": round(pack[0], 3), "packaged_top5": round(pack[1], 3),
        "auroc_known_unknown": round(auroc(best, (unknown @ references.T).max(1)), 3),
    }  # fmt: skip
