# SPDX-License-Identifier: Apache-2.0
"""A build on a real Dask cluster over loopback: the same release, with a worker killed too."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from engine_parts import DeadlyRecipe
from killed_process import SEARCH, running
from release_bytes import content
from tiny_models import open_models, write_models, write_picture
from waiting import DEADLINE_S, aside, until

from kiosk.catalog.build import BuildReport, EngineOf, PictureReport, build
from kiosk.catalog.engines.choice import engine_of
from kiosk.catalog.engines.local import Local
from kiosk.catalog.engines.recipe import Recipe
from kiosk.errors import EngineError, UsageError
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator

pytest.importorskip("distributed", reason="needs the extra `office`: pip install sku-kiosk[office]")
from kiosk.catalog.engines.cluster import Cluster  # Dask may be missing

PICTURES = 24


class Server:
    """A Dask process: what it says is read until it is ended."""

    def __init__(self, *words: str, **more: str) -> None:
        environment = {
            **os.environ,
            **SEARCH,
            "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h",  # a busy machine is no news
            **more,
        }
        self._stack = ExitStack()
        listened_to = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "env": environment}
        started = running(sys.executable, "-m", *words, **listened_to)
        self.process = self._stack.enter_context(started)
        self._said: list[str] = []
        self._stack.enter_context(aside(self._read, over=self.process.kill))

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._said.append(line)

    def said(self, pattern: str) -> str:
        """The first group of `pattern`, once it was said."""

        def found() -> str:
            ended = self.process.poll() is not None
            match = re.search(pattern, "".join(self._said))
            assert match or not ended, "".join(self._said)
            return match.group(1) if match else ""

        return until(found, f"a Dask process that says {pattern}")

    def end(self) -> None:
        self._stack.close()


def worker(address: str, folder: Path) -> Server:
    """A worker of one thread for the scheduler at `address`."""
    return Server(
        *("distributed.cli.dask_worker", address, "--nthreads", "1", "--memory-limit", "0"),
        *("--no-nanny", "--no-dashboard", "--local-directory", str(folder)),
    )


@contextmanager
def cluster(folder: Path, workers: int = 2, deaths: int = 3) -> Iterator[tuple[str, list[Server]]]:
    """A scheduler and workers of one thread each; its address for --engine.

    `deaths`: workers that may die over a task before the scheduler gives it up; its default is 3.
    """
    scheduler = Server(
        *("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
        DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=str(deaths),
    )
    servers: list[Server] = []
    try:
        port = scheduler.said(r"Scheduler at:\s+tcp://127\.0\.0\.1:(\d+)")
        for number in range(workers):
            servers.append(worker(f"tcp://127.0.0.1:{port}", folder / f"worker-{number}"))
        for server in servers:
            server.said("(Registered to)")
        yield f"dask://127.0.0.1:{port}", [*servers, scheduler]
    finally:
        for server in (*servers, scheduler):
            server.end()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cluster")
    write_models(root / "models")
    for item in range(PICTURES // 2):
        for shot in range(2):
            write_picture(root / "source" / f"SKU-{item:02}" / f"{shot}.png", item, shot)
    (root / "source" / "SKU-02" / "0.png").write_bytes(b"torn")
    return root


@pytest.fixture(scope="module")
def models(root: Path) -> tuple[Locator, Embedder]:
    return open_models(root / "models")


def run(
    models: tuple[Locator, Embedder],
    root: Path,
    out: Path,
    engine: EngineOf,
    progress: Callable[[PictureReport, int, int], None] = lambda report, done, total: None,
) -> BuildReport:
    return build(
        root / "source",
        out,
        locator=models[0],
        embedder=models[1],
        engine=engine,
        progress=progress,
    )


@pytest.fixture(scope="module")
def alone(root: Path, models: tuple[Locator, Embedder]) -> dict[str, bytes]:
    """The release that one process makes."""
    run(models, root, root / "alone", Local)
    return content(root / "alone")


def test_two_workers_one_killed_in_the_middle_make_the_release_of_one_process(
    root: Path, models: tuple[Locator, Embedder], alone: dict[str, bytes], tmp_path: Path
) -> None:
    told: list[str] = []
    with cluster(tmp_path) as (address, servers):

        def kill(report: PictureReport, done: int, total: int) -> None:
            told.append(report.name)
            if done == 2:
                servers[0].process.send_signal(signal.SIGKILL)

        report = run(
            models, root, tmp_path / "out", lambda each: engine_of(each, address=address), kill
        )
        assert servers[0].process.wait(DEADLINE_S) == -signal.SIGKILL
    assert content(tmp_path / "out") == alone
    assert told == sorted(told) and len(told) == PICTURES
    assert [(each.name, each.code) for each in report.failed] == [
        ("SKU-02/0.png", "UnsupportedPicFormat")
    ]


def test_without_any_worker_left_it_is_said_and_a_new_one_takes_the_work_up(
    root: Path, models: tuple[Locator, Embedder], alone: dict[str, bytes], tmp_path: Path
) -> None:
    told: list[str] = []
    with cluster(tmp_path) as (address, servers), ExitStack() as later:
        theirs = address.replace("dask://", "tcp://")

        def kill(report: PictureReport, done: int, total: int) -> None:
            if done == 2:
                for server in servers[:2]:
                    server.process.kill()

        def say(text: str) -> None:
            told.append(text)
            if len(told) == 1:
                another = worker(theirs, tmp_path / "another")
                later.callback(another.end)
                another.said("(Registered to)")

        run(models, root, tmp_path / "out", lambda each: engine_of(each, 0, address, say), kill)
    assert told == [
        f"no worker answers at {address}: start one with `dask worker {theirs}`; waiting",
        f"a worker answers at {address} again: work goes on",
    ]
    assert content(tmp_path / "out") == alone


def test_a_cluster_that_is_lost_ends_the_build_with_a_reason_and_keeps_what_is_done(
    root: Path, models: tuple[Locator, Embedder], alone: dict[str, bytes], tmp_path: Path
) -> None:
    with cluster(tmp_path, workers=1) as (address, servers):

        def end(report: PictureReport, done: int, total: int) -> None:
            if done == 4:
                for server in reversed(servers):
                    server.process.kill()

        with pytest.raises(EngineError, match="what is done is kept"):
            run(models, root, tmp_path / "out", lambda each: Cluster(Recipe.of(each), address), end)
    report = run(models, root, tmp_path / "out", Local)
    assert report.kept >= 3
    assert content(tmp_path / "out") == alone


def test_workers_that_cannot_open_the_models_are_quoted(
    root: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    recipe = Recipe(
        root / "models", ("0" * 64, "1" * 64), models[0].config, augment=True, details=True,
        prepare=(),
    )  # fmt: skip
    with (
        cluster(tmp_path, workers=1) as (address, _),
        pytest.raises(EngineError, match="a worker of the cluster cannot compute.*models"),
    ):
        run(models, root, tmp_path / "out", lambda each: Cluster(recipe, address))


def test_a_picture_that_kills_workers_is_given_up_and_no_other_one_with_it(
    root: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    poison = "SKU-04/1.png"
    with cluster(tmp_path, workers=3, deaths=0) as (address, _):
        report = run(
            models,
            root,
            tmp_path / "out",
            lambda each: Cluster(DeadlyRecipe.beside(Recipe.of(each), poison), address),
        )
    assert {each.name: each.code for each in report.failed} == {
        "SKU-02/0.png": "UnsupportedPicFormat",
        poison: "WorkerDied",
    }


@pytest.mark.parametrize("address", ["ray://127.0.0.1:1", "dask://", "127.0.0.1:8786"])
def test_another_kind_of_address_is_a_mistake(
    root: Path, models: tuple[Locator, Embedder], tmp_path: Path, address: str
) -> None:
    with pytest.raises(UsageError, match="dask://HOST:PORT"):
        run(models, root, tmp_path / "out", lambda each: engine_of(each, address=address))


def test_workers_and_a_cluster_at_once_are_a_mistake(
    root: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="one of them"):
        run(models, root, tmp_path / "out", lambda each: engine_of(each, 2, "dask://127.0.0.1:1"))
