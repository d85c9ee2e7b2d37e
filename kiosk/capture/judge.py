# SPDX-License-Identifier: Apache-2.0
"""When a camera is at fault: pure rules over times and measures, with the words people read."""

from __future__ import annotations

from enum import Enum

from kiosk.errors import CameraError, CameraGarbage, CameraMissing, CameraStalled

START_LIMIT_S = 30.0
"""A camera process that does not even start by then never will; a Pi needs one or two seconds."""
OPEN_LIMIT_S = 10.0
"""The longest a driver may take to open; webcams need up to four seconds."""
BLANK_SPREAD = 2.0
"""Grey levels. Even an empty counter has more shading than that."""

STALLED = "The camera stopped sending pictures. Reconnecting…"
SLOW = "The camera does not answer yet. If this stays, check its plug, cable or network."
HUNG = "The camera does not answer. Unplug it and plug it in again, or check its network."
FROZEN = "The camera repeats the same picture. Reconnecting…"
BLANK = "The camera sends a blank picture: is the lens covered, or is it dark?"


class Verdict(Enum):
    """How the camera is right now."""

    WAITING = "too early to say"
    SLOW = "the driver takes its time to open it"
    GOOD = "good pictures come"
    BLANK = "pictures come, but show nothing"


class Judge:
    """Watches one run of a camera process. Times are seconds of one monotonic clock."""

    def __init__(self, now: float, stall_s: float, open_limit_s: float = OPEN_LIMIT_S) -> None:
        self._stall_s = stall_s
        self._open_limit_s = open_limit_s
        self._patience_s = stall_s
        self._started = now
        self._opening: float | None = None
        self._last: float | None = None
        self._live = False
        self._frames = 0
        self._good = False
        self._blank_since: float | None = None
        self._frozen_since: float | None = None

    def hello(self, now: float) -> None:
        """The process is up; the driver opens the camera from here on."""
        self._opening = now

    def opened(self, now: float, fps: float, live: bool) -> None:
        self._last = now
        self._live = live
        # A source of one picture in two seconds has not stalled after two seconds.
        self._patience_s = max(self._stall_s, 3 / fps if fps > 0 else 0.0)

    def frame(self, now: float, spread: float, repeats: bool) -> None:
        self._last = now
        self._frames += 1
        blank = spread < BLANK_SPREAD
        frozen = self._live and repeats
        self._blank_since = _since(self._blank_since, now, blank)
        self._frozen_since = _since(self._frozen_since, now, frozen)
        moved = not self._live or (self._frames > 1 and not repeats)
        self._good = not blank and moved

    def verdict(self, now: float) -> Verdict:
        """Raises the CameraError for which the camera has to be reopened."""
        if self._last is None:
            return self._before_open(now)
        if now - self._last > self._patience_s:
            raise CameraStalled(STALLED)
        if _long(self._blank_since, now, self._patience_s):
            return Verdict.BLANK
        if _long(self._frozen_since, now, self._patience_s):
            raise CameraGarbage(FROZEN)
        return Verdict.GOOD if self._good else Verdict.WAITING

    def _before_open(self, now: float) -> Verdict:
        if self._opening is None:
            if now - self._started > START_LIMIT_S:
                raise CameraError("The camera program does not start. Restart the kiosk.")
            return Verdict.WAITING
        if now - self._opening > max(self._open_limit_s, self._stall_s):
            raise CameraMissing(HUNG)
        return Verdict.SLOW if now - self._opening > self._stall_s else Verdict.WAITING


class Backoff:
    """How long to wait before the next attempt: 0.5 s, doubling up to 5 s."""

    FIRST_S, MOST_S = 0.5, 5.0

    def __init__(self) -> None:
        self._next_s = self.FIRST_S

    def after(self, lasted_s: float) -> float:
        """Seconds to wait after a run with good pictures for `lasted_s`; a long one starts over."""
        if lasted_s > self.MOST_S:
            self._next_s = self.FIRST_S
        pause_s, self._next_s = self._next_s, min(self._next_s * 2, self.MOST_S)
        return pause_s


def _since(before: float | None, now: float, holds: bool) -> float | None:
    return (now if before is None else before) if holds else None


def _long(since: float | None, now: float, limit_s: float) -> bool:
    return since is not None and now - since > limit_s
