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
        self._paced: deque[tuple[float, int]] = deque()
        self._computed = 0
        self._next_s: float | None = None

    def line(self, done: int, total: int, now_s: float, *, kept: bool = False) -> str:
        """A line, or nothing. `kept`: this one was there already, which says nothing of the pace.

        What is left is taken for work to do: with many kept results the rest comes sooner.
        """
        self._computed += not kept
        self._paced.append((now_s, self._computed))
        while now_s - self._paced[0][0] > WINDOW_S:
            self._paced.popleft()
        if self._next_s is None:
            self._next_s = now_s + EVERY_S
        if now_s < self._next_s:
            return ""
        self._next_s = now_s + EVERY_S
        since_s, computed = self._paced[0]
        count = self._computed - computed
        if not count or done >= total:
            return f"{done} of {total} pictures"
        left_s = (total - done) * (now_s - since_s) / count
        return (
            f"{done} of {total} pictures, {count / (now_s - since_s):.1f} a second, "
            f"about {_spoken(left_s)} left"
        )


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
