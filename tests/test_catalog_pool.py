# SPDX-License-Identifier: Apache-2.0
"""A build by several processes: the same release, whoever of them is killed, and whenever."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from engine_parts import DeadlyRecipe
from killed_process import lines_of, running
from release_bytes import content
from tiny_models import open_models, write_models, write_picture
from waiting import DEADLINE_S, until

from kiosk.catalog.build import BuildOptions, BuildReport, EngineOf, PictureReport, build
from kiosk.catalog.engines.choice import engine_of
from kiosk.catalog.engines.jobs import MOST_DEATHS
from kiosk.catalog.engines.local import Local
from kiosk.catalog.engines.pool import Pool
from kiosk.catalog.engines.recipe import Recipe
from kiosk.errors import EngineError, UsageError
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator

SKUS = 6
Models = tuple[Locator, Embedder]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/, and source/ with six SKUs of two pictures, one of them damaged."""
    root = tmp_path_factory.mktemp("pool")
    write_models(root / "models")
    for item in range(SKUS):
        for shot in range(2):
            write_picture(root / "source" / f"SKU-{item}" / f"{shot}.png", item, shot)
    (root / "source" / "SKU-2" / "0.png").write_bytes(b"torn")
    return root


@pytest.fixture(scope="module")
def models(root: Path) -> Models:
    return open_models(root / "models")


@pytest.fixture(scope="module")
def alone(root: Path, models: Models) -> dict[str, bytes]:
    """The release that one process makes."""
    run(models, root / "source", root / "alone", Local)
    return content(root / "alone")


def run(
    models: Models,
    source: Path,
    out: Path,
    engine: EngineOf,
    progress: Callable[[PictureReport, int, int], None] = lambda report, done, total: None,
) -> BuildReport:
    return build(
        source,
        out,
        locator=models[0],
        embedder=models[1],
        options=BuildOptions(),
        engine=engine,
        progress=progress,
    )


def pool(workers: int) -> EngineOf:
    return lambda enrolment: engine_of(enrolment, workers)


def test_a_pool_makes_the_release_of_one_process_to_the_byte_and_tells_it_in_order(
    root: Path, models: Models, alone: dict[str, bytes], tmp_path: Path
) -> None:
    told: list[str] = []
    report = run(
        models, root / "source", tmp_path / "out", pool(3), lambda each, *_: told.append(each.name)
    )
    assert content(tmp_path / "out") == alone
    assert told == [f"SKU-{item}/{shot}.png" for item in range(SKUS) for shot in range(2)]
    assert [each.name for each in report.failed] == ["SKU-2/0.png"]
    assert multiprocessing.active_children() == []


def test_workers_that_are_killed_are_replaced_and_the_release_is_equal(
    root: Path, models: Models, alone: dict[str, bytes], tmp_path: Path
) -> None:
    killed: set[int] = set()

    def kill(report: PictureReport, done: int, total: int) -> None:
        if done in (1, 4, 7):
            alive = {child.pid or 0 for child in multiprocessing.active_children()} - killed
            for victim in sorted(alive)[:1]:
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)

    report = run(models, root / "source", tmp_path / "out", pool(2), kill)
    assert len(killed) >= 2
    assert content(tmp_path / "out") == alone
    assert [each.code for each in report.failed] == ["UnsupportedPicFormat"]


def test_a_picture_that_no_process_survives_is_given_up_and_no_other_one_with_it(
    root: Path, models: Models, tmp_path: Path
) -> None:
    poison = "SKU-3/1.png"
    report = run(
        models,
        root / "source",
        tmp_path / "out",
        lambda enrolment: Pool(DeadlyRecipe.beside(Recipe.of(enrolment), poison), 2),
    )
    assert {each.name: each.code for each in report.failed} == {
        "SKU-2/0.png": "UnsupportedPicFormat",
        poison: "WorkerDied",
    }
    note = next(each.note for each in report.failed if each.name == poison)
    assert poison in note and f"{MOST_DEATHS} processes" in note


def test_workers_that_never_get_ready_end_the_build_with_a_reason(
    root: Path, models: Models, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match="before they were ready .exit code -9.*fewer --workers"):
        run(
            models,
            root / "source",
            tmp_path / "out",
            lambda enrolment: Pool(DeadlyRecipe.beside(Recipe.of(enrolment), ""), 2),
        )
    assert not (tmp_path / "out").exists()
    assert multiprocessing.active_children() == []


def test_models_that_change_during_a_build_are_refused_by_the_workers(
    root: Path, tmp_path: Path
) -> None:
    folder = write_models(tmp_path / "models")
    models = open_models(folder)

    def changed(enrolment: object) -> Pool:
        write_models(folder, shift=90.0)
        return Pool(recipe, 1)

    recipe = Recipe(folder, (models[0].card.sha256, models[1].card.sha256),
                    models[0].config, augment=True, details=True, prepare=())  # fmt: skip
    with pytest.raises(EngineError, match="models were changed"):
        run(models, root / "source", tmp_path / "out", changed)


def test_nothing_is_started_when_everything_was_computed_before(
    root: Path, models: Models, alone: dict[str, bytes], tmp_path: Path
) -> None:
    cache = tmp_path / "cache.sqlite"
    source = tmp_path / "source"
    write_picture(source / "A" / "1.png", 1)
    for name in ("first", "second"):
        report = build(
            source,
            tmp_path / name,
            locator=models[0],
            embedder=models[1],
            # A worker of this kind cannot start: the second build needs none.
            engine=Local
            if name == "first"
            else lambda enrolment: Pool(DeadlyRecipe.beside(Recipe.of(enrolment), ""), 2),
            cache=cache,
        )
    assert report.kept == 1
    assert content(tmp_path / "first") == content(tmp_path / "second")


@pytest.mark.parametrize("workers", [-1, 100_000])
def test_an_impossible_number_of_workers_is_a_mistake(
    root: Path, models: Models, tmp_path: Path, workers: int
) -> None:
    with pytest.raises(UsageError, match="--workers"):
        run(models, root / "source", tmp_path / "out", pool(workers))


def command(root: Path, out: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "kiosk", "catalog", "build", root / "source"]
    words += ["--out", out, "--models", root / "models", "--workers", "2"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    return running(*words, group=True, stdout=pipe, stderr=pipe, env=environment)


def group(process: subprocess.Popen[str]) -> list[int]:
    """The processes of a command that are alive, from the kernel's own list."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[2]) == process.pid and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_stopped_leaves_no_process_and_the_same_command_goes_on(
    root: Path, alone: dict[str, bytes], tmp_path: Path, blow: signal.Signals
) -> None:
    out = tmp_path / "out"
    with command(root, out) as process:
        lines_of(process, 1)
        if blow == signal.SIGINT:
            os.killpg(process.pid, blow)  # as a terminal does it: to all of them
        else:
            process.kill()
        _, errors = process.communicate(timeout=DEADLINE_S)
        until(lambda: not group(process), "the end of its workers")
    if blow == signal.SIGINT and process.returncode != os.EX_DATAERR:  # else it was quicker
        assert process.returncode == 130 and "the same command goes on from here" in errors
        assert "Traceback" not in errors
    with command(root, out) as again:
        text, _ = again.communicate(timeout=DEADLINE_S)
    assert again.returncode == os.EX_DATAERR, text  # one picture is damaged
    assert content(out) == alone
