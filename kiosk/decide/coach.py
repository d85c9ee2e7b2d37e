# SPDX-License-Identifier: Apache-2.0
"""The capture coach: what a person can do so that the kiosk sees the item better.

`poor` judges one look without memory: is it good enough to accept from? `Coach` turns looks into a
hint for the page: one at a time, the most urgent first, and none that flickers. Pure: no clock, no
pixels. The limits are measured, see `Limits`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kiosk.values import Hint, Quality

APPEAR_FRAMES = 3
"""Frames in a row that must show a fault before its hint appears."""
VANISH_FRAMES = 3
"""Frames in a row that must be free of it before the hint goes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where seeing worse begins to cost answers.

    Measured with `python -m tools.coach_limits --data DATA --work WORK`: 88 grocery photos, each in
    46 ways worse, against the same photos seen well (79.5 % right at first; 4 points may be
    chance). tools/pictures/coach.png has the curves. Not limited: turning in the plane, which costs
    2 to 6 points at any angle up to 90 degrees and of which no hint could say which way.
    """

    side_px: float = 140.0
    """Less than it: 9 to 11 points at 155 to 138 pixels, 30 at 92."""
    sharpness: float = 0.19
    """14 points at 0.23 to 0.19, 48 at 0.08. The 5 points begin at 0.25, where 1 in 20 items lies
    that is seen well but is plain; at 0.19 it is 1 in 50."""
    brightness: float = 0.13
    """Nothing is lost down to 0.16; with a sensor's noise 7 points at 0.14 and 18 at 0.11."""
    clipped: float = 0.6
    """16 points at 0.59, 2 at 0.42. The 5 points begin at 0.49, where jewellery on white lies that
    is seen well."""
    covered: float = 0.12
    """5 points at 7 % under fingers, 10 at 15 %, 44 at 35 %. What is measured on the rendered
    counter is some 5 points more than what is hidden: the edge of a hand counts whole."""
    moved: float = 0.05
    """5 points where a streak is 2.4 % of the item, 10 at 3.3 %; a shutter that is open half of the
    time draws half of a frame's way. Boxes of items at rest waver less in 19 of 20 frames."""
    fill: float = 0.9
    """Of the frame's side: an item over the edge that is so large cannot be moved into view."""
    relief: float = 0.1
    """By how much better than a limit things must be before a hint that is shown goes again."""


LIMITS = Limits()
"""For hints: what a person may as well do better."""
GATE = Limits(
    side_px=90.0, sharpness=0.12, brightness=0.0, clipped=1.0, covered=0.2, moved=float("inf")
)
"""For accepting: where at least 10 points are lost. Not for darkness and glare, which cost too
little for that while black and white articles look like them, and not for moving: a streak shows in
the sharpness."""


def poor(quality: Quality, *, whole: bool = True, limits: Limits = GATE) -> Hint | None:
    """What makes this look too poor to accept a SKU from, or None when it is good enough.

    `whole`: the item does not reach over the frame's edge. Pure and without memory: the same look
    gives the same answer in a replay.
    """
    faults = _faults(quality, whole, limits, shown=())
    return next((hint for hint in Hint if hint in faults), None)


class Coach:
    """Feed every frame in order; read the hint. Not thread-safe."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._streak: dict[Hint, int] = {}
        """Frames in a row with the fault (until it is shown), or without it (from then on)."""
        self._shown: set[Hint] = set()

    def step(
        self,
        quality: Quality | None,
        *,
        whole: bool = True,
        items: int = 1,
        most_items: int = 1,
        seen_empty: bool = True,
    ) -> Hint | None:
        """One more frame; the hint to show now, or None.

        `quality` is that of the item in focus, None while there is none. `items` are in view and
        `most_items` expected. `seen_empty`: the kiosk has seen the counter without anything on it.
        """
        faults: set[Hint] = set()
        if quality is not None:
            faults = _faults(quality, whole, self._limits, self._shown)
            if not seen_empty:
                faults.add(Hint.CLEAR_COUNTER)
        if items > most_items:
            faults.add(Hint.ONE_ITEM)
        for hint in Hint:
            self._count(hint, hint in faults)
        return next((hint for hint in Hint if hint in self._shown), None)

    def _count(self, hint: Hint, faulty: bool) -> None:
        shown = hint in self._shown
        run = self._streak.get(hint, 0) + 1 if faulty is not shown else 0
        if run >= (VANISH_FRAMES if shown else APPEAR_FRAMES):
            self._shown ^= {hint}
            run = 0
        self._streak[hint] = run


def _faults(quality: Quality, whole: bool, limits: Limits, shown: Collection[Hint]) -> set[Hint]:
    """Everything that stands in the way. A hint that is shown already holds on a little longer."""

    def low(value: float, limit: float, hint: Hint) -> bool:
        return value < limit * (1 + limits.relief if hint in shown else 1)

    def high(value: float, limit: float, hint: Hint) -> bool:
        return value > limit * (1 - limits.relief if hint in shown else 1)

    faults = set()
    if high(quality.covered, limits.covered, Hint.HAND_AWAY):
        faults.add(Hint.HAND_AWAY)
    if not whole:
        near = high(quality.fill, limits.fill, Hint.MOVE_AWAY)
        faults.add(Hint.MOVE_AWAY if near else Hint.MOVE_INTO_VIEW)
    small = low(quality.side_px, limits.side_px, Hint.MOVE_CLOSER)
    if small:
        faults.add(Hint.MOVE_CLOSER)
    if low(quality.brightness, limits.brightness, Hint.MORE_LIGHT):
        faults.add(Hint.MORE_LIGHT)
    if high(quality.clipped, limits.clipped, Hint.LESS_LIGHT):
        faults.add(Hint.LESS_LIGHT)
    # What moves is blurred because it moves, and what is small because it is small.
    if high(quality.moved, limits.moved, Hint.HOLD_STILL):
        faults.add(Hint.HOLD_STILL)
    elif not small and low(quality.sharpness, limits.sharpness, Hint.FOCUS):
        faults.add(Hint.FOCUS)
    return faults
