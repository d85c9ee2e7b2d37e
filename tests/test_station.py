# SPDX-License-Identifier: Apache-2.0
"""The loop, turn by turn: real models, a real release, and a camera that is slow between frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from waiting import DEADLINE_S, aside

from kiosk.board import Board
from kiosk.capture import CameraInfo
from kiosk.catalog.build import build
from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.config import DecideConfig, SearchConfig
from kiosk.decide import Visits
from kiosk.errors import CameraError, CameraMissing, CameraStalled, EmbeddingError
from kiosk.journal import MemoryJournal
from kiosk.recognise import Recogniser
from kiosk.station import ODD_FRAMES, Answers, Station
from kiosk.values import Frame, Hashes
from kiosk.vision.embed import Embedder
from kiosk.vision.session import Card, Session

TURNS = 8


class HaltingCamera:
    """Shows one item, and between any two frames reports `fault` instead."""

    live = True

    def __init__(self, fault: CameraError) -> None:
        self._fault = fault
        self._calls = 0

    def open(self) -> CameraInfo:
        return CameraInfo("halting", "BGR", 240, 180, 1.0)

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        self._calls += 1
        if self._calls % 2 == 0:
            raise self._fault
        number = self._calls // 2
        yield Frame(tiny_models.picture(1), number, time.monotonic_ns())

    def close(self) -> None:
        """Nothing is held."""


class Turns:
    """Ends the station after its share of turns."""

    def __init__(self, odd: int) -> None:
        self.left = 2 * TURNS if not odd else 4 * ODD_FRAMES
        self.over = threading.Event()

    def turn(self, *, frame: bool) -> None:
        self.left -= 1
        if self.left <= 0:
            self.over.set()


class Moody:
    """The real embedder, except that its first `odd` answers are no unit vectors."""

    def __init__(self, session: Session, odd: int) -> None:
        self._session = session
        self._odd = odd

    @property
    def card(self) -> Card:
        return self._session.card

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        answers = self._session.run(images)
        self._odd -= 1
        return answers if self._odd < 0 else {k: v * np.nan for k, v in answers.items()}


def decisions(tmp_path: Path, fault: CameraError, odd: int = 0) -> list[str]:
    """What the journal holds after the camera's frames, each followed by `fault`."""
    models = tiny_models.write_models(tmp_path / "models")
    locator, embedder = tiny_models.open_models(models)
    for item in range(6):
        for shot in range(2):
            tiny_models.write_picture(
                tmp_path / "source" / f"sku-{item}" / f"{shot}.png", item, shot
            )
    build(tmp_path / "source", tmp_path / "catalog", locator=locator, embedder=embedder)
    slot, journal, turns = SnapshotSlot(), MemoryJournal(), Turns(odd)
    slot.swap(
        Snapshot.open(tmp_path / "catalog", embedder=embedder.card.sha256, config=SearchConfig())
    )
    visits = Visits(DecideConfig(time_limit_s=30.0), lambda look: Hashes(look.release, "", ""))
    board = Board()
    station = Station(
        camera=HaltingCamera(fault),
        recogniser=Recogniser(locator, Embedder(Moody(tiny_models.open_session(models), odd))),
        slot=slot,
        visits=visits,
        answers=Answers(visits=visits, board=board, journal=journal),
        board=board,
        pulse=turns,
        preview_width=160,
        patience_s=60.0,
    )
    died: list[BaseException] = []

    def run() -> None:
        try:
            station.run()
        except EmbeddingError as error:
            died.append(error)
            turns.over.set()

    with aside(run, over=station.stop):
        assert turns.over.wait(DEADLINE_S)
    slot.swap(None)
    if died:
        raise died[0]
    return [str(entry["outcome"]) for entry in journal.entries()]


def test_a_camera_that_is_slow_between_frames_still_gets_its_one_decision(tmp_path: Path) -> None:
    assert decisions(tmp_path, CameraStalled("no new picture")) == ["accepted"]


def test_an_item_nobody_watched_while_the_camera_was_gone_is_not_decided(tmp_path: Path) -> None:
    assert decisions(tmp_path, CameraMissing("unplugged")) == []


def test_a_few_odd_frames_are_skipped_and_the_item_is_still_decided(tmp_path: Path) -> None:
    assert decisions(tmp_path, CameraStalled("no new picture"), odd=3) == ["accepted"]


def test_frames_that_never_work_again_end_the_process(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="unit length"):
        decisions(tmp_path, CameraStalled("no new picture"), odd=10 * ODD_FRAMES)


def test_releases_without_a_sku_in_common_are_swapped_under_an_item_without_harm(
    tmp_path: Path,
) -> None:
    models = tiny_models.write_models(tmp_path / "models")
    locator, embedder = tiny_models.open_models(models)
    releases = []
    for name in ("old", "new"):
        for item in range(6):
            tiny_models.write_picture(
                tmp_path / f"{name}-source" / f"{name}-{item}" / "0.png", item
            )
        build(tmp_path / f"{name}-source", tmp_path / name, locator=locator, embedder=embedder)
        releases.append(tmp_path / name)
    slot, journal, turns = SnapshotSlot(), MemoryJournal(), Turns(0)
    turns.left = 120
    board = Board()

    class Swapping(HaltingCamera):
        """A frame per call, and another release before every fifth one."""

        @contextmanager
        def frame(self, timeout_s: float) -> Iterator[Frame]:
            self._calls += 1
            if self._calls % 5 == 1:
                path = releases[self._calls // 5 % 2]
                slot.swap(Snapshot.open(path, embedder=embedder.card.sha256, config=SearchConfig()))
            yield Frame(tiny_models.picture(1), self._calls, time.monotonic_ns())

    visits = Visits(DecideConfig(), lambda look: Hashes(look.release, "", ""))
    station = Station(
        camera=Swapping(CameraMissing("never")),
        recogniser=Recogniser(locator, embedder),
        slot=slot,
        visits=visits,
        answers=Answers(visits=visits, board=board, journal=journal),
        board=board,
        pulse=turns,
        preview_width=160,
        patience_s=60.0,
    )
    with aside(station.run, over=station.stop):
        assert turns.over.wait(DEADLINE_S)
    slot.swap(None)
    entries = journal.entries()
    assert len(entries) >= 10
    names = {read_manifest(path).release: path.name for path in releases}
    for entry in entries:
        assert str(entry["sku"]).startswith(names[str(entry["evidence"]["hashes"]["release"])])
