# SPDX-License-Identifier: Apache-2.0
"""The station: the loop that takes the newest frame through the stages and posts what it means.

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
from typing import Protocol

from kiosk.board import Board, Live, Phase, Preview, Shown
from kiosk.capture.camera import Camera
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.decide import Step, Visits
from kiosk.errors import CameraEnded, CameraError, CameraStalled, EmbeddingError, ImageError
from kiosk.journal import Recorder
from kiosk.recognise import Recogniser
from kiosk.values import Box, Frame, Look, Record, Timings
from kiosk.vision.boxes import stretched
from kiosk.vision.image import fit_within

_log = logging.getLogger(__name__)

FRAME_WAIT_S = 0.5
"""How long the loop waits for a frame before it takes another turn."""
ODD_FRAMES = 50
"""Frames in a row that cannot be used before the fault is the kiosk's own."""
TIMED_LOOKS = 60


class Pulse(Protocol):
    """Who wants to know that the loop turns."""

    def turn(self, *, frame: bool) -> None:
        """`frame`: a frame went through all stages in this turn."""
        ...


class Station:
    """Run `run` in a thread; `confirm` from any thread."""

    def __init__(
        self,
        *,
        camera: Camera,
        recogniser: Recogniser,
        slot: SnapshotSlot,
        visits: Visits,
        board: Board,
        journal: Recorder,
        pulse: Pulse,
        preview_width: int,
        patience_s: float,
    ) -> None:
        """`patience_s`: how long an item counts as there while a slow camera sends nothing."""
        self._camera = camera
        self._recogniser = recogniser
        self._slot = slot
        self._visits = visits
        self._board = board
        self._journal = journal
        self._pulse = pulse
        self._preview_width = preview_width
        self._patience_s = patience_s
        self._last_s = -math.inf
        self._stop = threading.Event()
        self._settling = threading.Lock()
        self._recent: deque[Timings] = deque(maxlen=TIMED_LOOKS)
        self._decisions = 0
        self._seen_frame = False
        self._odd = 0

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

    def confirm(self, decision_id: str, sku: str) -> bool:
        """A person picks one of the SKUs on offer. False when that is not possible any more."""
        with self._settling:
            shown = self._board.state().shown
            if shown is None or shown.decision.decision_id != decision_id:
                return False
            if not self._journal.confirmation(decision_id, sku):
                return False
            self._visits.settle()
            self._board.post(shown=dataclasses.replace(shown, confirmed=sku))
            return True

    def _frame(self, frame: Frame) -> None:
        with self._slot.borrow() as snapshot:
            look = self._look(frame, snapshot)
            if look is None:
                return
            with self._settling:
                step = self._step(look, snapshot)
                self._board.post(**self._shown(step, snapshot), **self._seen(look, step))
        self._board.post_preview(self._preview(frame, look, step))
        self._seen_frame = True
        self._last_s = time.monotonic()

    def _step(self, look: Look, snapshot: Snapshot | None) -> Step:
        """Without a catalog nothing is decided: "unknown" would be an answer nobody gave."""
        if snapshot is not None:
            return self._visits.step(look)
        self._visits.lost()
        return Step(look.subject is not None, None, False)

    def _look(self, frame: Frame, snapshot: Snapshot | None) -> Look | None:
        """None for a frame that cannot be used: one odd picture must not end the kiosk.

        When no frame can be used any more it is no oddity, and the error ends the process.
        """
        try:
            look = self._recogniser.look(frame, snapshot, last=self._visits.box)
        except (EmbeddingError, ImageError) as error:
            self._odd += 1
            if self._odd == 1:
                _log.warning("a frame cannot be used: %s", error)
            if self._odd > ODD_FRAMES:
                raise
            return None
        self._odd = 0
        return look

    def _shown(self, step: Step, snapshot: Snapshot | None) -> dict[str, object]:
        """What the board shows of the decision; nothing to change while it stands."""
        if step.decision is None:
            return {"shown": None}
        if not step.new:
            return {}
        self._decisions += 1
        self._journal.decision(step.decision)
        records: tuple[Record, ...] = ()
        if snapshot is not None:
            records = tuple(snapshot.record(match.sku) for match in step.decision.matches)
        return {"shown": Shown(step.decision, records), "decisions": self._decisions}

    def _seen(self, look: Look, step: Step) -> dict[str, object]:
        """What the board shows of the frame."""
        if look.embedding is not None:
            self._recent.append(look.timings)
        item = look.subject.box if look.subject else None
        return {
            "phase": _phase(step),
            "hint": "move_into_view" if step.cut_off and step.decision is None else "",
            "live": Live(look.sequence, look.frame_size, item, _others(look)),
            "timings": _median(self._recent),
        }

    def _preview(self, frame: Frame, look: Look, step: Step) -> Preview:
        side = round(self._preview_width * max(1.0, frame.height / frame.width))
        small = fit_within(frame.pixels, side)
        if small is frame.pixels:  # the frame is only borrowed
            small = small.copy()
        scale = small.shape[1] / frame.width
        return Preview(
            sequence=frame.sequence,
            pixels=small,
            subject=stretched(look.subject.box, scale, scale) if look.subject else None,
            others=tuple(stretched(box, scale, scale) for box in _others(look)),
            phase=_phase(step),
            outcome=step.decision.outcome.value if step.decision else "",
        )

    def _no_frame(self, fault: CameraError) -> None:
        """Forget what was there, unless the camera is merely slow between two frames."""
        waited_s = time.monotonic() - self._last_s
        if isinstance(fault, CameraStalled) and waited_s < self._patience_s:
            return
        with self._settling:
            self._visits.lost()
            phase = Phase.READY if self._seen_frame else Phase.STARTING
            self._board.post(shown=None, phase=phase, hint="")


def _phase(step: Step) -> Phase:
    if not step.present:
        return Phase.READY
    return Phase.DECIDED if step.decision else Phase.LOOKING


def _others(look: Look) -> tuple[Box, ...]:
    return tuple(each.box for each in look.detections if each is not look.subject)


def _median(recent: deque[Timings]) -> Timings:
    if not recent:
        return Timings()
    names = [entry.name for entry in dataclasses.fields(Timings)]
    return Timings(
        **{name: round(statistics.median(getattr(t, name) for t in recent), 1) for name in names}
    )
