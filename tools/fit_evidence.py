# SPDX-License-Identifier: Apache-2.0
"""Fit what the second look's findings count for, and say what it gains, on photos of printed goods.

    python -m tools.fit_evidence MANIFEST.csv [--split train] [--category Packages] [--photos 10]
                                 [--models DIR] [--write]

Each photo goes the product's way (locate, embed, search) and is compared with its ten candidates.
Weights come from a coarse grid: how often the right SKU comes first, then by how much it leads.
The gain is quoted cross-validated over SKUs. Similarities enter only as what is raised, so the
weights hold for another embedder; run it again anyway. `--write` renews kiosk/verify/weights.py;
every release must then be built again.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.build import BuildOptions, build
from kiosk.catalog.details import COMPARED_SKUS
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import LocateConfig, ModelsConfig, SearchConfig
from kiosk.models import load_models
from kiosk.verify import NOTHING, compare
from kiosk.verify.evidence import RAISED
from kiosk.vision.decode import read_picture
from kiosk.vision.features import features
from kiosk.vision.image import single_threaded
from kiosk.vision.locate import subject

OUT = Path(__file__).parent.parent / "kiosk" / "verify" / "weights.py"
FOLDS = 5
CONSTANTS = (-6.0, -5.0, -4.0, -3.0)
LOG_POINTS = (0.2, 0.4, 0.6)
COVERAGES = (4.0, 6.0, 8.0, 10.0)
COLOURS = (0.4, 0.6, 0.8)
ENOUGH_LEAD = 0.2
"""A lead beyond this counts no more: it is the photos that are nearly confused that matter."""
RIGHT_SHARE = 0.99
"""APART lies above so large a share of the leads that a wrong SKU had."""
LEAST_APART = 0.1

Weights = tuple[float, float, float, float]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One photo and its candidates: (K,) arrays."""

    sku: str
    right: NDArray[np.bool_]
    similarity: Numbers
    points: Numbers
    coverage: Numbers
    colour: Numbers


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--category", default="Packages", help="of the photos; empty: all")
    parser.add_argument("--photos", type=int, default=10, help="of each SKU, evenly chosen")
    parser.add_argument("--models", default="")
    parser.add_argument("--write", action="store_true", help="renew kiosk/verify/weights.py")
    arguments = parser.parse_args(given)
    single_threaded()
    photos, lost = gathered(
        arguments.manifest,
        chosen(arguments.manifest, arguments.split, arguments.category, arguments.photos),
        arguments.models,
    )
    before = _first(photos, [photo.similarity for photo in photos])
    weights = fitted(photos)
    after = _first(photos, [evidence(photo, weights) for photo in photos])
    honest = crossed(photos)
    apart = _apart(photos, weights)
    total = len(photos) + lost
    print(f"{total} photos, {lost} without an item or a candidate")
    print(f"top-1 by similarity {before / total:.3f}, with the second look {after / total:.3f}, ")
    print(f"cross-validated over SKUs {honest / total:.3f}")
    print(f"weights {weights}, apart {apart:.2f}")
    if arguments.write:
        OUT.write_text(module(weights, apart))
        print(f"written to {OUT.name}: build every release again")


def chosen(manifest: Path, split: str, category: str, each: int) -> list[tuple[str, Path]]:
    """SKU and picture of at most `each` photos of every SKU."""
    found: dict[str, list[Path]] = defaultdict(list)
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            wanted = row["role"] == "photo" and row["split"] == split
            if wanted and category in ("", row["category"]):
                found[row["sku"]].append(manifest.parent / row["path"])
    return [
        (sku, paths[int(number)])
        for sku, paths in sorted(found.items())
        for number in np.unique(np.linspace(0, len(paths) - 1, each).astype(int))
    ]


def gathered(
    manifest: Path, queries: list[tuple[str, Path]], models: str
) -> tuple[list[Photo], int]:
    """What the second look finds for each query, and how many showed nothing."""
    locator, embedder = load_models(ModelsConfig(directory=models, threads=1), LocateConfig())
    photos: list[Photo] = []
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "release"
        build(manifest, out, locator=locator, embedder=embedder, options=BuildOptions())
        snapshot = Snapshot.open(out, embedder=embedder.card.sha256, config=SearchConfig())
        for sku, path in queries:
            pixels = read_picture(path)
            item = subject(locator.locate(pixels), pixels.shape[1], pixels.shape[0])
            if item is None:
                continue
            box = locator.refined(pixels, item).box
            embedding = embedder.embed([embedder.crop(pixels, box)])[0]
            seen = features(pixels, box)
            candidates = snapshot.candidates(embedding, COMPARED_SKUS)
            known = [snapshot.details.of(each.pictures[0]) for each in candidates]
            looked = [NOTHING if each is None else compare(seen, each) for each in known]
            photos.append(
                Photo(
                    sku,
                    np.array([each.match.sku == sku for each in candidates]),
                    np.array([each.match.similarity for each in candidates]),
                    np.array([float(each.points) for each in looked]),
                    np.array([each.coverage for each in looked]),
                    np.array([each.colour for each in looked]),
                )
            )
        snapshot.close()
    return photos, len(queries) - len(photos)


def evidence(photo: Photo, weights: Weights) -> Numbers:
    """`verify.joined` with other weights, for all candidates."""
    constant, log_points, coverage, colour = weights
    total = constant + log_points * np.log1p(photo.points) + coverage * photo.coverage
    strength = (1 - colour * (1 - photo.colour)) / (1 + np.exp(-total))
    strength = np.where(photo.points > 0, strength, 0)
    missing = np.maximum(0, 1 - photo.similarity)
    return np.asarray(photo.similarity + missing * RAISED * strength)


def fitted(photos: list[Photo]) -> Weights:
    """The best of the grid; of equals the first."""
    grid = itertools.product(CONSTANTS, LOG_POINTS, COVERAGES, COLOURS)
    return max(grid, key=lambda weights: _goodness(photos, weights))


def crossed(photos: list[Photo]) -> int:
    """Photos that are right with weights that were fitted without their SKU."""
    skus = sorted({photo.sku for photo in photos})
    right = 0
    for fold in range(FOLDS):
        held = set(skus[fold::FOLDS])
        weights = fitted([photo for photo in photos if photo.sku not in held])
        mine = [photo for photo in photos if photo.sku in held]
        right += _first(mine, [evidence(photo, weights) for photo in mine])
    return right


def module(weights: Weights, apart: float) -> str:
    """kiosk/verify/weights.py with these numbers."""
    values = dict(zip(("CONSTANT", "LOG_POINTS", "COVERAGE", "COLOUR"), weights, strict=True))
    values["APART"] = round(apart, 2)
    lines = []
    for line in OUT.read_text().splitlines():
        name = line.split(" = ")[0]
        lines.append(f"{name} = {values[name]}" if name in values else line)
    return "\n".join(lines) + "\n"


def _goodness(photos: list[Photo], weights: Weights) -> float:
    leads = [_lead(photo, evidence(photo, weights)) for photo in photos if photo.right.any()]
    return sum((lead > 0) + min(max(lead, -ENOUGH_LEAD), ENOUGH_LEAD) for lead in leads)


def _first(photos: list[Photo], scores: list[Numbers]) -> int:
    return sum(bool(p.right[s.argmax()]) for p, s in zip(photos, scores, strict=True))


def _lead(photo: Photo, scores: Numbers) -> float:
    """Of the right candidate over the best wrong one."""
    others = scores[~photo.right]
    return float(scores[photo.right].max() - (others.max() if len(others) else -1.0))


def _apart(photos: list[Photo], weights: Weights) -> float:
    leads = [-_lead(p, evidence(p, weights)) for p in photos if p.right.any()]
    wrong = [max(0.0, lead) for lead in leads]
    bound = float(np.quantile(wrong, RIGHT_SHARE)) if wrong else math.inf
    return max(LEAST_APART, bound)


if __name__ == "__main__":
    main()
