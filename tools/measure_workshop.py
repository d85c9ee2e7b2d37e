# SPDX-License-Identifier: Apache-2.0
"""Measure what a workshop takes in per second, and how much memory a large one needs.

    python -m tools.measure_workshop [--pictures 10000] [--rows 1000000]
                                     [--database postgresql://USER@HOST/DATABASE]

Every step runs in a process of its own, so that its peak memory is its own. Pictures are JPEGs of
640x480 made for the purpose, ten to a SKU; rows are pictures of SKUs whose bytes nobody looks at.
Give a database that may be filled: its catalogs `measured` and `measured_other` are used.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kiosk.imports.forms import find
from kiosk.vision.decode import read_bytes
from kiosk.workshop.adding import add
from kiosk.workshop.changes import Picture, PutPicture, PutSku
from kiosk.workshop.folder import Settings, init, workshop
from kiosk.workshop.importing import Importer
from kiosk.workshop.listing import items
from kiosk.workshop.pictures import checked_picture

NAME = "measured"
PER_SKU = 10
AT_ONCE = 1000
_LINE = "{:<24}{:>9}{:>9}{:>9}{:>9}{:>11}{:>9}"


@dataclass(frozen=True, slots=True)
class Measured:
    count: int
    seconds: float
    cpu_seconds: float
    """Of this process alone: what does not depend on who else uses the machine."""
    peak_mb: float
    """Of the whole process: some 60 MB of them are Python and its libraries."""


@dataclass(frozen=True, slots=True)
class Place:
    folder: Path
    database: str
    pictures: int
    rows: int

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    @property
    def shop(self) -> Path:
        return self.folder / "shop"

    @property
    def other(self) -> Path:
        """A second one, so that adding and importing both begin with nothing."""
        return self.folder / "other"


Step = Callable[[Place], int]
"""What is measured; gives how many of something were done."""


def make_photos(place: Place) -> int:
    rng = np.random.default_rng(5)
    base = cv2.resize(rng.integers(0, 255, (24, 32, 3), np.uint8), (640, 480))
    for number in range(place.pictures):
        folder = place.photos / f"sku{number // PER_SKU:06}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.roll(base, (number * 7, number * 13), (0, 1))
        cv2.putText(pixels, str(number), (40, 240), cv2.FONT_HERSHEY_SIMPLEX, 3, (0, 0, 0), 4)
        cv2.imwrite(str(folder / f"{number % PER_SKU}.jpg"), pixels)
    return place.pictures


def check_only(place: Place) -> int:
    paths = sorted(place.photos.rglob("*.jpg"))
    for path in paths:
        checked_picture(read_bytes(path, path.name), path.name)
    return len(paths)


def add_all(place: Place) -> int:
    folders = sorted(place.photos.iterdir())
    with workshop(place.shop) as shop:
        for folder in folders:
            add(shop, PutSku(folder.name), sorted(folder.iterdir()), Picture("", "", ""))
    return place.pictures


def import_all(place: Place) -> int:
    found = find(place.photos)
    with workshop(place.other) as shop:
        summary = Importer(shop.repository, shop.pictures).run(found, "photos", lambda told: None)
    assert not summary.failed
    return summary.lines


def fill(place: Place) -> int:
    with workshop(place.shop) as shop:
        for start in range(0, place.rows, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, place.rows))
            shop.repository.apply([PutPicture(_row(number)) for number in numbers])
    return place.rows


def _row(number: int) -> Picture:
    sku = f"row{number // PER_SKU:07}"
    ints = (number, number % 7, None, None)
    texts = ("some text", None, None, None)
    return Picture(sku, f"{number % PER_SKU}.jpg", f"{number:064x}", None, "k1:v1", ints, texts)


def stream(place: Place) -> int:
    with workshop(place.shop) as shop, shop.repository.reading() as reading:
        return sum(len(item.pictures) for item in items(reading))


def freeze(place: Place) -> int:
    with workshop(place.shop) as shop, shop.source() as (source, _):
        count = sum(1 for _ in source.pictures)
        assert sum(len(source.records[sku].name) > 0 for sku in source.records) * PER_SKU == count
    return count


def look_for_changes(place: Place) -> int:
    with workshop(place.shop) as shop, shop.repository.reading() as reading:
        return sum(1 for _ in reading.pictures(since=reading.seq - 1))


def measured(step: Step, place: Place) -> Measured:
    """In this process: how long a step takes and what the process came to need."""
    start, cpu_start = time.perf_counter(), time.process_time()
    count = step(place)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(count, seconds, cpu_seconds, peak_mb)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", default="")
    arguments = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), arguments.database, arguments.pictures, arguments.rows)
        init(place.shop, Settings(NAME, place.database))
        init(place.other, Settings(f"{NAME}_other", place.database))
        steps: list[tuple[str, Step]] = [
            ("make the photos", make_photos),
            ("check photos only", check_only),
            ("add, ten at a time", add_all),
            ("import into another", import_all),
            ("import the same again", import_all),
            ("fill with rows", fill),
            ("list all", stream),
            ("copy for a build", freeze),
            ("changes of one batch", look_for_changes),
        ]
        print(_LINE.format("step", "count", "seconds", "per s", "CPU s", "per CPU s", "peak MB"))
        apart = multiprocessing.get_context("spawn")
        for told, step in steps:
            with ProcessPoolExecutor(1, mp_context=apart) as pool:
                took = pool.submit(measured, step, place).result()
            rates = (took.count / took.seconds, took.count / max(took.cpu_seconds, 0.01))
            cells = (f"{took.seconds:.1f}", f"{rates[0]:.0f}", f"{took.cpu_seconds:.1f}")
            print(_LINE.format(told, took.count, *cells, f"{rates[1]:.0f}", f"{took.peak_mb:.0f}"))


if __name__ == "__main__":
    main()
