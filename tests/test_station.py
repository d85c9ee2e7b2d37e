# SPDX-License-Identifier: Apache-2.0
"""The loop, turn by turn: real models, a real release, and a camera that is slow between frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tiny_models

from kiosk.board import Board
from kiosk.capture import CameraInfo
from kiosk.catalog.build import build
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.config import DecideConfig, SearchConfig
from kiosk.decide import Visits
from kiosk.errors import CameraError, CameraMissing, CameraStalled
from kiosk.journal import MemoryJournal
from kiosk.recognise import Recogniser
from kiosk.station import Station
from kiosk.values import Frame, Hashes

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
        yield Frame(tiny_models.picture(1, shot=number % 2), number, time.monotonic_ns())

    def close(self) -> None:
        """Nothing is held."""


class Turns:
    """Ends the station after its share of turns."""

    def __init__(self) -> None:
        self.left = 2 * TURNS
        self.over = threading.Event()

    def turn(self, *, frame: bool) -> None:
        self.left -= 1
        if self.left <= 0:
            self.over.set()


def decisions(tmp_path: Path, fault: CameraError) -> list[str]:
    """What the journal holds after the camera's frames, each followed by `fault`."""
    locator, embedder = tiny_models.open_models(tiny_models.write_models(tmp_path / "models"))
    for item in range(4):
        for shot in range(2):
            tiny_models.write_picture(
                tmp_path / "source" / f"sku-{item}" / f"{shot}.png", item, shot
            )
    build(tmp_path / "source", tmp_path / "catalog", locator=locator, embedder=embedder)
    slot, journal, turns = SnapshotSlot(), MemoryJournal(), Turns()
    slot.swap(
        Snapshot.open(tmp_path / "catalog", embedder=embedder.card.sha256, config=SearchConfig())
    )
    station = Station(
        camera=HaltingCamera(fault),
        recogniser=Recogniser(locator, embedder),
        slot=slot,
        visits=Visits(DecideConfig(time_limit_s=30.0), lambda look: Hashes(look.release, "", "")),
        board=Board(),
        journal=journal,
        pulse=turns,
        preview_width=160,
        patience_s=60.0,
    )
    loop = threading.Thread(target=station.run)
    loop.start()
    assert turns.over.wait(30)
    station.stop()
    loop.join()
    slot.swap(None)
    return [str(entry["outcome"]) for entry in journal.entries()]


def test_a_camera_that_is_slow_between_frames_still_gets_its_one_decision(tmp_path: Path) -> None:
    assert decisions(tmp_path, CameraStalled("no new picture")) == ["accepted"]


def test_an_item_nobody_watched_while_the_camera_was_gone_is_not_decided(tmp_path: Path) -> None:
    assert decisions(tmp_path, CameraMissing("unplugged")) == []
