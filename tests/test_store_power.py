# SPDX-License-Identifier: Apache-2.0
"""The power fails at every step of a store's life: what was acknowledged is there, whole.

And every barrier is needed: a store that forgets one of them is caught.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from model_files import Cut, ModelFiles
from store_life import BUNDLES, HISTORY, LIFE, META, A, B, C, fault_of, faults, known
from store_parts import NOW, installed

from kiosk.announcement import Gate
from kiosk.errors import CatalogError
from kiosk.store import Store
from kiosk.store.pointer_file import parse

STATE = Path("/state")


def new_store(files: ModelFiles) -> Store:
    return Store(STATE / "store", files, now=lambda: NOW)


def new_files(dropped: Callable[[str, Path], bool] = lambda kind, path: False) -> ModelFiles:
    files = ModelFiles(dropped=dropped)
    files.mkdir(STATE)
    files.root.settle()
    files.steps = 0
    return files


def cut_states(
    dropped: Callable[[str, Path], bool] = lambda kind, path: False, most_orders: int = 64
) -> Iterator[tuple[int, ModelFiles, int, str]]:
    """For every step on the disk: the disk then, how many steps of the life were done, the id."""
    total = run(new_files(dropped), None)[0]
    for cut_at in range(total + 1):
        files = new_files(dropped)
        _, done, identity = run(files, cut_at)
        for disk in files.crashes(most_orders):
            yield cut_at, disk, done, identity


def run(files: ModelFiles, cut_at: int | None, first: int = 0) -> tuple[int, int, str]:
    """Live until the cut: steps on the disk, steps of the life that were done, the id given."""
    files.cut_at = cut_at
    store, done, identity = new_store(files), first, ""
    try:
        for step in LIFE[first:]:
            step(store)
            done += 1
            identity = store.known_id
    except Cut:
        pass
    return files.steps, done, identity


def violations(
    dropped: Callable[[str, Path], bool] = lambda kind, path: False, most: int = 1
) -> list[str]:
    found: list[str] = []
    for cut_at, disk, done, identity in cut_states(dropped, 16):
        after = HISTORY[min(done + 1, len(LIFE))]
        try:
            wrong = list(faults(new_store(disk), disk, HISTORY[done], after, identity))
        except (ValueError, OSError, KeyError, CatalogError) as error:
            wrong = [repr(error)]
        found += [f"cut at {cut_at}: {each}" for each in wrong]
        if len(found) >= most:
            return found
    return found


def test_after_a_cut_at_any_step_the_store_is_as_before_or_after_it() -> None:
    assert violations() == []


def test_a_life_goes_on_after_a_cut_at_any_step() -> None:
    total = run(new_files(), None)[0]
    for cut_at in range(total + 1):
        files = new_files()
        _, done, _ = run(files, cut_at)
        for disk in (next(files.crashes()), files.settled()):
            run(disk, None, first=done)
            assert new_store(disk).pointer() == HISTORY[-1].pointer
            assert known(new_store(disk), disk).metadata == META[1]


def test_a_kill_at_any_step_and_a_cut_soon_after_lose_nothing_either() -> None:
    """What a killed process did last is synced by nobody, unless the next one does."""
    total = run(new_files(), None)[0]
    for killed_at in range(total):
        files = new_files()
        _, done, _ = run(files, killed_at)
        if done == len(LIFE):
            continue
        files.cut_at = None
        LIFE[done](new_store(files))  # again, whole
        identity = new_store(files).known_id
        last = known(new_store(files), files)
        for disk in files.crashes(16):
            assert list(faults(new_store(disk), disk, last, last, identity)) == [], (
                f"killed before {killed_at}"
            )


def under(*names: str) -> Callable[[Path], bool]:
    folder = STATE.joinpath(*names)
    return lambda path: path.parent == folder


BARRIERS: dict[str, Callable[[str, Path], bool]] = {
    "bytes of a blob": lambda kind, path: kind == "sync" and path.name.endswith(".part"),
    "manifest of a release": lambda kind, path: kind == "sync" and path.name == "manifest.json",
    "names in a release": lambda kind, path: (
        kind == "sync_folder" and path.parent.name == "releases"
    ),
    "names in a folder of a release": lambda kind, path: (
        kind == "sync_folder" and "segments" in path.parts
    ),
    "name of a release": lambda kind, path: path == STATE / "store" / "releases",
    "bytes of the pointer": lambda kind, path: path.name == ".pointer.json.new",
    "name of the pointer": lambda kind, path: path == STATE / "store",
    "name of the store": lambda kind, path: path == STATE,
    "bytes of metadata": lambda kind, path: kind == "sync" and path.parent.name == "tuf",
    "names of metadata": lambda kind, path: path == STATE / "store" / "tuf",
    "bytes of the announcement": lambda kind, path: path.name == ".announced.json.new",
    "bytes of the status": lambda kind, path: path.name == ".sync.json.new",
    "bytes of the kiosk's id": lambda kind, path: path.name == ".kiosk_id.new",
}


@pytest.mark.parametrize("barrier", BARRIERS)
def test_a_store_that_forgets_a_barrier_is_caught(barrier: str) -> None:
    assert violations(BARRIERS[barrier])


def test_a_blob_that_was_said_to_be_kept_is_there_after_a_cut_and_not_without_its_barrier() -> None:
    for dropped in (False, True):
        files = new_files(lambda kind, path, off=dropped: off and path.name == "blobs")  # type: ignore[misc]
        store = new_store(files)
        store.kiosk_id()
        for each, data in A.blobs.items():
            store.blobs.put(data, each)
        kept = [
            all(new_store(disk).blobs.has(each) for each in A.blobs) for disk in files.crashes()
        ]
        assert all(kept) is not dropped


class InPlace(ModelFiles):
    """A store that writes its pointer without another name first."""

    def write(self, path: Path, data: bytes) -> None:
        super().write(
            path.with_name("pointer.json") if path.name == ".pointer.json.new" else path, data
        )

    def sync(self, path: Path) -> None:
        super().sync(path.with_name("pointer.json") if path.name == ".pointer.json.new" else path)

    def rename(self, old: Path, new: Path) -> None:
        if old.name != ".pointer.json.new":
            super().rename(old, new)


def test_a_pointer_that_is_written_in_place_is_caught_and_made_good_from_what_is_there() -> None:
    recovered = []
    for steps in range(1, 5):
        files = InPlace()
        files.mkdir(STATE)
        files.root.settle()
        store = new_store(files)
        store.activate(installed(store, A, 1), Gate())
        files.cut_at = files.steps + steps
        with pytest.raises(Cut):
            store.good(A.release)
            store.raise_floors(2)
        for disk in files.crashes():
            try:
                parse(disk.read(STATE / "store" / "pointer.json"))
            except CatalogError:
                recovered.append(new_store(disk).pointer())
    assert recovered
    assert {pointer.current.release for pointer in recovered if pointer.current} == {A.release}


@pytest.mark.parametrize("forgotten", [False, True])
def test_nothing_is_unlinked_before_the_pointer_that_lets_go_of_it_is_durable(
    forgotten: bool,
) -> None:
    """Killed between the rename of the pointer and its sync; then the next pass collects."""
    off = False
    files = new_files(lambda kind, path: off and path == STATE / "store")
    store = new_store(files)
    for seq, made in enumerate((A, B), 1):
        store.activate(installed(store, made, seq), Gate())
        store.good(made.release)
    last = installed(store, C, 3)
    for steps in range(20):
        files.cut_at = files.steps + steps
        with contextlib.suppress(Cut):
            store.activate(last, Gate())
        if store.pointer().current == last:
            break
    files.cut_at = None
    off = forgotten
    new_store(files).collect()
    lost = [
        held.release
        for disk in files.crashes()
        for held in (new_store(disk).pointer().current, new_store(disk).pointer().previous)
        if held is not None and fault_of(new_store(disk), disk, BUNDLES[held.release])
    ]
    assert bool(lost) is forgotten
