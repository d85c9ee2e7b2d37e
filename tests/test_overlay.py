# SPDX-License-Identifier: Apache-2.0
"""Annoy over some segments, exact search over the rest, and rows that are gone: real files, real
child processes.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_releases import Made, made, result, unit
from numpy.typing import NDArray
from waiting import aside, until

from kiosk.catalog.folding import Folding
from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.config import SearchConfig
from kiosk.search import Block, ExactIndex, OpenIndex, Rows, mapped, open_index
from kiosk.search.annoy_index import AnnoyFile
from kiosk.search.covered import Covered
from kiosk.search.fold import Fold
from kiosk.search.open import built
from kiosk.values import Embedding

DIMENSION = 24
FEW = SearchConfig(overlay=64)


def block(tmp_path: Path, name: str, rows: int, seed: int) -> Block:
    random = np.random.default_rng(seed)
    centres = np.repeat(random.standard_normal((rows // 10 + 1, DIMENSION)), 10, axis=0)[:rows]
    path = tmp_path / f"{name}.npy"
    if not path.exists():
        np.save(path, unit(centres + 0.7 * random.standard_normal(centres.shape)))
    return Block(name, np.load(path, mmap_mode="r"), path)


@pytest.fixture
def blocks(tmp_path: Path) -> list[Block]:
    return [
        block(tmp_path, "a", 1500, 1),
        block(tmp_path, "b", 200, 2),
        block(tmp_path, "c", 90, 3),
    ]


def queries(rows: Rows, count: int = 40) -> list[Embedding]:
    random = np.random.default_rng(9)
    near = rows.take(np.sort(random.choice(len(rows), count, replace=False)))
    noisy = near + 0.5 * random.standard_normal(near.shape) / np.sqrt(DIMENSION)
    return list((noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32))


def recall(index: OpenIndex, rows: Rows, live: NDArray[np.bool_]) -> float:
    """Of the ten nearest that live; and nothing dead may ever be found."""
    exact = ExactIndex(rows, np.flatnonzero(live))
    same = 0
    asked = queries(rows)
    for query in asked:
        found = {one.reference for one in index.search(query, 10)}
        assert len(found) == 10 and live[list(found)].all()
        same += len(found & {one.reference for one in exact.search(query, 10)})
    return same / (10 * len(asked))


@contextmanager
def folding(rows: Rows, live: NDArray[np.bool_], directory: Path) -> Iterator[Fold]:
    fold = Fold(rows, live, directory, 0.99, gently=False)
    try:
        yield fold
    finally:
        fold.stop()


def folded(rows: Rows, live: NDArray[np.bool_], directory: Path) -> None:
    """What the child does, here."""
    built(rows, np.flatnonzero(live), directory, 0.99)


def test_newer_segments_are_searched_exactly_beside_the_annoy_file(
    blocks: list[Block], tmp_path: Path
) -> None:
    old = Rows(blocks[:1])
    folded(old, np.ones(len(old), np.bool_), tmp_path)
    rows = Rows(blocks)
    live = np.ones(len(rows), np.bool_)
    live[np.random.default_rng(4).choice(1500, 300, replace=False)] = False
    index = open_index(rows, live, tmp_path, config=SearchConfig())
    assert index.name == "annoy, 290 newer references exactly" and not index.due
    assert recall(index, rows, live) >= 0.98
    for row in (1500, 1789):  # rows that Annoy has never seen
        assert index.search(rows.take(np.array([row]))[0], 1)[0].reference == row
    index.close()


def test_a_neighbourhood_that_is_entirely_gone_is_searched_beyond(
    blocks: list[Block], tmp_path: Path
) -> None:
    rows = Rows(blocks[:1])
    folded(rows, np.ones(len(rows), np.bool_), tmp_path)
    query = queries(rows, 1)[0]
    order = [one.reference for one in ExactIndex(rows).search(query, 1500)]
    for gone in (30, 700, 1490, 1499):
        live = np.ones(len(rows), np.bool_)
        live[order[:gone]] = False
        index = open_index(rows, live, tmp_path, config=FEW)
        assert index.name == "annoy"
        found = [one.reference for one in index.search(query, 10)]
        assert found == order[gone : gone + 10]
        assert index.due == (gone > 450)
        index.close()


def test_beyond_what_is_asked_of_annoy_every_row_is_looked_at(
    blocks: list[Block], tmp_path: Path
) -> None:
    rows = Rows(blocks[:1])
    sidecar = built(rows, np.arange(len(rows)), tmp_path, 0.99)
    query = queries(rows, 1)[0]
    order = [one.reference for one in ExactIndex(rows).search(query, 1500)]
    live = np.ones(len(rows), np.bool_)
    live[order[:200]] = False
    covered = Covered(AnnoyFile(tmp_path, sidecar), rows, live, most=100)
    assert [one.reference for one in covered.search(query, 10)] == order[200:210]
    covered.close()


def test_rows_that_live_again_are_found(blocks: list[Block], tmp_path: Path) -> None:
    rows = Rows(blocks[:2])
    live = np.ones(len(rows), np.bool_)
    live[100:140] = False
    folded(rows, live, tmp_path)
    every = np.ones(len(rows), np.bool_)
    index = open_index(rows, every, tmp_path, config=FEW)
    assert index.name == "annoy, 40 newer references exactly"
    assert index.search(rows.take(np.array([120]))[0], 1)[0].reference == 120
    index.close()


def test_an_index_is_used_for_the_segments_it_knows_wherever_they_stand(
    blocks: list[Block], tmp_path: Path
) -> None:
    both = Rows(blocks[:2])
    folded(both, np.ones(len(both), np.bool_), tmp_path)
    moved = Rows([blocks[2], blocks[1]])
    live = np.ones(len(moved), np.bool_)
    index = open_index(moved, live, tmp_path, config=SearchConfig(overlay=100))
    assert index.name == "annoy, 90 newer references exactly" and index.due
    assert recall(index, moved, live) == 1.0
    index.close()


def test_a_large_catalog_is_answered_exactly_at_once_and_folded_later(
    blocks: list[Block], tmp_path: Path
) -> None:
    rows = Rows(blocks)
    live = np.ones(len(rows), np.bool_)
    index = open_index(rows, live, tmp_path, config=FEW)
    assert index.name == "exact (there is none yet)" and index.due
    assert recall(index, rows, live) == 1.0
    folded(rows, live, tmp_path)
    better = open_index(rows, live, tmp_path, config=FEW)
    assert better.name == "annoy" and not better.due
    better.close()
    index.close()


def test_the_index_that_covers_most_is_taken_and_a_mapped_one_is_shared(
    blocks: list[Block], tmp_path: Path
) -> None:
    for count in (1, 2):
        part = Rows(blocks[:count])
        folded(part, np.ones(len(part), np.bool_), tmp_path)
    rows = Rows(blocks)
    live = np.ones(len(rows), np.bool_)
    first = open_index(rows, live, tmp_path, config=FEW)
    assert first.name == "annoy, 90 newer references exactly"
    second = open_index(rows, live, tmp_path, config=FEW, beside=mapped(first))
    assert mapped(second) is mapped(first) is not None
    first.close()
    assert recall(second, rows, live) >= 0.98
    second.close()


def test_a_fold_that_is_killed_changes_nothing(blocks: list[Block], tmp_path: Path) -> None:
    rows = Rows([block(tmp_path, "large", 20_000, 5)])
    live = np.ones(len(rows), np.bool_)
    directory = tmp_path / "derived"
    with folding(rows, live, directory) as fold:
        os.kill(fold.pid, signal.SIGKILL)
        until(lambda: fold.ended() is not None)
        assert fold.ended() == -signal.SIGKILL
    index = open_index(rows, live, directory, config=FEW)
    assert index.name == "exact (there is none yet)"
    index.close()
    (directory / ".0123.999999999.building").write_bytes(b"left by a build that died")
    small = Rows(blocks[2:])
    folded(small, np.ones(len(small), np.bool_), directory)
    assert {path.suffix for path in directory.iterdir()} == {".ann", ".json", ".npy"}


def test_a_fold_of_files_that_changed_meanwhile_is_not_believed(
    blocks: list[Block], tmp_path: Path
) -> None:
    rows = Rows(blocks[:1])
    live = np.ones(len(rows), np.bool_)
    other = block(tmp_path, "other", 1500, 77)
    assert other.path is not None
    with folding(Rows([replace(blocks[0], path=other.path)]), live, tmp_path) as fold:
        until(lambda: fold.ended() is not None)
        assert fold.ended() == 0
    index = open_index(rows, live, tmp_path, config=FEW)
    assert index.name.startswith("exact (the self-test found 0.")
    assert list(tmp_path.glob("*.ann")) == []
    index.close()


def embedder_of(release: Path) -> str:
    return read_manifest(release).embedder.sha256


def test_folding_swaps_a_proven_index_in_without_losing_a_search(
    models: Path, tmp_path: Path
) -> None:
    pictures = [Made(f"SKU-{sku}", f"{at}.png") for sku in range(25) for at in range(2)]
    made(tmp_path / "out", models, pictures)
    slot = SnapshotSlot()
    release = Snapshot.open(tmp_path / "out", embedder=embedder_of(tmp_path / "out"), config=FEW)
    assert release.due and release.engine.startswith("exact")
    slot.swap(release)
    query = result(pictures[7]).probes[0].astype(np.float32)
    right = release.match(query, 3)
    stop, wrong, count = threading.Event(), [], [0]

    def search() -> None:
        while not stop.is_set():
            with slot.borrow() as current:
                assert current is not None
                found = current.match(query, 3)
            if [one.sku for one in found] != [one.sku for one in right]:
                wrong.append(found)
            count[0] += 1

    folds = Folding(slot, gently=False)

    def swapped() -> bool:
        folds.look()
        with slot.borrow() as current:
            return current is not None and current.engine == "annoy"

    with aside(search, over=stop.set):
        until(swapped)
        before = count[0]
        until(lambda: count[0] > before)
    assert wrong == []
    folds.look()  # nothing is due any more
    with slot.borrow_release() as current:
        assert current is not None and not current.due
    slot.swap(None)


def test_a_fold_of_a_release_that_was_replaced_meanwhile_is_let_go(
    models: Path, tmp_path: Path
) -> None:
    pictures = [Made(f"SKU-{sku}", f"{at}.png") for sku in range(25) for at in range(2)]
    made(tmp_path / "0", models, pictures)
    made(tmp_path / "1", models, [*pictures, Made("NEW", "0.png")], base=tmp_path / "0")
    slot = SnapshotSlot()
    embedder = embedder_of(tmp_path / "0")
    derived = tmp_path / "derived"
    first = Snapshot.open(tmp_path / "0", embedder=embedder, config=FEW, derived=derived)
    slot.swap(first)
    folds = Folding(slot, gently=False)
    folds.look()
    second = Snapshot.open(
        tmp_path / "1", embedder=embedder, config=FEW, derived=derived, beside=first
    )
    slot.swap(second)

    def done() -> bool:
        folds.look()
        with slot.borrow_release() as current:
            assert current is not None and current.release == second.release
            return current.engine.startswith("annoy")

    until(done)
    slot.swap(None)
