# SPDX-License-Identifier: Apache-2.0
"""The power fails at every step of a sync pass: what answered or what came answers, whole, and no
older state is believed afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kiosk.announcement import Announcement, Rollout
from kiosk.catalog.manifest import parse
from kiosk.errors import CatalogError
from kiosk.store import Store, pointer_file
from kiosk.sync.policy import Here
from kiosk.sync.sync_pass import Pass
from kiosk.values.sync import SyncState
from tests.model_files import Cut, ModelFiles
from tests.store_parts import Bundle, blob, bundle
from tests.tuf_simulator import MemoryOrigin, Simulator, announcement

STATE = Path("/state")
OLD, NEW = bundle("old"), bundle("new")
Dropped = Callable[[str, Path], bool]


def put(repository: Simulator, made: Bundle, seq: int) -> None:
    for data in (made.manifest, *made.files.values()):
        each = blob(data)
        repository.files[f"blobs/{each.sha256[:2]}/{each.sha256}"] = data
    fields = {"release": made.release, "manifest": blob(made.manifest)}
    repository.announce(announcement(seq, rollout=Rollout(), **fields))


def published() -> tuple[bytes, dict[str, bytes], dict[str, bytes]]:
    """The first root, what was served before, what is served now."""
    repository = Simulator()
    put(repository, OLD, 2)
    before = repository.copied()
    put(repository, NEW, 3)
    return repository.first_root, before, repository.files


ROOT, BEFORE, AFTER = published()
NOW = datetime.now(UTC)


def new_store(files: ModelFiles) -> Store:
    return Store(STATE / "store", files)


def passed(files: ModelFiles, served: dict[str, bytes]) -> SyncState:
    def check(folder: Path, announced: Announcement) -> str:
        return ""

    origin = MemoryOrigin(served)
    run = Pass(
        origin,
        new_store(files),
        lambda: ROOT,
        "stable",
        Here("a" * 32, "9.0"),
        check=check,
        now=lambda: NOW,
    )
    return run.run().status.state


def begun(dropped: Dropped = lambda kind, path: False) -> ModelFiles:
    """The disk of a kiosk that has the old release, which proved itself."""
    files = ModelFiles()
    files.mkdir(STATE)
    assert passed(files, BEFORE) is SyncState.CURRENT
    new_store(files).good(OLD.release)
    files = files.settled()
    files._dropped = dropped
    return files


def cuts(dropped: Dropped = lambda kind, path: False) -> Iterator[tuple[ModelFiles, bool]]:
    """The disk before each step of the pass that brings the new release; whether it had ended."""
    whole = begun()
    passed(whole, AFTER)
    for cut_at in range(whole.steps + 1):
        files = begun(dropped)
        files.cut_at = cut_at
        done = False
        with contextlib.suppress(Cut):
            done = passed(files, AFTER) is SyncState.CURRENT
        files.cut_at = None
        yield files, done


def answers(files: ModelFiles) -> str:
    """The release that is current. Fails unless it is whole."""
    store = new_store(files)
    pointer_file.parse(files.read(store.path))  # it never has to be recovered
    now = store.pointer().current
    assert now is not None
    path = store.releases.path(now.release)
    fault = store.releases.fault(path, parse(files.read(path / "manifest.json")))
    assert not fault, fault
    return now.release


def test_after_a_cut_at_any_step_the_old_or_the_new_release_answers_whole() -> None:
    for files, done in cuts():
        for disk in files.crashes(16):
            assert not wrong(disk, done)


def test_after_a_cut_at_any_step_the_next_pass_ends_with_the_new_release() -> None:
    for files, _ in cuts():
        for disk in (next(files.crashes()), files.settled()):
            assert passed(disk, AFTER) is SyncState.CURRENT
            assert answers(disk) == NEW.release


def test_after_a_cut_at_any_step_no_replay_brings_the_old_release_back() -> None:
    for files, done in cuts():
        for disk in (next(files.crashes()), files.settled()):
            before = answers(disk)
            state = passed(disk, BEFORE)
            assert answers(disk) == before
            if done or before == NEW.release:
                assert state is SyncState.TAMPER


BARRIERS: dict[str, Dropped] = {
    "bytes of a blob": lambda kind, path: kind == "sync" and path.name.endswith(".part"),
    "manifest of a release": lambda kind, path: kind == "sync" and path.name == "manifest.json",
    "name of a release": lambda kind, path: path == STATE / "store" / "releases",
    "bytes of the pointer": lambda kind, path: path.name == ".pointer.json.new",
    "name of the pointer": lambda kind, path: path == STATE / "store",
}


@pytest.mark.parametrize("barrier", BARRIERS)
def test_a_pass_that_forgets_a_barrier_is_caught(barrier: str) -> None:
    assert any(
        wrong(disk, done) for files, done in cuts(BARRIERS[barrier]) for disk in files.crashes(16)
    )


def wrong(disk: ModelFiles, done: bool) -> bool:
    try:
        return answers(disk) not in ({NEW.release} if done else {OLD.release, NEW.release})
    except (AssertionError, OSError, CatalogError):
        return True
