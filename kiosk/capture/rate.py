# SPDX-License-Identifier: Apache-2.0
"""Frames per second, measured over the last three seconds."""

from __future__ import annotations

from collections import deque

_WINDOW_NS = 3_000_000_000
_ENOUGH_NS = 1_000_000_000
_WORTH_TELLING = 0.1


class Rate:
    """Frames per second from capture times in nanoseconds."""

    def __init__(self) -> None:
        self._times: deque[int] = deque()

    def add(self, captured_ns: int) -> None:
        self._times.append(captured_ns)
        while len(self._times) > 2 and captured_ns - self._times[1] >= _WINDOW_NS:
            self._times.popleft()

    def clear(self) -> None:
        self._times.clear()

    @property
    def fps(self) -> float:
        """0 until there is a second of frames to say it from: the first ones come in a burst."""
        span_ns = self._times[-1] - self._times[0] if self._times else 0
        return (len(self._times) - 1) * 1e9 / span_ns if span_ns >= _ENOUGH_NS else 0.0

    def steady(self, shown: float) -> float:
        """`fps` to one decimal, or `shown` while it is within a tenth of that: a calm display."""
        fps = self.fps
        return shown if abs(fps - shown) <= _WORTH_TELLING * shown else round(fps, 1)
