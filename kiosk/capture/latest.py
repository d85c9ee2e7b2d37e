# SPDX-License-Identifier: Apache-2.0
"""The newest frame or the present fault, between the watcher and its readers. Never blocks long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kiosk.capture.camera import CameraInfo, not_open
from kiosk.capture.link import ChildLink
from kiosk.capture.wire import Opened
from kiosk.errors import CameraEnded, CameraError, CameraStalled, WatcherFailed
from kiosk.values import Frame

MOST_LOANS = 2
"""Frames that may be borrowed at a time: the ring has slots for no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Loan:
    """A frame in a slot of a camera process, to be given back once."""

    frame: Frame
    link: ChildLink
    slot: int

    def end(self) -> None:
        self.link.free(self.slot)


class Latest:
    """Thread-safe; one for each time the camera is opened."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._opened: Opened | None = None
        self._fault: CameraError | WatcherFailed | None = None
        self._newest: Loan | None = None
        self._loans = 0
        self._closed = False

    @property
    def live(self) -> bool:
        with self._changed:
            return self._opened is not None and self._opened.live

    @property
    def info(self) -> CameraInfo | None:
        """What the camera gave at its last successful opening."""
        with self._changed:
            return self._opened.info if self._opened else None

    def wait_open(self, timeout_s: float) -> CameraInfo:
        """The camera's info, or its present fault raised, whichever comes first."""
        with self._changed:
            self._changed.wait_for(lambda: self._opened or self._fault or self._closed, timeout_s)
            if self._closed:
                raise not_open()
            if self._fault is not None:
                raise _again(self._fault)
            if self._opened is not None:
                return self._opened.info
        raise CameraStalled(f"The camera did not open within {timeout_s:g} s.")

    @contextmanager
    def borrow(self, timeout_s: float) -> Iterator[Frame]:
        """As `Camera.frame`; while there is a fault, waits for its end and then raises it."""
        loan = self._take(timeout_s)
        try:
            yield loan.frame
        finally:
            with self._changed:
                self._loans -= 1
            loan.end()

    def opened(self, opened: Opened) -> None:
        with self._changed:
            self._opened, self._fault = opened, None
            self._changed.notify_all()

    def put(self, loan: Loan) -> None:
        """Make a frame the newest; the one it replaces goes straight back."""
        with self._changed:
            replaced, self._newest = self._newest, loan
            self._fault = None
            self._changed.notify_all()
        if replaced is not None:
            replaced.end()

    def fail(self, fault: CameraError | WatcherFailed) -> None:
        with self._changed:
            self._fault = fault
            if not isinstance(fault, CameraEnded):
                self._newest = None  # of a recording, the last picture is still to be shown
            self._changed.notify_all()

    def close(self) -> None:
        """Wake all readers for the last time."""
        with self._changed:
            self._closed = True
            self._newest = None
            self._changed.notify_all()

    def _take(self, timeout_s: float) -> Loan:
        with self._changed:
            if self._loans >= MOST_LOANS:
                raise RuntimeError("give a borrowed frame back before borrowing another one")
            self._changed.wait_for(self._decided, timeout_s)
            if self._closed:
                raise not_open()
            if self._newest is None:
                none_yet = CameraStalled(f"The camera sent no new picture for {timeout_s:g} s.")
                raise _again(self._fault or none_yet)
            loan, self._newest = self._newest, None
            self._loans += 1
            return loan

    def _decided(self) -> bool:
        """Waiting longer would change nothing."""
        final = isinstance(self._fault, CameraEnded | WatcherFailed)
        return self._newest is not None or self._closed or final


def _again(error: CameraError | WatcherFailed) -> CameraError | WatcherFailed:
    """A fresh error of the same kind: one that is raised twice drags its first traceback along."""
    return type(error)(str(error))
