# SPDX-License-Identifier: Apache-2.0
"""Learn the projection of local features: the main directions of rooted SIFT on other pictures.

    python -m tools.fit_projection MANIFEST.csv [MANIFEST.csv …] [--each 150] [--seed 0]

Writes `kiosk/vision/projection.npy`: float16, the mean and then the main directions, one a row.
Every release must then be built again: the method of its local features has another name.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import ImageError
from kiosk.values import POINT
from kiosk.vision.decode import read_picture
from kiosk.vision.features import SIDE, rooted
from kiosk.vision.image import resize, single_threaded

OUT = Path(__file__).parent.parent / "kiosk" / "vision" / "projection.npy"
POINTS_EACH = 200
"""The most distinct of each picture, so that none fills the sample."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--each", type=int, default=150, help="pictures of each manifest")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    single_threaded()
    random = np.random.default_rng(arguments.seed)
    samples = [
        table
        for manifest in arguments.manifests
        for table in described(manifest, arguments.each, random)
    ]
    kept = POINT["descriptor"].shape[0]
    projection, share = fitted(np.concatenate(samples), kept)
    np.save(OUT, projection, allow_pickle=False)
    points = sum(map(len, samples))
    print(f"{points} points of {len(samples)} pictures; {kept} directions hold {share:.1%} of the")
    print(f"variance; written to {OUT.name}: build every release again")


def described(
    manifest: Path, count: int, random: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    """(N, 128) rooted descriptors of each of `count` randomly drawn pictures that can be read."""
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        paths = [manifest.parent / row["path"] for row in csv.DictReader(file)]
    for number in random.permutation(len(paths))[:count]:
        try:
            pixels = read_picture(paths[number])
        except ImageError as error:
            print(f"left out: {error}")
            continue
        scale = SIDE / max(pixels.shape[:2])
        width, height = (max(1, round(side * scale)) for side in pixels.shape[1::-1])
        yield rooted(resize(pixels, width, height))[1][:POINTS_EACH]


def fitted(samples: NDArray[np.float32], kept: int) -> tuple[NDArray[np.float16], float]:
    """(1 + kept, 128): mean and main directions; and the share of the variance these hold.

    A direction and its opposite say the same: its largest part is made positive.
    """
    mean = samples.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((samples - mean).T))
    main_ones = vectors.T[::-1][:kept]
    largest = main_ones[np.arange(kept), np.abs(main_ones).argmax(axis=1)]
    table = np.vstack([mean, main_ones * np.sign(largest)[:, None]])
    return table.astype(np.float16), float(values[::-1][:kept].sum() / values.sum())


if __name__ == "__main__":
    main()
