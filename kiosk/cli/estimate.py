# SPDX-License-Identifier: Apache-2.0
"""How long work will still take, for those who read a log and not a terminal."""

from __future__ import annotations

from collections import deque

EVERY_S = 10.0
"""Time between two lines."""
WINDOW_S = 60.0
"""How far back the pace is taken from: a machine that gets busy is believed soon."""


class Estimate:
    """Fed with what is done; now and then it has something to say. Its clock is the caller's."""

    def __init__(self) -> None:
        self._paced: deque[tuple[float, int]] = deque([(0.0, 0)])
        """Seconds of work, and what was computed in them."""
        self._last_s: float | None = None
        self._next_s = 0.0

    def line(self, done: int, total: int, now_s: float, *, kept: bool = False) -> str:
        """A line, or nothing. `kept`: this one was there already, which says nothing of the pace.

        What is left is taken for work to do: with many kept results the rest comes sooner.
        """
        if self._last_s is None:
            self._last_s, self._next_s = now_s, now_s + EVERY_S
        elif not kept:
            work_s, computed = self._paced[-1]
            self._paced.append((work_s + now_s - self._last_s, computed + 1))
            while self._paced[-1][0] - self._paced[0][0] > WINDOW_S:
                self._paced.popleft()
        self._last_s = now_s
        if now_s < self._next_s:
            return ""
        self._next_s = now_s + EVERY_S
        (since_s, before), (until_s, computed) = self._paced[0], self._paced[-1]
        if computed == before or until_s == since_s or done >= total:
            return f"{done} of {total} pictures"
        rate = (computed - before) / (until_s - since_s)
        left = _spoken((total - done) / rate)
        return f"{done} of {total} pictures, {rate:.1f} a second, about {left} left"


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
