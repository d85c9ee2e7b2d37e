# SPDX-License-Identifier: Apache-2.0
"""Enrolment in the whole kiosk as a child process: added at the camera, kept, undone."""

from __future__ import annotations

import json
import shutil
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import cv2
import pytest
from added_parts import HEIGHT, SIDES, WIDTH, build_release, seen
from kiosk_process import Kiosk, kiosk, overrides
from waiting import DEADLINE_S, until

from kiosk.additions import read as read_additions
from kiosk.cli import main
from kiosk.journal import read

CODE = "4012345678901"


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(models, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sides of an item that no catalog has, then the empty counter: played in a loop."""
    folder = tmp_path_factory.mktemp("counter")
    for number in range(64):
        item = SIDES[number // 16] if number < 48 else -1
        cv2.imwrite(str(folder / f"{number:02}.png"), seen(item, shot=7))
    return folder


def settings(models: Path, release: Path, counter: Path, state: Path) -> list[str]:
    return overrides(
        models__directory=models,
        catalog__directory=release,
        camera__source="files",
        camera__device=counter,
        camera__width=WIDTH,
        camera__height=HEIGHT,
        camera__fps=20,
        decide__time_limit_s=0.5,
        verify__budget_ms=10_000,
        catalog__poll_s=0.1,
        state__directory=state,
    )


def tap(run: Kiosk, what: str, **body: str) -> tuple[int, dict[str, Any]]:
    status, answer = run.post(f"/enrol/{what}", body)
    return status, json.loads(answer)


def enrol(run: Kiosk, sku: str = "", name: str = "Pepper mill") -> str:
    """Adds the item on the counter; its addition."""
    asked = {"name": name, "sku": sku, "barcode": CODE, "category": "kitchen"}

    def started() -> bool:  # the catalog may not be open yet
        return tap(run, "start", **asked)[0] == 200

    until(started, "an enrolment")
    taken = 0

    def enough() -> bool:
        nonlocal taken
        status, answer = tap(run, "take")  # the item turns: the same side comes again, too
        assert status == 200 or answer["code"] in {"same_view", "not_seen"}, answer
        taken += status == 200
        return taken == 3

    until(enough, "three views")
    status, answer = tap(run, "finish")
    assert status == 200, answer
    return added(run)[0]["id"]


def added(run: Kiosk) -> list[dict[str, Any]]:
    """What the status page lists."""
    return list(run.group("Added here")["undo"])


def is_found(page: dict[str, Any]) -> bool:
    return bool(page["view"] == "accepted" and page["texts"]["sku"] == CODE)


def test_an_item_is_added_survives_a_kill_and_another_release_and_is_undone(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    state, place = tmp_path / "state", tmp_path / "place"
    shutil.copytree(release, place)
    options = settings(models, place, counter, state)
    with kiosk(*options, folder=tmp_path / "first") as run:
        run.state(lambda page: page["view"] == "unknown", "an item in no catalog")
        addition_id = enrol(run)
        assert held(state) == [CODE], "said to be added: on the disk"
        page = run.state(is_found, "the item by its new name")
        assert page["texts"]["name"] == "Pepper mill"
        assert page["texts"]["evidence-label"] == "Added on this kiosk"
        assert run.get(page["picture"])[1][:2] == b"\xff\xd8"
        run.process.send_signal(signal.SIGKILL)
        run.process.wait()
    with kiosk(*options, folder=tmp_path / "second") as run:
        run.state(is_found, "it after a kill")
        other = build_release(models, tmp_path, range(5))
        shutil.rmtree(place)
        shutil.copytree(other, place)
        before = json.loads((release / "manifest.json").read_text())["release"]

        def moved() -> bool:
            rows = dict(run.group("Catalog")["rows"])
            return bool(rows["Release"] not in ("", "–", before))

        until(moved, "the other release")
        run.state(is_found, "it beside another release")
        assert run.post("/undo-addition", {"id": addition_id})[0] == 200
        assert run.post("/undo-addition", {"id": addition_id})[0] == 409
        run.state(lambda page: page["view"] == "unknown", "it unknown again")
        assert added(run) == []
        assert run.stop() == 0
    entries = list(read(state / "journal.sqlite"))
    kinds = [entry["kind"] for entry in entries]
    assert kinds.count("addition") == kinds.count("addition-undone") == 1
    accepted = [entry for entry in entries if entry["sku"] == CODE and entry["outcome"]]
    assert accepted and all(entry["evidence"]["matches"][0]["added"] for entry in accepted)


def held(state: Path) -> list[str]:
    return [row.sku for row in read_additions(state / "additions.sqlite") if row.holds]


def test_what_the_command_undoes_a_running_kiosk_forgets(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with kiosk(*settings(models, release, counter, state), folder=tmp_path / "run") as run:
        run.heard("READY=1")
        addition_id = enrol(run, sku="pm-1")
        until(lambda: held(state) == ["pm-1"], "it on the disk")
        assert main(["additions", "undo", addition_id[:8], "--state", str(state)]) == 0
        until(lambda: added(run) == [], "the running kiosk heard of it")
        assert run.stop() == 0


def test_a_foreign_page_adds_nothing(
    models: Path, release: Path, counter: Path, tmp_path: Path
) -> None:
    with kiosk(*settings(models, release, counter, tmp_path / "s"), folder=tmp_path) as run:
        run.heard("READY=1")
        for headers in (
            {"Content-Type": "application/json", "Origin": "http://evil.example"},
            {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/json", "Host": "evil.example"},
        ):
            for path in ("/enrol/start", "/enrol/finish", "/undo-addition"):
                request = urllib.request.Request(run.url() + path, b'{"name": "x"}', headers)
                with pytest.raises(urllib.error.HTTPError) as caught:
                    urllib.request.urlopen(request, timeout=DEADLINE_S)
                with caught.value as refused:
                    assert refused.code in (403, 415)
        assert run.post("/enrol/nothing", {})[0] == 404
        assert tap(run, "drop", view="x")[0] == 400
        assert run.stop() == 0
