# SPDX-License-Identifier: Apache-2.0
"""Make models/strangers.npy: how things that are in no catalog look to the embedder.

    python -m tools.strangers --photos shared/data/single_items/manifest.csv [--drawn 3400]
                              [--models DIR]

Owns that file and its card. Each thing is one picture: photos of single items (those whose manifest
path has an even sha256; the odd ones stay to measure with) and made-up items drawn on a counter,
which exist nowhere. Each goes through the product's own locator and embedder; a picture in which
the locator finds nothing is left out, as the kiosk would never ask about it. Calibration counts
them; see `kiosk.catalog.strangers`. Another embedder needs another file.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]  # has no stubs

from kiosk.catalog.strangers import CARD, VECTORS, packed
from kiosk.config import LocateConfig, ModelsConfig
from kiosk.models import load_models
from kiosk.values import Embedding, Pixels
from kiosk.vision.decode import read_picture
from kiosk.vision.embed import Embedder
from kiosk.vision.image import single_threaded
from kiosk.vision.locate import Locator, subject
from tools import render
from tools.counter_pictures import COUNTERS, on_counter

FIRST = 700_000_000
"""Seeds of the drawn things start here, far from those of any training or test."""
MODELS = Path(__file__).parent.parent / "models"


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, metavar="MANIFEST.csv")
    parser.add_argument("--drawn", type=int, default=3400, help="made-up items")
    parser.add_argument("--models", type=Path, default=MODELS)
    arguments = parser.parse_args(given)
    single_threaded()
    paths = chosen(arguments.photos)
    models = load_models(ModelsConfig(directory=str(arguments.models), threads=1), LocateConfig())
    photos = embedded(models, map(read_picture, tqdm(paths, "photos")))
    drawn = embedded(models, map(made_up, tqdm(range(arguments.drawn), "drawn")))
    write(arguments.models, np.concatenate([photos, drawn]), len(photos), models[1].card.sha256)


def chosen(manifest: Path) -> list[Path]:
    """The photos to ship: every other one, by a hash of its path in the manifest."""
    with manifest.open(encoding="utf-8", newline="") as file:
        return [manifest.parent / row["path"] for row in csv.DictReader(file) if even(row["path"])]


def even(path: str) -> bool:
    """Of the shipped half; the other half stays to measure with."""
    return hashlib.sha256(path.encode()).digest()[-1] % 2 == 0


def made_up(number: int) -> Pixels:
    """BGR picture of an item that exists nowhere, on a counter."""
    rng = np.random.default_rng([FIRST, number])
    item = render.view(render.identity(FIRST + number), rng)
    return on_counter(rng, item, COUNTERS[number % len(COUNTERS)])[0]


def embedded(models: tuple[Locator, Embedder], pictures: Iterable[Pixels]) -> NDArray[np.float32]:
    """(N, D) unit vectors, one for each picture in which an item is found."""
    return np.stack(list(_embedded(models, pictures)))


def _embedded(models: tuple[Locator, Embedder], pictures: Iterable[Pixels]) -> Iterator[Embedding]:
    locator, embedder = models
    for pixels in pictures:
        height, width = pixels.shape[:2]
        item = subject(locator.locate(pixels), width, height)
        if item is not None:
            box = locator.refined(pixels, item).box
            yield embedder.embed([embedder.crop(pixels, box)])[0]


def write(folder: Path, vectors: NDArray[np.float32], photos: int, embedder: str) -> None:
    """The vectors as int8 and their card."""
    np.save(folder / VECTORS, packed(vectors), allow_pickle=False)
    digest = hashlib.sha256((folder / VECTORS).read_bytes()).hexdigest()
    (folder / CARD).write_text(
        f"""\
name = "things that are in no catalog"
file = "{VECTORS}"
sha256 = "{digest}"
embedder = "{embedder}"
things = {len(vectors)}
dimension = {vectors.shape[1]}
licence = "Apache-2.0"
summary = "One vector per thing, as the embedder above sees it; int8, each scaled to its largest number. Calibration holds a catalog against them."
made_from = ["{photos} photos of single items: clothing-dataset-small (CC0) and TrashNet (MIT), those whose manifest path has an even sha256", "{len(vectors) - photos} made-up items of tools/render.py on drawn counters, seeds from {FIRST}"]
weak_at = ["clothes, waste and drawn goods: no claim about things of another kind", "one picture of each thing: a thing that is turned until it resembles something counts once", "the embedder's training saw photos of the same two sets"]
reproduce = "python -m tools.strangers --photos DATA/single_items/manifest.csv --drawn N"
""",  # noqa: E501 - lines of the card
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
