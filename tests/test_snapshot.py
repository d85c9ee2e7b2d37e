# SPDX-License-Identifier: Apache-2.0
"""Releases opened, borrowed and swapped: real files, real Annoy, many threads."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from segments import only
from waiting import aside, until

from kiosk.catalog.details import NoDetails
from kiosk.catalog.found import Site
from kiosk.catalog.joined import rows_of
from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.catalog.stored import open_segments
from kiosk.catalog.trusted import trust
from kiosk.catalog.watch import RETRY_S, CatalogWatch
from kiosk.config import SearchConfig
from kiosk.errors import CatalogError
from kiosk.recognise import Recogniser, still
from kiosk.search import ExactIndex, Rows, Together
from kiosk.search.annoy_index import AnnoyFile, read_sidecar
from kiosk.search.covered import Covered
from kiosk.values import Neighbour

CONFIG = SearchConfig()


@pytest.fixture(scope="module")
def releases(models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("releases")
    return (
        tiny_models.make_release(models, base / "old", range(6), shots=2),
        tiny_models.make_release(models, base / "new", range(3, 12), shots=2),
    )


def embedder_sha256(models: Path) -> str:
    return tiny_models.open_models(models)[1].card.sha256


@pytest.fixture
def opened(models: Path, releases: tuple[Path, Path]) -> Iterator[Snapshot]:
    snapshot = Snapshot.open(releases[0], embedder=embedder_sha256(models), config=CONFIG)
    yield snapshot
    snapshot.close()


def test_a_photo_of_an_enrolled_item_matches_its_sku(models: Path, opened: Snapshot) -> None:
    recogniser = Recogniser(*tiny_models.open_models(models))
    for item in range(6):
        look = recogniser.look(still(tiny_models.picture(item, shot=9)), opened)
        assert look.matches[0].sku == f"sku-{item}"
        assert look.matches[0].similarity > 0.9
        assert len({match.sku for match in look.matches}) == len(look.matches)
        assert opened.record(look.matches[0].sku).sku == f"sku-{item}"
        assert opened.thumbnail(look.matches[0].reference)[:2] == b"\xff\xd8"


def test_an_empty_counter_gives_nothing_to_match(models: Path, opened: Snapshot) -> None:
    look = Recogniser(*tiny_models.open_models(models)).look(still(tiny_models.picture(-1)), opened)
    assert look.subject is None
    assert look.matches == ()


def test_a_runner_up_is_found_even_when_one_sku_has_all_the_nearest_references(
    models: Path, releases: tuple[Path, Path]
) -> None:
    few = SearchConfig(neighbours=5)
    snapshot = Snapshot.open(releases[0], embedder=embedder_sha256(models), config=few)
    vectors = np.load(only(releases[0], "vectors.npy")).astype(np.float32)
    matches = snapshot.match(vectors[0] / np.linalg.norm(vectors[0]), 5)
    assert len(matches) == 5
    snapshot.close()


class CountingIndex(ExactIndex):
    """Exact search that remembers how it was asked."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self.asked: list[int] = []

    def search(self, query: np.ndarray, count: int) -> list[Neighbour]:
        self.asked.append(count)
        return super().search(query, count)


def counted(path: Path) -> tuple[Snapshot, CountingIndex, np.ndarray]:
    """A snapshot that asks for few neighbours, and counts."""
    manifest = read_manifest(path)
    joined = open_segments(path, manifest)
    index = CountingIndex(rows_of(joined))
    site = Site(path, manifest, path / "derived", SearchConfig(neighbours=5))
    vectors = joined.segments[0].vectors
    return Snapshot(site, joined, index, NoDetails(), trust(path, manifest)), index, vectors


def test_the_references_of_the_largest_skus_are_fetched_in_one_search(
    releases: tuple[Path, Path],
) -> None:
    snapshot, index, vectors = counted(releases[0])
    for row in range(0, len(vectors), 7):
        assert len(snapshot.match(vectors[row].astype(np.float32), 5)) == 5
    assert len(index.asked) == len(range(0, len(vectors), 7))
    snapshot.close()


def test_vectors_of_another_embedder_are_refused(
    tmp_path: Path, releases: tuple[Path, Path]
) -> None:
    other = tiny_models.write_models(tmp_path / "other", shift=90.0)
    with pytest.raises(CatalogError, match="build the catalog again"):
        Snapshot.open(releases[0], embedder=embedder_sha256(other), config=CONFIG)


@pytest.mark.parametrize("name", ["vectors.npy", "records.sqlite", "manifest.json"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_release_is_refused_and_the_file_named(
    models: Path, releases: tuple[Path, Path], tmp_path: Path, name: str, damage: str
) -> None:
    copy = Path(shutil.copytree(releases[0], tmp_path / "copy"))
    path = copy / name if name == "manifest.json" else only(copy, name)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "cut":
        os.truncate(path, len(data) // 2)
    else:
        path.unlink()
    with pytest.raises(CatalogError, match=name):
        Snapshot.open(copy, embedder=embedder_sha256(models), config=CONFIG)


def test_no_release_says_how_to_make_one(models: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="kiosk catalog build"):
        Snapshot.open(tmp_path, embedder=embedder_sha256(models), config=CONFIG)


class Remapped:
    """A release whose segments are open, and snapshots of it with an index that is mapped anew,
    without its self-test.
    """

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        self.site = Site(path, manifest, path / "derived", CONFIG)
        self.joined = open_segments(path, manifest)
        self.trusted = trust(path, manifest)
        (sidecar,) = (path / "derived").glob("*.json")
        self.sidecar = read_sidecar(sidecar)

    def snapshot(self) -> Snapshot:
        file = AnnoyFile(self.site.derived, self.sidecar)
        covered = Covered(file, rows_of(self.joined), self.joined.live)
        index = Together([covered], "annoy")
        return Snapshot(self.site, self.joined.shared(), index, NoDetails(), self.trusted)


@pytest.fixture
def eager_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_switching")
def test_ten_thousand_swaps_under_search_neither_crash_nor_mix_releases(
    models: Path, releases: tuple[Path, Path]
) -> None:
    sha256 = embedder_sha256(models)
    slot = SnapshotSlot()
    slot.swap(Snapshot.open(releases[0], embedder=sha256, config=CONFIG))
    known = {
        read_manifest(path).release: {f"sku-{item}" for item in items}
        for path, items in zip(releases, (range(6), range(3, 12)), strict=True)
    }
    Snapshot.open(releases[1], embedder=sha256, config=CONFIG).close()  # builds its index
    query = np.load(only(releases[0], "vectors.npy"))[0].astype(np.float32)
    query /= np.linalg.norm(query)
    stop = threading.Event()
    wrong: list[str] = []
    searches = [0, 0, 0]

    def search(worker: int) -> None:
        while not stop.is_set():
            with slot.borrow() as snapshot:
                assert snapshot is not None
                matches = snapshot.match(query, 5)
                if len(matches) != 5 or not {m.sku for m in matches} <= known[snapshot.release]:
                    wrong.append(f"{snapshot.release}: {matches}")
            searches[worker] += 1

    workers = [functools.partial(search, worker) for worker in range(3)]
    files = len(list(Path("/proc/self/fd").iterdir()))
    both = [Remapped(path) for path in releases]
    with aside(*workers, over=stop.set):
        for turn in range(10_000):
            slot.swap(both[turn % 2].snapshot())
        until(lambda: min(searches) > 0, "every thread to search")
    with slot.borrow() as last:
        assert last is not None
    slot.swap(None)
    for each in both:
        each.joined.close()
    assert wrong == []
    assert min(searches) > 0
    assert abs(len(list(Path("/proc/self/fd").iterdir())) - files) < 10


def test_a_snapshot_swapped_back_in_while_it_is_still_read_stays_open(
    models: Path, releases: tuple[Path, Path]
) -> None:
    sha256 = embedder_sha256(models)
    first, second = (Snapshot.open(path, embedder=sha256, config=CONFIG) for path in releases)
    query = np.load(only(releases[0], "vectors.npy"))[0].astype(np.float32)
    query /= np.linalg.norm(query)
    slot = SnapshotSlot()
    slot.swap(first)
    with slot.borrow():
        slot.swap(second)
        slot.swap(first)
    with slot.borrow() as current:
        assert current is first
        assert current.match(query, 1)[0].sku == "sku-0"
    slot.swap(None)


def test_a_borrowed_snapshot_outlives_the_swap(models: Path, releases: tuple[Path, Path]) -> None:
    sha256 = embedder_sha256(models)
    slot = SnapshotSlot()
    slot.swap(Snapshot.open(releases[0], embedder=sha256, config=CONFIG))
    query = np.load(only(releases[0], "vectors.npy"))[0].astype(np.float32)
    query /= np.linalg.norm(query)
    with slot.borrow() as first:
        slot.swap(Snapshot.open(releases[1], embedder=sha256, config=CONFIG))
        assert first is not None
        assert first.match(query, 3)[0].sku == "sku-0"
        with slot.borrow() as second:
            assert second is not None
            assert second.release != first.release
    slot.swap(None)


class Heard:
    """What the watch reported, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def __call__(self, snapshot: Snapshot | None, trouble: str) -> None:
        self.said.append((snapshot.release if snapshot else "", trouble))


def watch_of(
    models: Path, current: Path, slot: SnapshotSlot, heard: Heard, retry_s: float = RETRY_S
) -> CatalogWatch:
    sha256 = embedder_sha256(models)
    return CatalogWatch(
        current,
        slot,
        open_snapshot=lambda path: Snapshot.open(path, embedder=sha256, config=CONFIG),
        on_change=heard,
        poll_s=0.05,
        retry_s=retry_s,
    )


def test_a_new_release_is_picked_up_and_a_bad_one_never_replaces_a_good_one(
    models: Path, releases: tuple[Path, Path], tmp_path: Path
) -> None:
    slot, heard, current = SnapshotSlot(), Heard(), tmp_path / "current"
    watch = watch_of(models, current, slot, heard)
    watch.look()
    assert "kiosk catalog build" in heard.said[-1][1]
    current.symlink_to(releases[0])
    watch.look()
    first = heard.said[-1]
    assert first[1] == ""
    watch.look()
    assert len(heard.said) == 2  # said once, not every pass
    bad = Path(shutil.copytree(releases[1], tmp_path / "bad"))
    os.truncate(only(bad, "vectors.npy"), 100)
    for target in (bad, releases[1]):
        scratch = tmp_path / "link"
        scratch.symlink_to(target)
        scratch.rename(current)
        watch.look()
    assert heard.said[2][0] == first[0]
    assert "vectors.npy" in heard.said[2][1]
    assert heard.said[3][0] != first[0]
    assert heard.said[3][1] == ""
    slot.swap(None)


def test_a_release_that_is_still_being_copied_in_is_taken_up_once_it_is_whole(
    models: Path, releases: tuple[Path, Path], tmp_path: Path
) -> None:
    slot, heard, current = SnapshotSlot(), Heard(), tmp_path / "current"
    watch = watch_of(models, current, slot, heard, retry_s=0.0)
    shutil.copytree(releases[0], current, ignore=shutil.ignore_patterns("vectors.npy"))
    watch.look()
    watch.look()
    assert len(heard.said) == 1  # looked at twice, said once
    assert "vectors.npy" in heard.said[0][1]
    # The manifest is the one seen before.
    shutil.copy(only(releases[0], "vectors.npy"), only(current, "records.sqlite").parent)
    watch.look()
    assert heard.said[-1] == (read_manifest(current).release, "")
    slot.swap(None)


def test_a_release_opened_while_the_watch_is_stopped_is_not_swapped_in(
    models: Path, releases: tuple[Path, Path]
) -> None:
    sha256 = embedder_sha256(models)
    slot, heard = SnapshotSlot(), Heard()

    def opened_late(path: Path) -> Snapshot:
        watch.stop()
        return Snapshot.open(path, embedder=sha256, config=CONFIG)

    watch = CatalogWatch(releases[0], slot, open_snapshot=opened_late, on_change=heard, poll_s=0.05)
    watch.look()
    assert heard.said == []
    with slot.borrow() as snapshot:
        assert snapshot is None
