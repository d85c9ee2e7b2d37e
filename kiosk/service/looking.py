# SPDX-License-Identifier: Apache-2.0
"""From frames to answers: the station, the recogniser and the visits, put together."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.board import Board
from kiosk.capture.process import CaptureProcess
from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.config import Config, deciding
from kiosk.decide import Visits
from kiosk.journal import Recorder
from kiosk.models import HeldModels
from kiosk.notify import Notifier
from kiosk.recognise import Recogniser
from kiosk.service.pulse import Pulse
from kiosk.service.refusing import Refusing
from kiosk.station import Answers, Listener, Station
from kiosk.station.loop import Onlooker
from kiosk.values import Hashes, Look

SLOW_FRAMES = 3
"""Frames a camera may be late by before an item counts as no longer watched."""


def looking(
    config: Config,
    *,
    held: HeldModels,
    refusing: Refusing,
    camera: CaptureProcess,
    slot: SnapshotSlot,
    board: Board,
    journal: Recorder,
    notifier: Notifier,
    listeners: Sequence[Listener],
    onlookers: Sequence[Onlooker],
) -> tuple[Answers, Station]:
    """`listeners` hear what was decided, `onlookers` see every frame."""
    options = deciding(config)

    def hashes(look: Look) -> Hashes:
        models = held.of(look.release)
        detector, embedder = models.locator.card.sha256, models.embedder.card.sha256
        return Hashes(look.release, detector, embedder, options)

    visits = Visits(config.decide, hashes)
    answers = Answers(
        visits=visits, board=board, journal=journal, refuse=refusing.refuse, listeners=listeners
    )
    station = Station(
        camera=camera,
        recogniser=Recogniser(
            held.own.locator,
            held.own.embedder,
            config.verify,
            items=config.decide.items,
            codes=config.barcode.mode,
            refusals=refusing.held,
            models_of=held.of,
        ),
        slot=slot,
        visits=visits,
        answers=answers,
        board=board,
        pulse=Pulse(notifier, board),
        preview_width=config.web.preview_width,
        # A camera of one frame a second is no empty counter twice a second.
        patience_s=max(config.camera.stall_s, SLOW_FRAMES / config.camera.fps),
        onlookers=onlookers,
    )
    return answers, station
