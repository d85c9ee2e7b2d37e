# SPDX-License-Identifier: Apache-2.0
"""Pictures per second: import and build, beside what ONNX Runtime alone does on the same cores.

    python -m tools.throughput FOLDER [--pictures N] [--rounds R] [--models DIR]

FOLDER holds pictures at any depth; N of them (96), evenly chosen, become a catalog of four a SKU.
`bare` feeds both models the very inputs that enrolling these pictures feeds them, and nothing else:
no decoding, no cropping, no local features. A build is timed from its start to its last picture, so
starting the workers is in it; `whole` adds writing and measuring the release. The ways take turns,
R rounds (2); the best round counts, because what else the machine does only ever makes it slower.
`CPU ms` is processor time per picture of all processes of that way, which other work disturbs less.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.build import EngineOf, build
from kiosk.catalog.engines.choice import engine_of
from kiosk.catalog.engines.jobs import Job, embed
from kiosk.catalog.enrol import Enrolment
from kiosk.config import LocateConfig, ModelsConfig
from kiosk.models import load_models
from kiosk.vision.embed import Embedder
from kiosk.vision.image import single_threaded
from kiosk.vision.locate import Locator
from kiosk.vision.session import OnnxSession, Session

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
MOST_REPLAYED = 48
"""Pictures whose model inputs are kept in memory."""
PORT_S = 60.0
Inputs = list[tuple[str, NDArray[np.uint8]]]


class Recording:
    """A session that remembers what it was given."""

    def __init__(self, name: str, inner: Session, kept: Inputs) -> None:
        self.card = inner.card
        self._name, self._inner, self._kept = name, inner, kept

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        self._kept.append((self._name, images.copy()))
        return self._inner.run(images)


@dataclass(slots=True)
class Row:
    """The best of the rounds of one way."""

    per_s: float = 0.0
    whole_per_s: float = 0.0
    cpu_ms: float = float("inf")

    def take(self, per_s: float, whole_per_s: float, cpu_ms: float) -> None:
        self.per_s = max(self.per_s, per_s)
        self.whole_per_s = max(self.whole_per_s, whole_per_s)
        self.cpu_ms = min(self.cpu_ms, cpu_ms)


@dataclass(slots=True)
class Bench:
    """The pictures and models of a run, and what came out."""

    scratch: Path
    models: str
    count: int
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        return self.scratch / "source"

    def note(self, way: str, per_s: float, whole_per_s: float, cpu_s: float) -> None:
        self.rows.setdefault(way, Row()).take(per_s, whole_per_s, cpu_s / self.count * 1e3)
        print(f"  {way}: {per_s:.2f} a second", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.throughput")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=96, metavar="N")
    parser.add_argument("--rounds", type=int, default=2, metavar="R")
    parser.add_argument("--models", default="", metavar="DIR", help="default: the shipped")
    wanted = parser.parse_args(arguments)
    single_threaded()
    with tempfile.TemporaryDirectory(prefix="throughput-") as scratch:
        bench = Bench(Path(scratch), wanted.models, 0)
        bench.count = _laid_out(wanted.folder, bench.source, wanted.pictures)
        inputs = _inputs(bench)
        for _ in range(wanted.rounds):
            _round(bench, inputs)
    print(f"{bench.count} pictures, {os.cpu_count()} cores, best of {wanted.rounds} rounds")
    print(f"{'way':<34} {'a second':>9} {'of bare':>8} {'whole':>7} {'CPU ms':>7}")
    for way, row in bench.rows.items():
        bare = bench.rows["bare, 1 process" if "2" not in way else "bare, 2 processes"].per_s
        share = "" if way == "import into a workshop" else f"{row.per_s / bare:.0%}"
        print(f"{way:<34} {row.per_s:>9.2f} {share:>8} {row.whole_per_s:>7.2f} {row.cpu_ms:>7.0f}")


def _round(bench: Bench, inputs: Path) -> None:
    for processes in (1, 2):
        way = f"bare, {processes} process{'es' if processes > 1 else ''}"
        per_s, cpu_s = _bare(bench, inputs, processes)
        bench.note(way, per_s, per_s, cpu_s)
    _import(bench)
    _build(bench, "build in one process, 1 thread", lambda each: engine_of(each), 1)
    _build(bench, "build in one process, 2 threads", lambda each: engine_of(each), 2)
    for workers in (1, 2):
        _build(bench, f"build --workers {workers}", _workers(workers), 1)
    with _cluster(bench.scratch) as (address, used_s):
        _build(bench, "build --engine, 2 workers", lambda each: engine_of(each, 0, address), 1,
               used_s)  # fmt: skip


def _workers(count: int) -> EngineOf:
    return lambda enrolment: engine_of(enrolment, count)


def _laid_out(folder: Path, source: Path, count: int) -> int:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise SystemExit(f"{folder}: holds no pictures")
    places = np.unique(np.linspace(0, len(files) - 1, min(count, len(files))).astype(int))
    for number, place in enumerate(places):
        target = source / f"SKU-{number // 4:04}" / f"{number:05}{files[place].suffix.lower()}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[place], target)
    return len(places)


def _models(bench: Bench, threads: int) -> tuple[Locator, Embedder]:
    return load_models(ModelsConfig(directory=bench.models, threads=threads), LocateConfig())


def _inputs(bench: Bench) -> Path:
    """What the models are fed for the first pictures, as a file."""
    locator, embedder = _models(bench, 1)
    folder = embedder.card.path.parent
    kept: Inputs = []
    sessions = [
        Recording(name, OnnxSession(folder / f"{name}.toml", threads=1), kept)
        for name in ("detector", "embedder")
    ]
    enrolment = Enrolment(Locator(sessions[0], LocateConfig()), Embedder(sessions[1]))
    files = sorted(bench.source.rglob("*.*"))[:MOST_REPLAYED]
    for number, file in enumerate(files):
        embed(enrolment, [Job(number, file.name, file.read_bytes(), mirrored=False, probed=False)])
    path = bench.scratch / "inputs.npz"
    names = {f"{number:05}-{name}": images for number, (name, images) in enumerate(kept)}
    np.savez(path, count=len(files), **names)  # type: ignore[arg-type]
    return path


def replay(inputs: Path, folder: Path, pictures: int) -> tuple[float, float]:
    """Seconds of wall and processor that the models alone take for so many pictures."""
    sessions = {name: OnnxSession(folder / f"{name}.toml", threads=1)
                for name in ("detector", "embedder")}  # fmt: skip
    with np.load(inputs) as stored:
        count = int(stored["count"])
        kept = [(name.partition("-")[2], stored[name]) for name in stored.files if "-" in name]
    for name, images in kept[:4]:  # warm up
        sessions[name].run(images)
    wall, cpu = time.perf_counter(), time.process_time()
    for name, images in kept:
        sessions[name].run(images)
    scale = pictures / count
    return (time.perf_counter() - wall) * scale, (time.process_time() - cpu) * scale


def _bare(bench: Bench, inputs: Path, processes: int) -> tuple[float, float]:
    """Pictures per second of so many processes at once, and seconds of processor for all."""
    folder = _models(bench, 1)[1].card.path.parent
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        share = bench.count // processes
        found = pool.starmap(replay, [(inputs, folder, share)] * processes, chunksize=1)
    wall_s = max(wall for wall, _ in found)
    return share * processes / wall_s, sum(cpu for _, cpu in found)


def _import(bench: Bench) -> None:
    shop = bench.scratch / "workshop"
    shutil.rmtree(shop, ignore_errors=True)
    command = [sys.executable, "-m", "kiosk", "catalog"]
    subprocess.run([*command, "init", shop], check=True, stdout=subprocess.DEVNULL)
    begun, before = time.perf_counter(), _cpu_s()
    subprocess.run(
        [*command, "import", shop, bench.source],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    rate = bench.count / (time.perf_counter() - begun)
    bench.note("import into a workshop", rate, rate, _cpu_s() - before)


def _build(
    bench: Bench,
    way: str,
    engine: EngineOf,
    threads: int,
    elsewhere_s: Callable[[], float] = lambda: 0.0,
) -> None:
    locator, embedder = _models(bench, threads)
    out = bench.scratch / "release"
    shutil.rmtree(out, ignore_errors=True)
    begun, before = time.perf_counter(), _cpu_s() + elsewhere_s()
    last = [begun]

    def told(*_: object) -> None:
        last[0] = time.perf_counter()

    build(bench.source, out, locator=locator, embedder=embedder, engine=engine, progress=told)
    whole_s = time.perf_counter() - begun
    cpu_s = _cpu_s() + elsewhere_s() - before
    bench.note(way, bench.count / (last[0] - begun), bench.count / whole_s, cpu_s)


def _cpu_s() -> float:
    """Processor seconds of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


@contextmanager
def _cluster(scratch: Path) -> Iterator[tuple[str, Callable[[], float]]]:
    """A Dask scheduler and two workers on loopback, and the processor seconds they have used."""
    listed = scratch / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m"]
    at = ["--scheduler-file", str(listed)]
    scheduler = [*dask, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    worker = [*dask, "distributed.cli.dask_worker", *at, "--nthreads", "1", "--no-nanny",
              "--no-dashboard", "--local-directory", str(scratch / "dask")]  # fmt: skip
    servers = [subprocess.Popen([*scheduler, "--no-dashboard", *at], **quiet)]  # type: ignore[call-overload]
    try:
        servers += [subprocess.Popen(worker, **quiet) for _ in range(2)]  # type: ignore[call-overload]
        import json

        from distributed import Client

        deadline = time.monotonic() + PORT_S
        while not listed.exists() or not listed.read_text():
            if time.monotonic() > deadline:
                raise SystemExit("the Dask scheduler did not start")
            time.sleep(0.1)
        address = json.loads(listed.read_text())["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=PORT_S)
        yield address.replace("tcp://", "dask://"), lambda: sum(_used_s(one.pid) for one in servers)
    finally:
        for one in servers:
            one.kill()
            one.wait()
        listed.unlink(missing_ok=True)


def _used_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
