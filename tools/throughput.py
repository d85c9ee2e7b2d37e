# SPDX-License-Identifier: Apache-2.0
"""Pictures per second: import and build, beside what ONNX Runtime alone does on the same cores.

    python -m tools.throughput FOLDER [--pictures N] [--rounds R] [--models DIR]

FOLDER holds pictures at any depth; N of them (96), evenly chosen, become a catalog of four a SKU.
`models alone` feeds both models the very inputs that enrolling these pictures feeds them, and
nothing else: no decoding, no cropping, no local features. `enrol` is one picture in one process,
taking turns with that; `probed` are the first hundred of a catalog, which are looked at in more
ways. A build is timed from its start to its last picture, so starting the workers is in it;
`whole` adds writing and measuring the release. `CPU ms` is processor time per picture of all
processes of that way. `of bare` is the share of it that the models alone take, measured just
before and after: what else the machine does slows both. R rounds (1); the best one counts.
"""

from __future__ import annotations

import argparse
import json
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
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.build import EngineOf, PictureReport, build
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
MOST_REPLAYED = 24
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
    share: float = 0.0
    """Of the models alone in its processor time."""

    def take(self, per_s: float, whole_per_s: float, cpu_ms: float, bare_ms: float) -> None:
        self.per_s = max(self.per_s, per_s)
        self.whole_per_s = max(self.whole_per_s, whole_per_s)
        if cpu_ms < self.cpu_ms:
            self.cpu_ms, self.share = cpu_ms, bare_ms / cpu_ms


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

    def note(
        self, way: str, per_s: float, whole_per_s: float, cpu_ms: float, bare_ms: float
    ) -> None:
        self.rows.setdefault(way, Row()).take(per_s, whole_per_s, cpu_ms, bare_ms)
        print(f"  {way}: {per_s:.2f} a second, {cpu_ms:.0f} ms", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.throughput")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=96, metavar="N")
    parser.add_argument("--rounds", type=int, default=1, metavar="R")
    parser.add_argument("--models", default="", metavar="DIR", help="default: the shipped")
    wanted = parser.parse_args(arguments)
    single_threaded()
    with tempfile.TemporaryDirectory(prefix="throughput-") as scratch:
        bench = Bench(Path(scratch), wanted.models, 0)
        bench.count = _laid_out(wanted.folder, bench.source, wanted.pictures)
        alone = Alone(bench)
        for _ in range(wanted.rounds):
            _round(bench, alone)
    print(f"{bench.count} pictures, {os.cpu_count()} cores, best of {wanted.rounds}")
    print(f"{'way':<30} {'a second':>9} {'whole':>7} {'CPU ms':>7} {'of bare':>8}")
    for way, row in bench.rows.items():
        share = f"{row.share:.0%}" if row.share else ""
        print(f"{way:<30} {row.per_s:>9.2f} {row.whole_per_s:>7.2f} {row.cpu_ms:>7.0f} {share:>8}")


def _round(bench: Bench, alone: Alone) -> None:
    alone.take_turns(bench)
    _import(bench)
    _build(bench, alone, "build in one process", lambda each: engine_of(each))
    for workers in (1, 2):
        _build(bench, alone, f"build --workers {workers}", _workers(workers))
    with _cluster(bench.scratch) as (address, used_s):
        _build(bench, alone, "build --engine, 2 workers",
               lambda each: engine_of(each, 0, address), used_s)  # fmt: skip


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


def _models(bench: Bench) -> tuple[Locator, Embedder]:
    return load_models(ModelsConfig(directory=bench.models, threads=1), LocateConfig())


class Alone:
    """The models fed with what enrolling some of the pictures feeds them."""

    def __init__(self, bench: Bench) -> None:
        locator, embedder = _models(bench)
        folder = embedder.card.path.parent
        self._kept: Inputs = []
        self._sessions: dict[str, Session] = {
            name: OnnxSession(folder / f"{name}.toml", threads=1)
            for name in ("detector", "embedder")
        }
        detector, vectors = (
            Recording(name, session, self._kept) for name, session in self._sessions.items()
        )
        recording = Enrolment(Locator(detector, LocateConfig()), Embedder(vectors))
        self._plain = Enrolment(locator, embedder)
        files = sorted(bench.source.rglob("*.*"))[:MOST_REPLAYED]
        self._jobs: list[Job] = []
        self._inputs: list[Inputs] = []
        for number, file in enumerate(files):
            job = Job(number, file.name, file.read_bytes(), mirrored=False, probed=False)
            embed(recording, [job])
            self._jobs.append(job)
            self._inputs.append(list(self._kept))
            self._kept.clear()

    def cpu_ms(self) -> float:
        """Processor time of the models for one picture, now."""
        return self._timed(self._replay, range(len(self._inputs)))[1]

    def take_turns(self, bench: Bench) -> None:
        """The models, the enrolment of a picture, and of one that is probed, turn by turn."""
        ways: dict[str, Callable[[int], None]] = {
            "models alone": self._replay,
            "enrol": lambda at: self._enrol(at, probed=False),
            "enrol, probed": lambda at: self._enrol(at, probed=True),
        }
        used = {way: np.zeros(2) for way in ways}
        for at in range(len(self._jobs)):
            for way, run in ways.items():
                used[way] += self._timed(run, [at])
        for way, (wall_ms, cpu_ms) in used.items():
            count = len(self._jobs)
            bench.note(way, 1e3 * count / wall_ms, 1e3 * count / wall_ms, cpu_ms / count,
                       used["models alone"][1] / count)  # fmt: skip

    def _replay(self, at: int) -> None:
        for name, images in self._inputs[at]:
            self._sessions[name].run(images)

    def _enrol(self, at: int, *, probed: bool) -> None:
        embed(self._plain, [replace(self._jobs[at], probed=probed)])

    @staticmethod
    def _timed(run: Callable[[int], None], places: Sequence[int]) -> tuple[float, float]:
        """Milliseconds of wall and processor per place."""
        wall, cpu = time.perf_counter(), time.process_time()
        for at in places:
            run(at)
        count = len(places) / 1e3
        return (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count


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
    bench.note("import into a workshop", rate, rate, (_cpu_s() - before) / bench.count * 1e3, 0.0)


def _build(
    bench: Bench,
    alone: Alone,
    way: str,
    engine: EngineOf,
    elsewhere_s: Callable[[], float] = lambda: 0.0,
) -> None:
    locator, embedder = _models(bench)
    out = bench.scratch / "release"
    shutil.rmtree(out, ignore_errors=True)
    bare_ms = alone.cpu_ms()
    begun, before = time.perf_counter(), _cpu_s() + elsewhere_s()
    last = (begun, before)

    def told(report: PictureReport, done: int, total: int) -> None:
        nonlocal last
        if done == total:
            last = (time.perf_counter(), _cpu_s() + elsewhere_s())

    build(bench.source, out, locator=locator, embedder=embedder, engine=engine, progress=told)
    whole_s = time.perf_counter() - begun
    bare_ms = (bare_ms + alone.cpu_ms()) / 2
    cpu_ms = (last[1] - before) / bench.count * 1e3
    bench.note(way, bench.count / (last[0] - begun), bench.count / whole_s, cpu_ms, bare_ms)


def _cpu_s() -> float:
    """Processor seconds of this process and of its children, those of a pool that run too."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    alive = (_used_s(child.pid or 0) for child in multiprocessing.active_children())
    return sum(each.ru_utime + each.ru_stime for each in used) + sum(alive)


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
