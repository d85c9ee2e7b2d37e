# SPDX-License-Identifier: Apache-2.0
"""The whole kiosk as a child process: start, ready, answers, trouble, stop."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import tiny_models
from kiosk_process import Kiosk, counter_of, kiosk, overrides
from waiting import DEADLINE_S, until

from kiosk.catalog.build import BuildOptions, build
from kiosk.journal import read


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for item in range(6):
        for shot in range(3):
            tiny_models.write_picture(source / f"sku-{item}" / f"{shot}.png", item, shot)
    out = tmp_path_factory.mktemp("built") / "release"
    locator, embedder = tiny_models.open_models(models)
    build(source, out, locator=locator, embedder=embedder, options=BuildOptions())
    return out


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return counter_of(tmp_path_factory.mktemp("counter"))


def settings(models: Path, release: Path, camera: Path, state: Path) -> list[str]:
    return overrides(
        models__directory=models,
        catalog__directory=release,
        camera__source="files",
        camera__device=camera,
        camera__width=240,
        camera__height=180,
        camera__fps=30,
        decide__time_limit_s=0.5,
        verify__budget_ms=10_000,
        catalog__poll_s=0.1,
        state__directory=state,
    )


def test_from_start_to_an_answer_to_a_clean_stop(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    options = settings(models, release, counter, tmp_path / "state")
    options += overrides(upload__url="http://127.0.0.1:9")
    with kiosk(*options, folder=tmp_path) as run:
        run.heard("READY=1")
        run.heard("WATCHDOG=1")
        assert run.get("/healthz")[0] == 200
        state = run.state(lambda page: page["view"] == "accepted", "an accepted item")
        assert state["texts"]["sku"] == "sku-2"
        until(lambda: json.loads(run.get("/healthz")[1])["upload"].get("waiting"))
        picture = run.get(state["picture"])
        assert picture[0] == 200
        assert picture[1][:2] == b"\xff\xd8"
        preview = run.get("/preview.jpg")
        assert preview[1][:2] == b"\xff\xd8"
        assert run.stop() == 0
    journal = subprocess.run(
        [sys.executable, "-m", "kiosk", "journal", "--json", "--state", str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=True,
    )
    entries = [json.loads(line) for line in journal.stdout.splitlines()]
    assert entries[0]["sku"] == "sku-2"
    assert entries[0]["outcome"] == "accepted"


def test_a_kiosk_without_a_catalog_says_so_and_takes_one_up_when_it_comes(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    place = tmp_path / "catalog"
    with kiosk(*settings(models, place, counter, tmp_path / "state"), folder=tmp_path) as run:
        state = run.state(lambda page: page["view"] == "nocatalog", "no catalog on the page")
        assert "kiosk catalog build" in state["texts"]["detail"]
        run.heard("READY=1")
        shutil.copytree(release, tmp_path / "arriving")
        (tmp_path / "arriving").rename(place)
        run.state(lambda page: page["view"] == "accepted", "an answer from the new catalog")
        assert run.stop() == 0
    entries = list(read(tmp_path / "state" / "journal.sqlite", None))
    assert entries
    assert all(entry["evidence"]["hashes"]["release"] for entry in entries)


def test_a_camera_that_is_not_there_leaves_the_page_up_and_systemd_patient(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "later"
    with kiosk(*settings(models, release, missing, tmp_path / "state"), folder=tmp_path) as run:
        run.heard("EXTEND_TIMEOUT_USEC=")
        run.heard("WATCHDOG=1")
        state = run.state(lambda page: page["view"] == "nocamera", "the missing camera")
        assert str(missing) in str(state["texts"])
        assert run.get("/healthz")[0] == 503
        shutil.copytree(counter, missing)
        run.state(lambda page: page["view"] == "accepted", "an answer once the camera is there")
        assert run.stop() == 0


def test_a_killed_camera_process_is_replaced_while_the_page_stays(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    with kiosk(*settings(models, release, counter, tmp_path / "state"), folder=tmp_path) as run:
        run.state(lambda page: page["view"] == "accepted", "a first answer")
        (child,) = until(lambda: children(run), "the camera process")
        os.kill(child, 9)
        until(lambda: [pid for pid in children(run) if pid != child], "a new camera process")
        run.state(lambda page: page["view"] == "accepted", "an answer after the restart")
        assert run.stop() == 0


def children(run: Kiosk) -> list[int]:
    found: set[int] = set()
    for thread in Path(f"/proc/{run.process.pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found |= {int(child) for child in (thread / "children").read_text().split()}
    return sorted(found)


def test_a_busy_port_is_said_before_anything_runs(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = settings(models, release, counter, tmp_path / "state")
        with kiosk(*arguments, *overrides(web__port=port), folder=tmp_path) as run:
            assert run.process.wait(DEADLINE_S) == os.EX_TEMPFAIL
            assert str(port) in run.said()


def test_a_damaged_model_is_said_before_anything_runs(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(models, tmp_path / "models"))
    with (broken / "detector.onnx").open("ab") as file:
        file.write(b"\0")
    with kiosk(*settings(broken, release, counter, tmp_path / "state"), folder=tmp_path) as run:
        assert run.process.wait(DEADLINE_S) == os.EX_DATAERR
        assert "detector.onnx" in run.said()
        assert "Traceback" not in run.said()


def test_a_state_directory_that_cannot_be_made_is_said(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    arguments = settings(models, release, counter, tmp_path / "file" / "state")
    with kiosk(*arguments, folder=tmp_path) as run:
        assert run.process.wait(DEADLINE_S) == os.EX_CANTCREAT
        assert "state directory" in run.said()


def test_two_kiosks_at_once_with_their_own_ports_and_states_do_not_disturb_each_other(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    first = settings(models, release, counter, tmp_path / "first")
    second = settings(models, release, counter, tmp_path / "second")
    with (
        kiosk(*first, folder=tmp_path / "one") as one,
        kiosk(*second, folder=tmp_path / "two") as two,
    ):
        for run in (one, two):
            run.state(lambda page: page["view"] == "accepted", "an answer")
        assert one.stop() == 0
        assert two.stop() == 0


def test_a_second_kiosk_on_one_state_directory_is_refused_while_the_first_lives(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    arguments = settings(models, release, counter, state)
    with kiosk(*arguments, folder=tmp_path / "one") as one:
        one.heard("READY=1")
        with kiosk(*arguments, folder=tmp_path / "two") as two:
            assert two.process.wait(DEADLINE_S) == os.EX_TEMPFAIL
            assert "another kiosk uses this state directory" in two.said()
            assert str(state) in two.said()
        reader = [sys.executable, "-m", "kiosk", "journal", "--state", str(state)]
        assert subprocess.run(reader, capture_output=True, check=False).returncode == os.EX_OK
        one.process.kill()
        one.process.wait()
    with kiosk(*arguments, folder=tmp_path / "three") as three:
        three.heard("READY=1")
        assert three.stop() == 0


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_lock_that_is_no_file_does_not_keep_the_counter_closed(
    models: Path, release: Path, counter: Path, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    make(state / "kiosk.lock")
    with kiosk(*settings(models, release, counter, state), folder=tmp_path) as run:
        run.heard("READY=1")
        assert run.stop() == 0
