# SPDX-License-Identifier: Apache-2.0
"""What changes of a large catalog cost: bytes to a kiosk, and searching old and new together.

    python -m tools.churn [search] [bytes] [open] [days] [activate] [--references 100000]
        [--dimension 256]

`search`: an Annoy file with 20 % of its rows gone and newer rows searched exactly beside it,
against one fresh Annoy file over the same rows, in one run. `bytes`: a first release and one with
1 % of its pictures changed, written as a build writes them, from made-up pictures; a calibration,
which is some kilobytes, is not in them. `open`: how long the second takes to be searched while the
first is. `days`: bytes a day when 1 % changes every day, by the product's own rule for merging.
`activate`, only when asked for: from the pointer to the first answer of a running kiosk with a row
of a release in which 1 % is new, which `kiosk sync` fetched and tested.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.manifest import (
    FEATURES,
    NAME,
    PICTURES,
    QUERIES,
    THUMBNAILS,
    VECTORS,
    Manifest,
    to_json,
)
from kiosk.catalog.reuse import MOST_DEAD, MOST_SEGMENTS, merged_from
from kiosk.catalog.segment import Added, MemorySegment
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import Config, SearchConfig
from kiosk.models import load_models
from kiosk.search import Block, ExactIndex, OpenIndex, Rows, open_index
from kiosk.search.open import built
from kiosk.values import Record
from kiosk.vision.augment import VIEWS
from tools.activation import CHANGED, PICTURES_PER_SKU, activation
from tools.made_up import Bare, unit


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.churn", description=__doc__)
    parser.add_argument("parts", nargs="*", default=["search", "bytes", "open", "days"])
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=256)
    arguments = parser.parse_args()
    if "search" in arguments.parts:
        search(arguments.references, arguments.dimension)
    if "bytes" in arguments.parts:
        sizes(arguments.references // len(VIEWS))
    if "open" in arguments.parts:
        opening(arguments.references // len(VIEWS))
    if "days" in arguments.parts:
        days(arguments.references, arguments.dimension)
    if "activate" in arguments.parts:
        activation(arguments.references // len(VIEWS))


def clusters(rows: int, dimension: int, seed: int) -> NDArray[np.float16]:
    """(rows, D) in SKUs of 20, as `kiosk bench --references` makes them."""
    random = np.random.default_rng(seed)
    centres = np.repeat(random.standard_normal((rows // 20 + 1, dimension)), 20, axis=0)[:rows]
    return unit(centres + 0.7 * random.standard_normal((rows, dimension)))


def search(references: int, dimension: int) -> None:
    """Recall and time of both, side by side."""
    newer = 8 * references // 100
    random = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        parts = [clusters(references, dimension, 1), clusters(newer, dimension, 2)]
        rows = Rows([Block(str(at), part) for at, part in enumerate(parts)])
        live = np.ones(len(rows), np.bool_)
        live[random.choice(references, references // 5, replace=False)] = False
        old = Rows(rows.blocks[:1])
        started = time.perf_counter()
        (folder / "old").mkdir()
        built(old, np.arange(references), folder / "old", SearchConfig().recall)
        (folder / "fresh").mkdir()
        middle = time.perf_counter()
        built(rows, np.flatnonzero(live), folder / "fresh", SearchConfig().recall)
        done = time.perf_counter()
        print(
            f"{references} references of {dimension} numbers, 20 % gone, {newer} newer; Annoy "
            f"built in {middle - started:.1f} s and {done - middle:.1f} s"
        )
        opened = []
        for name in ("old", "fresh"):
            started = time.perf_counter()
            index = open_index(rows, live, folder / name, config=SearchConfig())
            opened.append((index, time.perf_counter() - started))
        print(f"{'':<36}{'recall@10':>10}{'p50 ms':>8}{'p99 ms':>8}{'opened in s':>13}")
        compare([*opened], rows, live)


def compare(
    indexes: Sequence[tuple[OpenIndex, float]], rows: Rows, live: NDArray[np.bool_]
) -> None:
    """Each query is asked of all in turn, so that a busy machine is busy for all."""
    random = np.random.default_rng(5)
    near = rows.take(np.sort(random.choice(np.flatnonzero(live), 300, replace=False)))
    noise = random.standard_normal(near.shape)
    near += 0.6 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    exact = ExactIndex(rows, np.flatnonzero(live))
    waits: list[list[float]] = [[] for _ in range(len(indexes) + 1)]
    found = [0] * len(indexes)
    for query in unit(near).astype(np.float32):
        started = time.perf_counter()
        true = {one.reference for one in exact.search(query, 10)}
        waits[-1].append(1000 * (time.perf_counter() - started))
        for at, (index, _) in enumerate(indexes):
            started = time.perf_counter()
            answer = index.search(query, 10)
            waits[at].append(1000 * (time.perf_counter() - started))
            found[at] += len(true & {one.reference for one in answer})
    names = [index.name for index, _ in indexes]
    for at, (name, (_, opened_s)) in enumerate(zip(names, indexes, strict=True)):
        cuts = statistics.quantiles(waits[at], n=100)
        share = found[at] / (10 * len(near))
        print(f"{name:<36}{share:>10.4f}{cuts[49]:>8.2f}{cuts[98]:>8.2f}{opened_s:>13.2f}")
    cuts = statistics.quantiles(waits[-1], n=100)
    print(f"{'exact, every row':<36}{1:>10.4f}{cuts[49]:>8.2f}{cuts[98]:>8.2f}")


def sizes(pictures: int) -> None:
    """Bytes of a first install and of a change of 1 % of the pictures."""
    models = load_models(Config().models, Config().locate)
    with tempfile.TemporaryDirectory() as scratch:
        keys = [f"{at // PICTURES_PER_SKU} {at}" for at in range(pictures)]
        bare = Bare(Enrolment(*models), Path(scratch))
        first = bare.write("first", [keys])
        chosen = np.random.default_rng(1).choice(pictures, round(CHANGED * pictures), replace=False)
        gone = np.zeros(pictures, np.bool_)
        gone[chosen] = True
        new = [f"{keys[at]} anew" for at in sorted(chosen.tolist())]
        second = bare.write("second", [keys, new], gone)
        report("first install", first, set())
        there = {entry.sha256 for entry in first.needed}
        report(f"{CHANGED:.0%} of the pictures changed", second, there)


def opening(pictures: int) -> None:
    """Seconds until a change of 1 % is searched, beside the release that is open."""
    models = load_models(Config().models, Config().locate)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        keys = [f"{at // PICTURES_PER_SKU} {at}" for at in range(pictures)]
        bare = Bare(Enrolment(*models), folder)
        bare.write("first", [keys])
        new = [f"{at // PICTURES_PER_SKU} {at} anew" for at in range(round(CHANGED * pictures))]
        bare.write("second", [keys, new])
        sha256 = models[1].card.sha256
        started = time.perf_counter()
        first = Snapshot.open(folder / "first", embedder=sha256, config=SearchConfig())
        middle = time.perf_counter()
        second = Snapshot.open(
            folder / "second", embedder=sha256, config=SearchConfig(), beside=first
        )
        query = unit(bare.result(new[-1]).vectors[0].astype(np.float32)).astype(np.float32)
        found = second.match(query, 1)[0]
        done = time.perf_counter()
        assert found.similarity > 0.99, found
        print(
            f"opened {pictures} pictures in {middle - started:.1f} s; 1 % more beside them, to the "
            f"first answer, in {done - middle:.2f} s"
        )
        new_item = bare.result("0 another")
        added = Added("NEW", new_item.vectors, new_item.thumbnail, new_item.features[0])
        started = time.perf_counter()
        third = second.extended(MemorySegment([Record("NEW", "New", "")], [added]))
        print(f"an addition on this kiosk is in after {time.perf_counter() - started:.3f} s")
        assert third.match(query, 1)[0] == found
        for snapshot in (first, second, third):
            snapshot.close()


def report(title: str, manifest: Manifest, there: set[str]) -> None:
    """What must be fetched, by kind of file."""
    needed = [entry for entry in manifest.needed if entry.sha256 not in there]
    kinds: dict[str, int] = {NAME: len(to_json(manifest))}
    for entry in needed:
        name = entry.name.rsplit("/", 1)[-1]
        name = "tombstones" if name.endswith(".bits") else name
        kinds[name] = kinds.get(name, 0) + entry.bytes
    details = kinds.get(FEATURES, 0) + kinds.get(PICTURES, 0)
    shown = kinds.get(THUMBNAILS, 0)
    total = sum(kinds.values())
    print(
        f"{title}: {total:,} bytes in {len(needed) + 1} files; without local features and "
        f"thumbnails {total - details - shown:,}, of which vectors "
        f"{kinds.get(VECTORS, 0) + kinds.get(QUERIES, 0):,}"
    )
    print("  " + ", ".join(f"{name} {size:,}" for name, size in sorted(kinds.items())))


def days(references: int, dimension: int, count: int = 60) -> None:
    """Vectors and tombstones of `count` days on which 1 % of the pictures changes."""
    random = np.random.default_rng(1)
    churn = round(CHANGED * references)
    segments = [[references, references]]
    spent = []
    for _ in range(count):
        living = np.array([live for _, live in segments], float)
        lost = random.multinomial(churn, living / living.sum())
        segments = [[all_, live - gone] for (all_, live), gone in zip(segments, lost, strict=True)]
        segments = [each for each in segments if each[1] > 0]
        total = sum(all_ for all_, _ in segments)
        kept = len(segments)
        if total - sum(live for _, live in segments) > MOST_DEAD * total:
            kept = 0
        elif kept + 1 > MOST_SEGMENTS:
            kept = merged_from([live for _, live in segments], churn)
        size = churn + sum(live for _, live in segments[kept:])
        segments = [*segments[:kept], [size, size]]
        marks = sum(all_ // len(VIEWS) // 8 + 1 for all_, _ in segments[:-1])
        spent.append((2 * dimension * size + marks) / 1e6)
    print(
        f"{CHANGED:.0%} of {references} references changed a day, {count} days: vectors and "
        f"tombstones {statistics.mean(spent):.2f} MB a day (median {statistics.median(spent):.2f}, "
        f"most {max(spent):.1f}); the changes alone are {2e-6 * dimension * churn:.2f}; at the end "
        f"{len(segments)} segments"
    )


if __name__ == "__main__":
    main()
