# SPDX-License-Identifier: Apache-2.0
"""A running kiosk and its store: a release is taken over between two frames, with its models; one
that kills the kiosk is put away.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import bad_releases
import pytest
import tiny_models
from kiosk_process import counter_of, kiosk, overrides
from store_parts import fetched
from waiting import until

from kiosk.announcement import Gate
from kiosk.catalog.manifest import read_manifest
from kiosk.journal import read
from kiosk.store import Phase, Store
from kiosk.values.sync import SyncState, SyncStatus

AT_ONCE = Gate(good_after_s=0, good_after_decisions=1)
NEVER = Gate(good_after_s=10**6, good_after_decisions=10**6)


@pytest.fixture(scope="module")
def old(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.make_release(models, tmp_path_factory.mktemp("old") / "release", range(6))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_models(tmp_path_factory.mktemp("other"), shift=90.0)


@pytest.fixture(scope="module")
def new(other: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made with other models, which it brings."""
    release = tiny_models.make_release(other, tmp_path_factory.mktemp("new") / "release", range(9))
    names = []
    (release / "models").mkdir()
    for name in ("embedder.onnx", "embedder.toml", "detector.onnx", "detector.toml"):
        (release / "models" / name).write_bytes((other / name).read_bytes())
        names.append(f"models/{name}")
    return bad_releases.resealed(release, read_manifest(release), *names)


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return counter_of(tmp_path_factory.mktemp("counter"))


def settings(models: Path, camera: Path, state: Path) -> list[str]:
    return overrides(
        models__directory=models,
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


def test_a_release_is_taken_over_with_its_models_while_frames_go_through(
    models: Path, other: Path, old: Path, new: Path, counter: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    store = Store(state / "store")
    first = fetched(store, old, 1)
    store.activate(first, AT_ONCE, "shop")
    store.say(SyncStatus(SyncState.OFFLINE, "no_answer", "nobody answers at head office"))
    with kiosk(*settings(models, counter, state), folder=tmp_path) as run:
        run.state(lambda page: page["view"] == "accepted", "an answer from the first release")
        until(lambda: store.pointer().phase is Phase.GOOD, "the first release is good")
        second = fetched(store, new, 2)
        store.activate(second, AT_ONCE)
        until(lambda: store.pointer().phase is Phase.GOOD, "the second release is good")
        assert store.pointer().current == second
        releases = json.loads(run.get("/healthz")[1])["sync"]
        assert releases["state"] == "offline"
        assert releases["ok"]
        assert "nobody answers at head office" in releases["message"]
        assert run.stop() == 0
    entries = list(read(state / "journal.sqlite", None))
    embedder = {path: tiny_models.open_models(path)[1].card.sha256 for path in (models, other)}
    made = [entry["evidence"]["hashes"] for entry in entries if entry["kind"] == "decision"]
    by_release = {hashes["release"]: hashes["embedder"] for hashes in made}
    assert by_release == {first.release: embedder[models], second.release: embedder[other]}
    kinds = [entry["kind"] for entry in entries if entry["kind"].startswith("release-")]
    assert kinds == ["release-activated", "release-good"] * 2
    outcomes = {entry["sku"] for entry in entries if entry["kind"] == "decision"}
    assert outcomes == {"sku-2"}


def test_a_release_under_which_the_kiosk_is_killed_three_times_is_put_away(
    models: Path, old: Path, counter: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    store = Store(state / "store")
    store.activate(fetched(store, old, 1), AT_ONCE, "shop")
    before = store.good(old_release(old)).current
    worse = tiny_models.make_release(models, tmp_path / "worse" / "release", range(2, 7))
    bad = fetched(store, worse, 2)
    store.activate(bad, NEVER)
    for start in range(1, 4):
        with kiosk(*settings(models, counter, state), folder=tmp_path / str(start)) as run:
            until(lambda n=start: store.pointer().tries == n, "its start is counted")
            run.state(lambda page: page["view"] == "accepted", "it answers")
            run.stop(signal.SIGKILL)
    with kiosk(*settings(models, counter, state), folder=tmp_path / "last") as run:
        run.state(lambda page: page["view"] == "accepted", "the release before answers")
        assert store.pointer().current == before
        assert store.pointer().barred(bad.manifest) is not None
        until(lambda: store.pointer().quarantined[-1].noted, "the journal has it")
        until(lambda: "Put away" in str(run.group("Releases and sync")), "the page has it")
        shown = dict(run.group("Releases and sync")["rows"])
        assert "power cuts count too" in shown[f"Put away: {bad.release}"]
        assert shown["To let one come again"] == "kiosk sync allow RELEASE"
        assert run.stop() == 0
    notes = [
        entry
        for entry in read(state / "journal.sqlite", None)
        if entry["kind"] == "release-quarantined"
    ]
    assert len(notes) == 1
    assert notes[0]["evidence"]["release"] == bad.release
    assert notes[0]["evidence"]["answers"] == old_release(old)


def test_a_state_directory_that_goes_away_is_told_as_that_and_followed_when_it_is_back(
    models: Path, old: Path, counter: Path, tmp_path: Path
) -> None:
    state, aside = tmp_path / "state", tmp_path / "aside"
    store = Store(state / "store")
    first = fetched(store, old, 1)
    store.activate(first, AT_ONCE, "shop")
    with kiosk(*settings(models, counter, state), folder=tmp_path) as run:
        run.state(lambda page: page["view"] == "accepted", "an answer from the first release")
        until(lambda: store.pointer().phase is Phase.GOOD, "the first release is good")
        state.rename(aside)
        until(lambda: not run.group("Catalog")["ok"], "the page says that something is wrong")
        assert f"the state directory {state}" in run.group("Catalog")["message"].lower()
        assert "goes on answering" in run.group("Catalog")["message"]
        run.state(lambda page: page["view"] == "ready", "the item left")
        run.state(lambda page: page["view"] == "accepted", "it answers from memory")
        assert not (state / "store").exists()
        if state.exists():  # the journal is begun again there
            state.rename(tmp_path / "begun again")
        aside.rename(state)
        until(lambda: run.group("Catalog")["ok"], "it is back")
        assert run.group("Catalog")["message"] == ""
        assert run.stop() == 0


def old_release(folder: Path) -> str:
    return read_manifest(folder).release
