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
    """Where seeing worse begins to cost answers."""

    side_px: float = 70.0
    sharpness: float = 0.22
    brightness: float = 0.12
    clipped: float = 0.35
    covered: float = 0.15
    moved: float = 0.08
    fill: float = 0.97
    relief: float = 0.1
    """By how much better than a limit things must be before a hint that is shown goes again."""


LIMITS = Limits()


def poor(quality: Quality, *, whole: bool = True, limits: Limits = LIMITS) -> Hint | None:
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
    near = high(quality.fill, limits.fill, Hint.MOVE_AWAY)
    if near:
        faults.add(Hint.MOVE_AWAY)
    elif not whole:
        faults.add(Hint.MOVE_INTO_VIEW)
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
