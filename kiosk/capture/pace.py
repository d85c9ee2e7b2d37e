# SPDX-License-Identifier: Apache-2.0
"""Playing pictures at a fixed rate. Late is late: nothing is made up for in a burst."""

from __future__ import annotations

import time

from kiosk.errors import CameraStalled


class Pace:
    """When the next picture is due, `fps` times a second; the first one is due at once."""

    def __init__(self, fps: float) -> None:
        self._interval_s = 1.0 / fps
        self._due = time.monotonic()

    def wait(self, timeout_s: float) -> None:
        """Sleep until the next picture is due; CameraStalled when that is after `timeout_s`."""
        wait_s = self._due - time.monotonic()
        if wait_s > timeout_s:
            time.sleep(timeout_s)
            raise CameraStalled(f"No picture was due within {timeout_s:g} s; wait for it longer.")
        if wait_s > 0:
            time.sleep(wait_s)
        self._due = max(self._due + self._interval_s, time.monotonic())
