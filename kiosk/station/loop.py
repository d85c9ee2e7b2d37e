# SPDX-License-Identifier: Apache-2.0
"""The loop that takes the newest frame through the stages and posts what it means.

One thread. It never waits for the page, the journal or the disk, and it keeps turning (and feeding
the watchdog) when there is no camera: then the page says so.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import statistics
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from kiosk.board import Board, Live, Phase, Preview
from kiosk.capture.camera import Camera
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.decide import Step, Visits
from kiosk.decide.coach import Coach
from kiosk.errors import CameraEnded, CameraError, CameraStalled, EmbeddingError, ImageError
from kiosk.recognise import Recogniser
from kiosk.station.answers import Answers, decided, phase_of
from kiosk.values import Box, Frame, Hint, Sight, Timings
from kiosk.vision.background import Background
from kiosk.vision.boxes import stretched
from kiosk.vision.image import fit_within

_log = logging.getLogger(__name__)

FRAME_WAIT_S = 0.5
"""How long the loop waits for a frame before it takes another turn."""
ODD_FRAMES = 50
"""Frames in a row that cannot be used before the fault is the kiosk's own."""
TIMED_LOOKS = 60
ASKED_S = 4.0
"""How long barcodes are looked for after a person asked."""


class Pulse(Protocol):
    """Who wants to know that the loop turns."""

    def turn(self, *, frame: bool) -> None:
        """`frame`: a frame went through all stages in this turn."""
        ...


class Onlooker(Protocol):
    """Who wants to see every frame that went through the stages; must return at once."""

    def watch(self, frame: Frame, sight: Sight) -> None:
        """The frame is only lent."""
        ...


class Station:
    """Run `run` in a thread."""

    def __init__(
        self,
        *,
        camera: Camera,
        recogniser: Recogniser,
        slot: SnapshotSlot,
        visits: Visits,
        answers: Answers,
        board: Board,
        pulse: Pulse,
        preview_width: int,
        patience_s: float,
        onlookers: Sequence[Onlooker] = (),
    ) -> None:
        """`patience_s`: how long an item counts as there while a slow camera sends nothing."""
        self._camera = camera
        self._recogniser = recogniser
        self._slot = slot
        self._visits = visits
        self._answers = answers
        self._board = board
        self._pulse = pulse
        self._preview_width = preview_width
        self._patience_s = patience_s
        self._onlookers = tuple(onlookers)
        self._last_s = self._asked_s = -math.inf
        self._stop = threading.Event()
        self._recent: deque[Timings] = deque(maxlen=TIMED_LOOKS)
        self._background = Background()
        self._coach = Coach()
        self._seen_frame = False
        self._odd = 0

    def read_codes(self) -> None:
        """A person wants the barcode read: tried on every frame of the next moments."""
        self._asked_s = time.monotonic() + ASKED_S

    def stop(self) -> None:
        """Ask the loop to end; returns at once."""
        self._stop.set()

    def run(self) -> None:
        """Turn until `stop`. Raises what is not the camera's fault: the process must then end."""
        while not self._stop.is_set():
            try:
                with self._camera.frame(FRAME_WAIT_S) as frame:
                    self._frame(frame)
            except CameraError as fault:  # the camera's own watcher reports and reopens it
                self._no_frame(fault)
                self._pulse.turn(frame=False)
                if isinstance(fault, CameraEnded):  # said at once, and nothing will come any more
                    self._stop.wait(FRAME_WAIT_S)
                continue
            self._pulse.turn(frame=True)

    def _frame(self, frame: Frame) -> None:
        with self._slot.borrow() as snapshot:
            sight = self._sight(frame, snapshot)
            if sight is None:
                return
            steps = self._answers.step(sight, snapshot)
        for onlooker in self._onlookers:
            onlooker.watch(frame, sight)
        if sight.looks and snapshot is not None:
            self._recent.append(sight.timings)
        self._board.post(
            hint=self._coached(sight, steps),
            live=Live(
                sight.sequence,
                sight.frame_size,
                steps[0].box if steps and steps[0].look else None,
                _others(sight, steps),
            ),
            timings=_median(self._recent),
        )
        self._board.post_preview(self._preview(frame, sight, steps))
        self._seen_frame = True
        self._last_s = time.monotonic()

    def _sight(self, frame: Frame, snapshot: Snapshot | None) -> Sight | None:
        """None for a frame that cannot be used: one odd picture must not end the kiosk.

        When no frame can be used any more it is no oddity, and the error ends the process.
        """
        try:
            asked = time.monotonic() < self._asked_s
            sight = self._recogniser.sight(
                frame, snapshot, self._visits.boxes, asked=asked, background=self._background
            )
        except (EmbeddingError, ImageError) as error:
            self._odd += 1
            if self._odd == 1:
                _log.warning("a frame cannot be used: %s", error)
            if self._odd > ODD_FRAMES:
                raise
            return None
        self._odd = 0
        if not sight.detections:
            self._background.learn(frame.pixels)
        return sight

    def _coached(self, sight: Sight, steps: tuple[Step, ...]) -> Hint | None:
        """The hint to show; none beside an answer."""
        look = steps[0].look if steps else None
        hint = self._coach.step(
            look.quality if look else None,
            whole=look is None or look.whole,
            items=len(sight.detections),
            most_items=max(1, len(sight.looks)),
            seen_empty=self._background.known,
        )
        return None if decided(steps) else hint

    def _preview(self, frame: Frame, sight: Sight, steps: tuple[Step, ...]) -> Preview:
        side = round(self._preview_width * max(1.0, frame.height / frame.width))
        small = fit_within(frame.pixels, side)
        if small is frame.pixels:  # the frame is only borrowed
            small = small.copy()
        scale = small.shape[1] / frame.width
        focus = steps[0] if steps and steps[0].look else None
        return Preview(
            sequence=frame.sequence,
            pixels=small,
            subject=stretched(focus.box, scale, scale) if focus else None,
            others=tuple(stretched(box, scale, scale) for box in _others(sight, steps)),
            phase=phase_of(steps),
            outcome=outcome.value if (outcome := decided(steps)) else "",
        )

    def _no_frame(self, fault: CameraError) -> None:
        """Forget what was there, unless the camera is merely slow between two frames."""
        waited_s = time.monotonic() - self._last_s
        if isinstance(fault, CameraStalled) and waited_s < self._patience_s:
            return
        self._background.forget()  # it may look elsewhere when it is back
        self._answers.lost()
        self._board.post(phase=Phase.READY if self._seen_frame else Phase.STARTING, hint=None)


def _others(sight: Sight, steps: tuple[Step, ...]) -> tuple[Box, ...]:
    """Every item but the one in focus."""
    focus = steps[0].box if steps and steps[0].look else None
    return tuple(each.box for each in sight.detections if each.box != focus)


def _median(recent: deque[Timings]) -> Timings:
    if not recent:
        return Timings()
    names = [entry.name for entry in dataclasses.fields(Timings)]
    return Timings(
        **{name: round(statistics.median(getattr(t, name) for t in recent), 1) for name in names}
    )
