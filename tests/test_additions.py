# SPDX-License-Identifier: Apache-2.0
"""Additions over a real catalog: tried, searched, refused with the reason, undone, carried over."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from added_parts import SIDES, Bench, build_release, opened, seen, view_of

from kiosk.additions import AdditionStore, MemoryStore, Store
from kiosk.additions.shelf import GONE, IN_CATALOG
from kiosk.additions.store import MOST_HELD
from kiosk.additions.values import Addition, Rival
from kiosk.board import Board
from kiosk.catalog.slot import Slot
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import SearchConfig
from kiosk.decide import judge
from kiosk.errors import AdditionError
from kiosk.journal import MemoryJournal
from kiosk.service.adding import Adding
from kiosk.store import STORE_FOLDER, Installed, Phase, Pointer
from kiosk.store.pointer_file import to_json
from kiosk.values import Box, Code, Outcome, Record


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(models, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def smaller(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without sku-4 and sku-5."""
    return build_release(models, tmp_path_factory.mktemp("smaller"), range(4))


@pytest.fixture(scope="module")
def larger(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With sku-6 and sku-7, too."""
    return build_release(models, tmp_path_factory.mktemp("larger"), range(8))


@pytest.fixture(scope="module")
def otherwise(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Models with another embedder, and a release of theirs."""
    folder = tmp_path_factory.mktemp("otherwise")
    other = tiny_models.write_models(folder / "models", shift=90.0)
    return other, build_release(other, folder)


@pytest.fixture(params=["file", "memory"])
def bench(
    request: pytest.FixtureRequest, models: Path, release: Path, tmp_path: Path
) -> Iterator[Bench]:
    store: Store = MemoryStore()
    if request.param == "file":
        store = AdditionStore(tmp_path / "additions.sqlite", retry_s=0.0)
    with opened(models, release, store) as made:
        yield made


def best(bench: Bench, item: int) -> tuple[str, bool]:
    match = bench.look(item, shot=8)[0]
    return match.sku, match.added


def test_an_unknown_item_is_found_as_soon_as_it_is_added(bench: Bench) -> None:
    assert best(bench, 101)[0].startswith("sku-")
    addition = bench.added(code="4012345678901")
    assert [best(bench, side) for side in SIDES] == [("new", True)] * 3
    assert best(bench, 2) == ("sku-2", False)
    with bench.slot.borrow() as snapshot:
        assert snapshot is not None
        assert snapshot.record("new").name == "New"
        assert snapshot.coded([Code("4012345678901", "", Box(0, 0, 1, 1))]) == ("new",)
        match = bench.look(101)[0]
        assert snapshot.thumbnail(match.reference)[:2] == b"\xff\xd8"
    assert bench.desk.picture("new") == addition.thumbnail
    (line,) = bench.desk.status().lines
    assert (line.record.sku, line.views, line.trouble) == ("new", 3, "")


def test_it_is_accepted_by_nothing_that_the_release_would_not_accept(bench: Bench) -> None:
    bench.added()
    with bench.slot.borrow() as snapshot:
        assert snapshot is not None
        limits = snapshot.thresholds
    (match, *_) = bench.look(101, shot=8)
    assert match.accept is not None and match.accept >= limits.accept
    assert judge(bench.look(300), limits).outcome is not Outcome.ACCEPTED


def test_what_is_an_existing_sku_is_refused_by_its_name(bench: Bench) -> None:
    found = bench.add("copy", (100, 3, 101))
    assert isinstance(found, Rival)
    assert (found.sku, found.name, found.view) == ("sku-3", "Item 3", 1)
    assert bench.desk.status().lines == ()
    assert best(bench, 3) == ("sku-3", False)


def test_what_was_added_here_is_protected_like_the_catalog(bench: Bench) -> None:
    bench.added()
    found = bench.add("other", (100, 201, 202))
    assert isinstance(found, Rival)
    assert (found.sku, found.added) == ("new", True)


def test_more_views_of_a_known_sku_keep_its_record(bench: Bench) -> None:
    addition = bench.added("sku-3", SIDES)
    assert addition.more
    assert best(bench, 100) == ("sku-3", True)
    assert best(bench, 3) == ("sku-3", False)
    with bench.slot.borrow() as snapshot:
        assert snapshot is not None
        assert snapshot.record("sku-3").name == "Item 3"


def test_views_of_another_sku_are_not_more_views(bench: Bench) -> None:
    assert isinstance(bench.add("sku-3", (100, 4, 101)), Rival)


def test_undone_it_is_found_no_more_and_its_pictures_are_gone(bench: Bench) -> None:
    addition = bench.added()
    bench.desk.beat()
    assert len(bench.desk.crops(addition.addition_id)) == 3
    assert bench.desk.undo(addition.addition_id)
    assert not bench.desk.undo(addition.addition_id)
    assert best(bench, 101)[0] != "new"
    bench.desk.beat()
    assert bench.desk.crops(addition.addition_id) == {}
    assert bench.desk.picture("new") is None
    again = bench.added()
    assert again.addition_id != addition.addition_id
    assert best(bench, 101) == ("new", True)


def test_the_journal_gets_the_whole_record_and_no_picture(bench: Bench) -> None:
    addition = bench.added(code="4012345678901")
    bench.desk.undo(addition.addition_id)
    (kind, body, sku), (last, _, _) = bench.journal.told
    assert (kind, sku, last) == ("addition", "new", "addition-undone")
    assert (body["name"], body["barcodes"], len(body["views"])) == ("New", ["4012345678901"], 3)
    vector = np.frombuffer(base64.b64decode(body["views"][0]["embedding_f16"]), "<f2")
    assert vector.shape == (tiny_models.DIMENSION,)
    assert len(str(body)) < 5000
    assert body["nearest"] == pytest.approx(addition.nearest)


def test_only_so_many_are_kept_and_none_is_dropped_for_another(models, release) -> None:
    with opened(models, release) as bench:
        bench.desk._most = 1
        bench.added()
        with pytest.raises(AdditionError, match="are the most") as caught:
            bench.add("second", (400, 401, 402))
        assert caught.value.code == "too_many"
        assert best(bench, 101) == ("new", True)
    assert MOST_HELD == 200


def test_it_is_searched_beside_another_release_too(bench, smaller) -> None:
    bench.added()
    bench.open(smaller)
    assert best(bench, 101) == ("new", True)
    assert bench.desk.status().lines[0].trouble == ""


def test_what_a_release_has_itself_is_the_releases(bench, larger) -> None:
    bench.added("sku-7", SIDES)
    bench.open(larger)
    assert bench.desk.status().lines[0].trouble == IN_CATALOG
    assert best(bench, 7) == ("sku-7", False)
    assert best(bench, 101)[0] != "sku-7"
    with bench.slot.borrow_release() as snapshot:
        assert snapshot is not None
        assert bench.desk.adopt(snapshot) == 1
    assert bench.desk.status().lines == ()
    assert bench.journal.told[-1][0] == "addition-adopted"


def test_it_is_back_when_that_release_is_taken_back(bench: Bench, release, larger) -> None:
    bench.added("sku-7", SIDES)
    bench.open(larger)
    bench.open(release)
    assert best(bench, 101) == ("sku-7", True)


def test_a_release_whose_matches_it_would_take_puts_it_aside(bench: Bench, larger) -> None:
    bench.added("mine", (7, 101, 102))
    bench.open(larger)
    trouble = bench.desk.status().lines[0].trouble
    assert trouble == "It would take matches from Item 7 (sku-7) of this catalog."
    assert best(bench, 7) == ("sku-7", False)


def test_more_views_of_a_sku_that_left_the_catalog_are_put_aside(bench, smaller) -> None:
    bench.added("sku-5", SIDES)
    bench.open(smaller)
    assert bench.desk.status().lines[0].trouble == GONE.format(sku="sku-5")


def test_another_embedder_makes_its_references_anew(bench: Bench, otherwise) -> None:
    addition: Addition = bench.added()
    bench.desk.beat()
    bench.locator, bench.embedder = tiny_models.open_models(otherwise[0])
    bench.open(otherwise[1])
    assert "another model" in bench.desk.status().lines[0].trouble
    assert best(bench, 101)[0] != "new"
    assert bench.desk.beat()
    assert bench.desk.status().lines[0].trouble == ""
    assert best(bench, 101) == ("new", True)
    assert bench.store.rows()[0].embedder == bench.embedder.card.sha256 != addition.embedder
    assert not bench.desk.beat(), "once"


def test_without_its_pictures_it_is_kept_unused(models, release, otherwise, tmp_path) -> None:
    path = tmp_path / "additions.sqlite"
    with opened(models, release, AdditionStore(path, retry_s=0.0)) as bench:
        bench.added()
        bench.desk.beat()
        path.unlink()
        bench.desk.beat()
        bench.locator, bench.embedder = tiny_models.open_models(otherwise[0])
        bench.open(otherwise[1])
        bench.desk.beat()
        assert "its pictures are gone" in bench.desk.status().lines[0].trouble
        assert best(bench, 101)[0] != "new"


@pytest.mark.parametrize(("phase", "left"), [(Phase.TRIAL, 1), (Phase.GOOD, 0)])
def test_an_addition_goes_once_the_release_that_has_it_is_good(
    models, release, larger, tmp_path, phase, left
) -> None:
    locator, embedder = tiny_models.open_models(models)
    slot: Slot[Snapshot] = Slot()
    board, journal = Board(), MemoryJournal()
    adding = Adding(
        tmp_path, slot=slot, board=board, journal=journal, embedder_of=lambda name: embedder
    )
    adding.start()

    def follow(folder: Path) -> str:
        opened_release = Snapshot.open(folder, embedder=embedder.card.sha256, config=SearchConfig())
        slot.swap(opened_release)
        adding.post()
        return opened_release.release

    follow(release)
    views = [view_of(locator, embedder, seen(side)) for side in SIDES]
    with slot.borrow() as snapshot:
        pictures, made = [each for each, _ in views], [each for _, each in views]
        adding.desk.add(Record("sku-7", "Seven", ""), pictures, made, snapshot)
    adding.beat()
    assert len(board.state().added.lines) == 1
    pointer = Pointer(current=Installed(follow(larger), "a" * 64, 3), phase=phase)
    (tmp_path / STORE_FOLDER).symlink_to(STORE_FOLDER)
    adding.beat()
    assert len(board.state().added.lines) == 1, "a store that cannot be read ends nothing"
    (tmp_path / STORE_FOLDER).unlink()
    (tmp_path / STORE_FOLDER).mkdir()
    (tmp_path / STORE_FOLDER / "pointer.json").write_bytes(to_json(pointer))
    adding.beat()
    assert len(board.state().added.lines) == left
    kinds = [entry["kind"] for entry in journal.entries()]
    assert kinds == ["addition", "addition-adopted"][: 2 - left]
    slot.swap(None)
    adding.close()
