# SPDX-License-Identifier: Apache-2.0
"""Folds that take long, die or cannot start: what becomes of them, and what a technician reads."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from made_releases import Made, made, unit
from test_store_catalogs import Rig
from waiting import until

from kiosk.catalog.folding import RETRY_S, Folding
from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.config import SearchConfig
from kiosk.search import Block, Rows
from kiosk.search.fold import Fold

FEW = SearchConfig(overlay=64)
MINUTE_S = 60.0


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def children() -> list[int]:
    """Processes that this one has started."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


@pytest.fixture
def slot(models: Path, tmp_path: Path) -> Iterator[SnapshotSlot]:
    """A release whose index is due."""
    pictures = [Made(f"SKU-{sku}", f"{at}.png") for sku in range(25) for at in range(2)]
    made(tmp_path / "out", models, pictures)
    embedder = read_manifest(tmp_path / "out").embedder.sha256
    slot = SnapshotSlot()
    slot.swap(Snapshot.open(tmp_path / "out", embedder=embedder, config=FEW))
    yield slot
    slot.swap(None)


@contextmanager
def one_child(folds: Folding) -> Iterator[int]:
    """The one that a look starts, held so that it cannot end by itself; killed afterwards."""
    others = set(children())
    folds.look()
    (pid,) = set(children()) - others
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        until(lambda: state(pid) in ("", "Z"), "the end of a fold")


def state(pid: int) -> str:
    """As the kernel has it; empty once it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def due(slot: SnapshotSlot) -> bool:
    with slot.borrow_release() as release:
        assert release is not None
        return release.due


def test_a_fold_has_the_lowest_priority_that_still_gets_a_share(tmp_path: Path) -> None:
    path = tmp_path / "waits.npy"
    os.mkfifo(path)  # the child waits for a writer when it has set its priority
    vectors = unit(np.random.default_rng(1).standard_normal((8, 4)))
    rows = Rows([Block("waits", vectors, path)])
    fold = Fold(rows, np.ones(8, np.bool_), tmp_path / "derived", 0.99)
    try:
        until(lambda: os.sched_getscheduler(fold.pid) == os.SCHED_BATCH)
        assert os.getpriority(os.PRIO_PROCESS, fold.pid) == 19
    finally:
        fold.stop()


def test_a_fold_that_takes_long_is_told_of(slot: SnapshotSlot) -> None:
    clock = Clock()
    folds = Folding(slot, gently=False, now_s=clock)
    assert folds.said() == ""
    with one_child(folds):
        clock.now_s += 9 * MINUTE_S
        folds.look()
        assert folds.said() == ""
        clock.now_s += 16 * MINUTE_S
        folds.look()
        assert folds.said() == "being built anew for 20 min now, behind all other work"
    until(lambda: folds.look() or "20 min" not in folds.said())
    assert folds.said() == "building it anew failed once and is tried again later"


def test_folds_that_are_killed_are_not_begun_again_at_once(slot: SnapshotSlot) -> None:
    clock = Clock()
    folds = Folding(slot, gently=False, now_s=clock)
    for failures, wait_s in enumerate((RETRY_S, 2 * RETRY_S, 4 * RETRY_S), start=1):
        with one_child(folds):
            clock.now_s += 3600.0  # it was at work for long: that is no reason to hurry
        until(lambda: folds.look() or folds.said())
        assert f"failed {'once' if failures == 1 else f'{failures} times'}" in folds.said()
        before = children()
        clock.now_s += wait_s - 1
        folds.look()
        assert children() == before
        clock.now_s += 1
    until(lambda: folds.look() or not due(slot))
    assert folds.said() == ""


def test_a_disk_that_refuses_the_index_is_asked_again_later(
    slot: SnapshotSlot, tmp_path: Path
) -> None:
    clock = Clock()
    folds = Folding(slot, gently=False, now_s=clock)
    derived = tmp_path / "out" / "derived"
    derived.write_text("a file where the folder should be")
    for _ in range(5):
        folds.look()
    assert folds.said() == "building it anew failed once and is tried again later"
    derived.unlink()
    clock.now_s += RETRY_S
    until(lambda: folds.look() or not due(slot))
    assert folds.said() == ""


def test_the_status_page_says_what_becomes_of_a_fold(models: Path, tmp_path: Path) -> None:
    pictures = [Made(f"SKU-{sku}", f"{at}.png") for sku in range(25) for at in range(2)]
    made(tmp_path / "out", models, pictures)
    (tmp_path / "out" / "derived").write_text("a file where the folder should be")
    rig = Rig(tmp_path, models, directory=str(tmp_path / "out"), overlay=64)
    rig.look()
    plain = rig.board.state().catalog.search
    assert plain.startswith("exact")
    rig.catalogs.folding.look()
    rig.look()
    said = rig.board.state().catalog.search
    assert said == f"{plain}, building it anew failed once and is tried again later"
    rig.slot.swap(None)
