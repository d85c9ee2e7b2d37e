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
    """One frame that shows one item well; the pixels are a copy."""

    pixels: Pixels
    box: Box


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
        self._wanted = 0
        """How many wait for a frame."""
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
            if good and self._wanted:
                subject = sight.looks[0].subject
                assert subject is not None
                self._seen = Seen(frame.pixels.copy(), subject.box)
                self._changed.notify_all()

    def now(self) -> tuple[bool, Hint | None]:
        """Whether a view could be taken now, and what stands in the way."""
        with self._changed:
            return self._good, self._hint

    def next(self, timeout_s: float) -> Seen | None:
        """The next good view; None when none comes in time."""
        end = time.monotonic() + timeout_s
        with self._changed:
            self._seen = None
            self._wanted += 1
            try:
                while self._seen is None:
                    left_s = end - time.monotonic()
                    if left_s <= 0 or not self._changed.wait(left_s):
                        break
                return self._seen
            finally:
                self._wanted -= 1
