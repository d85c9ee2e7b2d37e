# SPDX-License-Identifier: Apache-2.0
"""Frames per second, measured over the last second or two."""

from __future__ import annotations

from collections import deque

_FRAMES = 30
_ENOUGH = 5
_WORTH_TELLING = 0.1


class Rate:
    """Frames per second from capture times in nanoseconds."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=_FRAMES)

    def add(self, captured_ns: int) -> None:
        self._times.append(captured_ns)

    def clear(self) -> None:
        self._times.clear()

    @property
    def fps(self) -> float:
        """0 until there are enough frames to say."""
        if len(self._times) < _ENOUGH:
            return 0.0
        span_ns = self._times[-1] - self._times[0]
        return (len(self._times) - 1) * 1e9 / span_ns if span_ns > 0 else 0.0

    def steady(self, shown: float) -> float:
        """`fps` to one decimal, or `shown` while it is within a tenth of that: a calm display."""
        fps = self.fps
        return shown if abs(fps - shown) <= _WORTH_TELLING * shown else round(fps, 1)
