# SPDX-License-Identifier: Apache-2.0
"""The newest picture of a source that can only be read by waiting for it.

A thread reads without pause, so that driver and network buffers never hold old pictures, and keeps
the last one. The thread alone touches the source and releases it: never under a running read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from kiosk.errors import CameraError, CameraMissing, CameraStalled
from kiosk.values import Frame, Pixels

_JOIN_S = 1.0


class NewestReader:
    """Reads `read` until it gives None or raises a CameraError; then calls `release`."""

    def __init__(
        self, read: Callable[[], Pixels | None], release: Callable[[], None], gone: str
    ) -> None:
        """`gone` is what CameraMissing says once `read` has given None."""
        self._read = read
        self._release = release
        self._gone = gone
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._sequence = 0
        self._error: CameraError | None = None
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="camera-reader", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> Frame:
        """The newest frame not taken before. Raises as `Camera.frame` does."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._error, timeout_s)
            if self._newest is not None:
                frame, self._newest = self._newest, None
                return frame
            if self._error is not None:
                raise self._error
        raise CameraStalled(f"The camera sent no new picture for {timeout_s:g} s.")

    def close(self) -> None:
        """Stop reading. A thread that a driver holds is left behind and ends when it returns."""
        self._stop = True
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            self._follow()
        except CameraError as error:
            self._fail(error)
        finally:
            self._fail(CameraMissing(self._gone))  # unless a better reason is known
            self._release()

    def _follow(self) -> None:
        while not self._stop:
            pixels = self._read()
            if pixels is None:
                return
            with self._changed:
                self._newest = Frame(pixels, self._sequence, time.monotonic_ns())
                self._sequence += 1
                self._changed.notify_all()

    def _fail(self, error: CameraError) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()
