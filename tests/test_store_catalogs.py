# SPDX-License-Identifier: Apache-2.0
"""Which catalog a running kiosk answers from, as the composition root puts it together."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from store_parts import fetched
from test_store_trial import Journal
from tiny_models import make_release

from kiosk.announcement import Gate
from kiosk.board import Board
from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.config import Config, ModelsConfig, StateConfig
from kiosk.models import HeldModels, Models, load_models
from kiosk.service.catalogs import Catalogs
from kiosk.store import STORE_FOLDER, Store
from kiosk.values.sync import SyncState, SyncStatus


@pytest.fixture(scope="module")
def first(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(models, tmp_path_factory.mktemp("first") / "release", range(4))


@pytest.fixture(scope="module")
def second(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(models, tmp_path_factory.mktemp("second") / "release", range(5))


class Rig:
    def __init__(self, state: Path, models: Path, directory: str = "", overlay: int = 8192) -> None:
        base = Config(models=ModelsConfig(directory=str(models), threads=1))
        self.config = replace(
            base,
            state=StateConfig(directory=str(state)),
            catalog=replace(base.catalog, directory=directory),
            search=replace(base.search, overlay=overlay),
        )
        self.store = Store(state / STORE_FOLDER)
        self.slot = SnapshotSlot()
        self.board = Board()
        self.journal = Journal()
        self.heard: list[str] = []
        own = Models(*load_models(self.config.models, self.config.locate))
        self.catalogs = Catalogs(
            self.config,
            self.store,
            self.slot,
            held=HeldModels(own),
            board=self.board,
            journal=self.journal,  # type: ignore[arg-type]
            on_models=lambda models: self.heard.append(models.embedder.card.sha256),
            on_change=lambda: None,
        )

    def look(self) -> str:
        for _ in range(3):
            self.catalogs.look()
        return self.board.state().catalog.release


def test_the_plain_folder_answers_until_the_store_has_a_release(
    first: Path, second: Path, models: Path, tmp_path: Path
) -> None:
    shutil.copytree(first, tmp_path / "catalog")
    rig = Rig(tmp_path, models)
    assert rig.look() == read_manifest(first).release
    assert rig.board.state().releases.ok is None
    after = fetched(rig.store, second, 3)
    rig.store.activate(after, Gate())
    assert rig.look() == after.release
    state = rig.board.state()
    assert state.catalog.path == str(rig.store.release(after))
    assert (state.releases.seq, state.releases.phase) == (3, "trial")
    rig.store.failed(after.release, "a person saw wrong answers")
    assert rig.look() == read_manifest(first).release, "the folder answers again"
    assert rig.board.state().releases.quarantined[0][0] == after.release
    assert rig.journal.kinds[-1] == "release-quarantined"


def test_a_configured_folder_wins_over_the_store(
    first: Path, second: Path, models: Path, tmp_path: Path
) -> None:
    rig = Rig(tmp_path, models, directory=str(first))
    rig.store.activate(fetched(rig.store, second, 3), Gate())
    assert rig.look() == read_manifest(first).release


def test_what_a_sync_pass_says_is_on_the_board_with_the_next_look(
    models: Path, tmp_path: Path
) -> None:
    rig = Rig(tmp_path, models)
    rig.look()
    rig.store.say(SyncStatus(SyncState.TAMPER, "wrong_signature", "not what was signed"))
    identity = rig.store.kiosk_id()
    rig.look()
    releases = rig.board.state().releases
    assert (releases.ok, releases.state) == (False, SyncState.TAMPER)
    assert releases.message == "not what was signed"
    assert releases.kiosk_id == identity
