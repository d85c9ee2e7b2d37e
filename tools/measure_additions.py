# SPDX-License-Identifier: Apache-2.0
"""How long another release takes to be tried with what was added here, before it answers.

    python -m tools.measure_additions [--additions 200] [--views 5] [--references 100000]

A made-up catalog without an Annoy file, as a whole new release is until it was folded: the worst
case, every reference is looked at for every view.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.additions.shelf import composed, shelved
from kiosk.additions.values import AddedView, Addition
from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.segment import Added, MemorySegment
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import Config, SearchConfig
from kiosk.models import load_models
from kiosk.values import Box, Record
from kiosk.vision.augment import VIEWS
from kiosk.vision.image import single_threaded
from tools.made_up import Bare, unit

PICTURES = 4
"""Of each SKU."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.measure_additions", description=__doc__)
    parser.add_argument("--additions", type=int, default=200)
    parser.add_argument("--views", type=int, default=5)
    parser.add_argument("--references", type=int, default=100_000)
    arguments = parser.parse_args()
    single_threaded()
    with catalog(arguments.references) as large:
        added = additions(large, arguments.additions, arguments.views)
        started, used_s = time.perf_counter(), time.process_time()
        shelf = shelved(large, added, lambda snapshot: None)
        tried, used_s = time.perf_counter(), time.process_time() - used_s
        composed(large, shelf, added).close()
        done = time.perf_counter()
    print(
        f"{arguments.additions} additions of {arguments.views} views beside "
        f"{arguments.references:,} references: tried in {tried - started:.2f} s "
        f"({used_s:.2f} s of a core), of which {len(shelf.standing)} stand; composed in "
        f"{done - tried:.2f} s"
    )


@contextmanager
def catalog(references: int) -> Iterator[Snapshot]:
    """So many references of made-up SKUs, over a release of a few."""
    locator, embedder = load_models(Config().models, Config().locate)
    with tempfile.TemporaryDirectory() as scratch:
        bare = Bare(Enrolment(locator, embedder), Path(scratch))
        bare.write("first", [[f"{at // PICTURES} {at}" for at in range(20)]])
        base = Snapshot.open(
            Path(scratch) / "first", embedder=embedder.card.sha256, config=SearchConfig()
        )
        pictures = []
        for at, vectors in enumerate(clusters(references, embedder.dimension, 1)):
            pictures.append(Added(f"made-up-{at // PICTURES}", vectors, b""))
        names = dict.fromkeys(picture.sku for picture in pictures)
        large = base.extended(MemorySegment([Record(sku, "", "") for sku in names], pictures))
        try:
            yield large
        finally:
            large.close()
            base.close()


def clusters(references: int, dimension: int, seed: int) -> Iterator[NDArray[np.float16]]:
    """(VIEWS, D) references of each picture, those of one SKU near each other."""
    random = np.random.default_rng(seed)
    for at in range(references // len(VIEWS)):
        if at % PICTURES == 0:
            kind = random.standard_normal(dimension)
        picture = kind + 0.7 * random.standard_normal(dimension)
        yield unit(picture + 0.4 * random.standard_normal((len(VIEWS), dimension)))


def additions(snapshot: Snapshot, count: int, views: int) -> list[Addition]:
    made = []
    random = np.random.default_rng(2)
    dimension = snapshot.manifest.dimension
    for number in range(count):
        kind = random.standard_normal(dimension)
        taken = []
        for _ in range(views):
            view = kind + 0.7 * random.standard_normal(dimension)
            vectors = unit(view + 0.4 * random.standard_normal((len(VIEWS), dimension)))
            taken.append(AddedView("", Box(0, 0, 1, 1), vectors, None))
        made.append(
            Addition(
                addition_id=str(number),
                at=str(number),
                record=Record(f"added-{number}", "", ""),
                more=False,
                release=snapshot.release,
                embedder=snapshot.manifest.embedder.sha256,
                method="",
                views=tuple(taken),
                thumbnail=b"",
                nearest=0.0,
            )
        )
    return made


if __name__ == "__main__":
    main()
