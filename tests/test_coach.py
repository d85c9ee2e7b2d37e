# SPDX-License-Identifier: Apache-2.0
"""Hints: which one, when it appears, when it goes, and that it never flickers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kiosk.decide.coach import APPEAR_FRAMES, LIMITS, VANISH_FRAMES, Coach, poor
from kiosk.values import Hint, Quality

GOOD = Quality(
    side_px=300, fill=0.4, sharpness=0.4, brightness=0.5, dark=0.02, clipped=0.0, moved=0.0
)
FAULTS = [
    (Hint.HAND_AWAY, replace(GOOD, covered=LIMITS.covered + 0.2), True),
    (Hint.HOLD_STILL, replace(GOOD, moved=LIMITS.moved * 2), True),
    (Hint.MOVE_INTO_VIEW, GOOD, False),
    (Hint.MOVE_AWAY, replace(GOOD, fill=1.0), False),
    (Hint.MOVE_CLOSER, replace(GOOD, side_px=LIMITS.side_px / 2), True),
    (Hint.MORE_LIGHT, replace(GOOD, brightness=LIMITS.brightness / 2), True),
    (Hint.LESS_LIGHT, replace(GOOD, clipped=LIMITS.clipped + 0.2), True),
    (Hint.FOCUS, replace(GOOD, sharpness=LIMITS.sharpness * 0.8), True),
]


@pytest.mark.parametrize(("hint", "quality", "whole"), FAULTS)
def test_each_fault_gives_its_hint(hint: Hint, quality: Quality, whole: bool) -> None:
    coach = Coach()
    for _ in range(APPEAR_FRAMES):
        shown = coach.step(quality, whole=whole)
    assert shown is hint


def test_a_good_look_gives_none_and_is_not_poor() -> None:
    coach = Coach()
    assert [coach.step(GOOD) for _ in range(20)] == [None] * 20
    assert poor(GOOD) is None


def test_a_fault_of_a_frame_or_two_gives_no_hint() -> None:
    coach = Coach()
    dark = replace(GOOD, brightness=0.01)
    for _ in range(10):
        shown = [coach.step(dark) for _ in range(APPEAR_FRAMES - 1)] + [coach.step(GOOD)]
        assert shown == [None] * APPEAR_FRAMES


def test_a_hint_goes_only_after_some_frames_without_its_fault() -> None:
    coach = Coach()
    dark = replace(GOOD, brightness=0.01)
    for _ in range(APPEAR_FRAMES):
        coach.step(dark)
    for _ in range(10):
        shown = [coach.step(GOOD) for _ in range(VANISH_FRAMES - 1)] + [coach.step(dark)]
        assert shown == [Hint.MORE_LIGHT] * VANISH_FRAMES
    assert [coach.step(GOOD) for _ in range(VANISH_FRAMES)][-1] is None


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("side_px", LIMITS.side_px),
        ("sharpness", LIMITS.sharpness),
        ("brightness", LIMITS.brightness),
        ("clipped", LIMITS.clipped),
        ("covered", LIMITS.covered),
        ("moved", LIMITS.moved),
    ],
)
def test_no_hint_flickers_while_a_measurement_wavers_around_its_limit(
    name: str, limit: float
) -> None:
    random = np.random.default_rng(4)
    coach = Coach()
    values = limit * (1 + random.uniform(-0.09, 0.09, 600))
    shown = [coach.step(replace(GOOD, **{name: float(value)})) for value in values]
    changes = sum(before is not after for before, after in zip(shown, shown[1:], strict=False))
    assert changes <= 1


def test_the_most_urgent_hint_is_shown_and_the_next_one_after_it() -> None:
    coach = Coach()
    both = replace(GOOD, covered=0.9, brightness=0.01)
    for _ in range(APPEAR_FRAMES):
        shown = coach.step(both)
    assert shown is Hint.HAND_AWAY
    dark = replace(both, covered=0.0)
    assert [coach.step(dark) for _ in range(VANISH_FRAMES)][-1] is Hint.MORE_LIGHT


def test_what_lay_there_at_the_start_is_to_be_cleared_away_first() -> None:
    coach = Coach()
    for _ in range(APPEAR_FRAMES):
        shown = coach.step(replace(GOOD, covered=0.9), seen_empty=False)
    assert shown is Hint.CLEAR_COUNTER
    assert coach.step(None, seen_empty=False) is Hint.CLEAR_COUNTER
    assert [coach.step(None) for _ in range(VANISH_FRAMES)][-1] is None


def test_several_items_are_a_fault_only_where_fewer_are_expected() -> None:
    coach = Coach()
    assert [coach.step(GOOD, items=3, most_items=8) for _ in range(9)] == [None] * 9
    assert [coach.step(GOOD, items=3) for _ in range(APPEAR_FRAMES)][-1] is Hint.ONE_ITEM


def test_an_item_that_is_taken_away_takes_its_hint_along() -> None:
    coach = Coach()
    for _ in range(APPEAR_FRAMES):
        coach.step(replace(GOOD, brightness=0.01))
    assert [coach.step(None) for _ in range(VANISH_FRAMES)][-1] is None


def test_a_small_soft_item_is_to_come_closer_not_to_be_focused() -> None:
    coach = Coach()
    far = replace(GOOD, side_px=LIMITS.side_px / 2, sharpness=0.1)
    assert [coach.step(far) for _ in range(APPEAR_FRAMES)][-1] is Hint.MOVE_CLOSER


def test_the_gate_is_the_same_for_the_same_look() -> None:
    for hint, quality, whole in FAULTS:
        assert poor(quality, whole=whole) in (hint, None)
        assert poor(quality, whole=whole) is poor(quality, whole=whole)
