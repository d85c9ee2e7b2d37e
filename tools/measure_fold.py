# SPDX-License-Identifier: Apache-2.0
"""What a fold costs a machine that never rests, and what that costs the fold.

    python -m tools.measure_fold [--references 100000]

Beside processes that search without a pause, one for each core, the child builds the Annoy file as
it does on a kiosk: how long that takes, and how long their searches take meanwhile.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from kiosk.search import Block, ExactIndex, Rows
from kiosk.search.fold import Fold
from tools.churn import clusters

BUSY_ROWS = 4096
ALONE_S = 20.0
DIMENSION = 256


def searching(line: Connection, dimension: int) -> None:
    """Search without a rest; every time it is asked, tell how long each search since took."""
    rows = Rows.of(clusters(BUSY_ROWS, dimension, 7))
    index, query = ExactIndex(rows), rows.take(np.array([0]))[0]
    waits: list[float] = []
    while True:
        started = time.perf_counter()
        index.search(query, 10)
        waits.append(1000 * (time.perf_counter() - started))
        if line.poll():
            line.recv()
            line.send(waits)
            waits = []


@contextmanager
def busy(dimension: int) -> Iterator[list[Connection]]:
    """As many of these as there are cores."""
    spawn = multiprocessing.get_context("spawn")
    lines, processes = [], []
    try:
        for _ in range(os.cpu_count() or 1):
            here, there = spawn.Pipe()
            processes.append(spawn.Process(target=searching, args=(there, dimension)))
            processes[-1].start()
            lines.append(here)
        told(lines)  # they have begun
        yield lines
    finally:
        for process in processes:
            process.kill()
            process.join()


def told(lines: Sequence[Connection]) -> list[float]:
    """What searches took since this was asked last."""
    for line in lines:
        line.send(True)
    return [wait for line in lines for wait in line.recv()]


def folded(references: int, dimension: int) -> None:
    """One fold beside processes that never rest."""
    with tempfile.TemporaryDirectory() as scratch, busy(dimension) as lines:
        path = Path(scratch) / "vectors.npy"
        np.save(path, clusters(references, dimension, 1))
        rows = Rows([Block("made-up", np.load(path, mmap_mode="r"), path)])
        told(lines)
        time.sleep(ALONE_S)
        pay("alone", told(lines))
        started = time.perf_counter()
        fold = Fold(rows, np.ones(len(rows), np.bool_), Path(scratch) / "derived", 0.99)
        try:
            while fold.ended() is None:
                time.sleep(0.5)
            pay("beside the fold", told(lines))
        finally:
            fold.stop()
        took_s = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"{references} references of {dimension} numbers folded in {took_s:.0f} s, of which "
            f"{used.ru_utime + used.ru_stime:.1f} s of a core"
        )


def pay(title: str, waits: Sequence[float]) -> None:
    cuts = statistics.quantiles(waits, n=1000)
    print(
        f"{title}: {len(waits)} searches, p50 {cuts[499]:.2f} ms, p99 {cuts[989]:.2f} ms, p99.9 "
        f"{cuts[998]:.2f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.measure_fold", description=__doc__)
    parser.add_argument("--references", type=int, default=100_000)
    folded(parser.parse_args().references, DIMENSION)


if __name__ == "__main__":
    main()
