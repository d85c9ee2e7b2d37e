# SPDX-License-Identifier: Apache-2.0
"""The state directory goes away under a running kiosk: that is told as what it is, what is in
memory answers, nothing is made anew in its place, and the kiosk goes on when it is back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from store_parts import fetched
from test_store_catalogs import Rig
from tiny_models import make_release

from kiosk.announcement import Gate
from kiosk.board import CatalogStatus
from kiosk.catalog.manifest import read_manifest
from kiosk.store import Phase, Pointer
from kiosk.store.presence import Presence

AT_ONCE = Gate(good_after_s=0, good_after_decisions=0)


@pytest.fixture(scope="module")
def first(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(models, tmp_path_factory.mktemp("first") / "release", range(4))


@pytest.fixture(scope="module")
def second(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(models, tmp_path_factory.mktemp("second") / "release", range(5))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def rig(state: Path, models: Path, first: Path) -> Rig:
    """It answers from a good release of its store."""
    rig = Rig(state, models)
    rig.store.activate(fetched(rig.store, first, 1), AT_ONCE, "shop")
    assert rig.look() == read_manifest(first).release
    assert rig.store.pointer().phase is Phase.GOOD
    return rig


def said(rig: Rig) -> CatalogStatus:
    rig.look()
    return rig.board.state().catalog


def deleted(state: Path) -> None:
    shutil.rmtree(state)


def replaced(state: Path) -> None:
    state.rename(state.with_name("aside"))  # else its number may be given to the new one
    state.mkdir()


def emptied(state: Path) -> None:
    shutil.rmtree(state / "store")


def a_file(state: Path) -> None:
    shutil.rmtree(state)
    state.write_text("no folder")


AWAY: dict[str, tuple[Callable[[Path], None], str]] = {
    "deleted": (deleted, "is gone: it was deleted, or its disk is no longer mounted"),
    "replaced": (replaced, "deleted, unmounted or replaced while this kiosk ran"),
    "emptied": (emptied, "holds no releases any more: they were deleted"),
    "a file": (a_file, "is gone"),
}


@pytest.mark.parametrize("case", AWAY)
def test_a_state_directory_that_goes_away_is_no_missing_catalog(
    case: str, rig: Rig, first: Path, state: Path
) -> None:
    away, words = AWAY[case]
    before = rig.board.state().releases
    away(state)
    status = said(rig)
    assert not status.ok
    assert f"the state directory {state}" in status.message
    assert words in status.message
    assert "kiosk catalog build" not in status.message
    assert status.release == read_manifest(first).release, "it goes on answering"
    with rig.slot.borrow() as snapshot:
        assert snapshot is not None
    assert rig.board.state().releases == before, "what is known of sync stays"
    rig.catalogs.stop()
    assert not (state / "store").exists(), "nothing is made in its place"


def test_it_goes_on_when_the_directory_is_back(
    rig: Rig, state: Path, tmp_path: Path, second: Path
) -> None:
    state.rename(tmp_path / "aside")
    assert not said(rig).ok
    (tmp_path / "aside").rename(state)
    status = said(rig)
    assert (status.ok, status.message) == (True, "")
    after = fetched(rig.store, second, 2)
    rig.store.activate(after, AT_ONCE)
    assert rig.look() == after.release


def test_a_copy_that_was_restored_is_followed(
    rig: Rig, first: Path, state: Path, tmp_path: Path, second: Path
) -> None:
    shutil.copytree(state, tmp_path / "backup")
    shutil.rmtree(state)
    assert not said(rig).ok
    shutil.copytree(tmp_path / "backup", state)
    assert said(rig).ok
    after = fetched(rig.store, second, 2)
    rig.store.activate(after, AT_ONCE)
    assert rig.look() == after.release


def test_a_release_on_trial_whose_store_was_deleted_is_not_called_good(
    models: Path, first: Path, state: Path
) -> None:
    rig = Rig(state, models)
    rig.store.activate(fetched(rig.store, first, 1), Gate(good_after_s=0, good_after_decisions=1))
    rig.look()
    assert rig.store.pointer().phase is Phase.TRIAL
    shutil.rmtree(state / "store")
    rig.catalogs.decided(None, ())  # type: ignore[arg-type]
    rig.catalogs._watch._prove()  # as if it went away between two looks
    assert "release-good" not in rig.journal.kinds
    rig.catalogs.stop()
    assert not (state / "store").exists()


def test_a_plain_folder_in_the_state_directory_is_told_of_alike(
    models: Path, first: Path, state: Path
) -> None:
    shutil.copytree(first, state / "catalog")
    rig = Rig(state, models)
    assert rig.look() == read_manifest(first).release
    shutil.rmtree(state)
    assert "is gone" in said(rig).message


def test_a_catalog_elsewhere_does_not_need_the_state_directory(
    models: Path, first: Path, state: Path
) -> None:
    state.mkdir()
    rig = Rig(state, models, directory=str(first))
    rig.look()
    shutil.rmtree(state)
    assert said(rig).ok


def test_a_kiosk_that_never_had_a_catalog_is_told_how_to_get_one(models: Path, state: Path) -> None:
    state.mkdir()
    assert "kiosk catalog build" in said(Rig(state, models)).message


def test_a_directory_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    presence = Presence(folder, [folder / "pointer.json"])
    root = os.geteuid() == 0  # who may read everything
    if root:
        os.seteuid(65534)
    try:
        said = presence.trouble()
    finally:
        if root:
            os.seteuid(0)
    assert f"{folder} cannot be read (Permission denied)" in said


def test_nothing_to_change_in_a_store_that_is_not_there_makes_nothing(
    models: Path, state: Path
) -> None:
    store = Rig(state, models).store
    assert store.ended("0" * 16) == store.good("0" * 16) == store.started() == Pointer()
    assert not state.exists()
