# SPDX-License-Identifier: Apache-2.0
"""From the station's loop to whoever waits for a good view: the newest frame that shows one item
well, handed over once and only when somebody asked.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from kiosk.decide.coach import LIMITS, poor
from kiosk.values import Box, Frame, Hint, Pixels, Sight


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One frame that shows an item; the pixels are a copy."""

    pixels: Pixels
    box: Box
    good: bool
    """Well enough to be taken as a view."""


def judged(sight: Sight) -> Hint | None:
    """What stands in the way of taking a view now, by the coach's own limits; None: nothing.

    Raises LookupError while there is no item.
    """
    if len(sight.detections) > 1:
        return Hint.ONE_ITEM
    if not sight.looks or sight.looks[0].quality is None:
        raise LookupError("no item is in view")
    look = sight.looks[0]
    return poor(sight.looks[0].quality, whole=look.whole, limits=LIMITS)


class Onlooker:
    """`watch` from the station's thread, which never waits; the rest from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._wanted = {True: 0, False: 0}
        """How many wait for a good view, and for any."""
        self._seen: Seen | None = None
        self._good = False
        self._hint: Hint | None = None

    def watch(self, frame: Frame, sight: Sight) -> None:
        """Every frame that went through the stages."""
        try:
            hint, item = judged(sight), True
        except LookupError:
            hint, item = None, False
        good = item and hint is None
        with self._changed:
            self._good, self._hint = good, hint
            if (good and self._wanted[True]) or (sight.looks and self._wanted[False]):
                subject = sight.looks[0].subject
                assert subject is not None
                self._seen = Seen(frame.pixels.copy(), subject.box, good)
                self._changed.notify_all()

    def now(self) -> tuple[bool, Hint | None]:
        """Whether a view could be taken now, and what stands in the way."""
        with self._changed:
            return self._good, self._hint

    def _fits(self, good: bool) -> bool:
        return self._seen is not None and (self._seen.good or not good)

    def next(self, timeout_s: float, *, good: bool = True) -> Seen | None:
        """The next view that is `good`, or any; None when none comes in time."""
        end = time.monotonic() + timeout_s
        with self._changed:
            self._seen = None
            self._wanted[good] += 1
            try:
                while not self._fits(good):
                    left_s = end - time.monotonic()
                    if left_s <= 0 or not self._changed.wait(left_s):
                        return None
                return self._seen
            finally:
                self._wanted[good] -= 1
