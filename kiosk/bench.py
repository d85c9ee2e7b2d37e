# SPDX-License-Identifier: Apache-2.0
"""Benchmark: what one frame costs on this machine, stage by stage, and what search costs in memory.

It measures and asserts nothing. Compare only figures from one run of one machine.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.snapshot import Snapshot
from kiosk.config import Config, SearchConfig
from kiosk.decide import Visits
from kiosk.errors import ImageError
from kiosk.recognise import Recogniser, still
from kiosk.scene import Scene
from kiosk.search import ExactIndex, Rows, open_index
from kiosk.search.open import PROBES, built, probe_queries
from kiosk.values import Frame, Hashes, Timings
from kiosk.vision.background import Background
from kiosk.vision.decode import read_picture

STAGES = ("locate", "embed", "search", "verify", "codes", "judge", "total")
WARM_UP = 2
"""Frames that are not counted: the first runs allocate."""
CLUSTER = 20
"""Synthetic references come in SKUs of this many."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds: median, and what 5 % and 1 % of the frames exceed."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class SearchCost:
    references: int
    dimension: int
    engine: str
    build_s: float
    open_s: float
    recall_at_10: float
    annoy_ms: Spread
    exact_ms: Spread
    resident_mb: float


def demo_frames(count: int, *, width: int, height: int, seed: int) -> Iterator[Frame]:
    """`count` frames of the rendered counter, evenly spread over its first two minutes."""
    scene = Scene(width=width, height=height, seed=seed)
    for index in range(count):
        yield still(scene.render(index * 7).pixels, index)


def folder_frames(folder: Path, count: int) -> Iterator[Frame]:
    """The pictures of a folder, again and again until there are `count`. Raises ImageError."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if not paths:
        raise ImageError("Empty", f"{folder}: holds no picture; name a folder with some")
    for index in range(count):
        yield still(read_picture(paths[index % len(paths)]), index)


def stages(
    recogniser: Recogniser, snapshot: Snapshot, frames: Iterable[Frame]
) -> tuple[dict[str, Spread], int]:
    """Cost per stage over the frames that held an item, and how many did.

    Raises ImageError when no frame after the first WARM_UP did.
    """
    seen: list[Timings] = []
    for number, frame in enumerate(frames):
        look = recogniser.look(frame, snapshot)
        if look.embedding is not None and number >= WARM_UP:
            seen.append(look.timings)
    if not seen:
        raise ImageError("NoItem", "nothing was measured: no frame shows an item; give others")
    costs = {
        stage: _spread([getattr(timings, f"{stage}_ms") for timings in seen]) for stage in STAGES
    }
    return costs, len(seen)


def waits(
    recogniser: Recogniser, snapshot: Snapshot, config: Config, visits: int
) -> tuple[dict[str, Spread], int]:
    """Milliseconds from an item at rest to its decision over `visits` visits to the rendered
    counter, by outcome, with "decide" (the rule itself, per frame); and how many were decided.

    Frames come as from a camera: those that pass while one is looked at are missed.
    """
    camera = config.camera
    scene = Scene(width=camera.width, height=camera.height, fps=camera.fps, seed=camera.seed)
    last = max((visit.last for visit in scene.visits(visits)), default=0)
    deciding = Visits(config.decide, lambda look: Hashes(look.release, "", ""))
    counter = Background()
    taken: dict[str, list[float]] = {"decide": []}
    index = count = 0
    while index <= last:
        frame = replace(
            still(scene.render(index).pixels, index), captured_ns=_ns(index, camera.fps)
        )
        started = time.perf_counter()
        sight = recogniser.sight(frame, snapshot, deciding.boxes, background=counter)
        if not sight.detections:
            counter.learn(frame.pixels)
        looked = time.perf_counter()
        steps = deciding.step(sight)
        spent_s = time.perf_counter() - started
        taken["decide"].append(1000 * (started + spent_s - looked))
        for step in steps:
            if step.new and step.decision is not None:
                count += 1
                waited_ms = step.decision.waited_ms + 1000 * spent_s
                taken.setdefault(step.decision.outcome.value, []).append(waited_ms)
        index += max(1, math.ceil(spent_s * camera.fps))
    return {name: _spread(values) for name, values in taken.items()}, count


def _ns(index: int, fps: float) -> int:
    return round(index / fps * 1e9)


def search_cost(references: int, dimension: int, config: SearchConfig) -> SearchCost:
    """Build, open and ask an index of synthetic references in clusters, as SKUs are."""
    with TemporaryDirectory(prefix="kiosk-bench-") as scratch:
        stored = Path(scratch) / "vectors.npy"
        np.save(stored, _clusters(references, dimension))
        vectors: NDArray[np.float16] = np.load(stored, mmap_mode="r")
        rows = Rows.of(vectors)
        every = np.arange(references)
        live = np.ones(references, np.bool_)
        started = time.perf_counter()
        built(rows, every, Path(scratch), config.recall)
        done = time.perf_counter()
        index = open_index(rows, live, Path(scratch), config=config)
        opened = time.perf_counter()
        exact = ExactIndex(rows)
        queries = probe_queries(rows, every, seed=3)
        annoy_ms, exact_ms, found = [], [], 0
        for query in queries:
            t0 = time.perf_counter()
            near = index.search(query, 10)
            t1 = time.perf_counter()
            true = exact.search(query, 10)
            exact_ms.append(1000 * (time.perf_counter() - t1))
            annoy_ms.append(1000 * (t1 - t0))
            found += len({n.reference for n in near} & {n.reference for n in true})
        cost = SearchCost(
            references=references,
            dimension=dimension,
            engine=index.name,
            build_s=done - started,
            open_s=opened - done,
            recall_at_10=found / (10 * min(PROBES, references)),
            annoy_ms=_spread(annoy_ms),
            exact_ms=_spread(exact_ms),
            resident_mb=resident_mb(),
        )
        index.close()
        return cost


def resident_mb() -> float:
    """Memory of this process in MB, mapped files that are loaded included."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _clusters(references: int, dimension: int) -> NDArray[np.float16]:
    """(N, D) unit vectors in clusters of cosine near 0.67, the spread measured for real SKUs."""
    random = np.random.default_rng(7)
    vectors = np.empty((references, dimension), np.float16)
    for start in range(0, references, CLUSTER):
        centre = random.standard_normal(dimension)
        rows = min(CLUSTER, references - start)
        members = centre + 0.7 * random.standard_normal((rows, dimension))
        members /= np.linalg.norm(members, axis=1, keepdims=True)
        vectors[start : start + rows] = members
    return vectors


def _spread(values: list[float]) -> Spread:
    if len(values) < 2:
        only = values[0] if values else 0.0
        return Spread(only, only, only)
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return Spread(round(cuts[49], 2), round(cuts[94], 2), round(cuts[98], 2))
