# SPDX-License-Identifier: Apache-2.0
"""What is said of the time that is left: seldom, from the recent pace, and of work only."""

from __future__ import annotations

from kiosk.cli.estimate import EVERY_S, WINDOW_S, Estimate


def told(paces: list[tuple[int, float, bool]], total: int) -> list[str]:
    """The lines said over stretches of (pictures, seconds between them, kept)."""
    estimate, now_s, done = Estimate(), 1000.0, 0
    lines = []
    for count, every_s, kept in paces:
        for _ in range(count):
            now_s, done = now_s + every_s, done + 1
            line = estimate.line(done, total, now_s, kept=kept)
            lines += [line] if line else []
    return lines


def test_a_line_comes_every_so_often_and_says_when_it_will_be_done() -> None:
    lines = told([(61, 1.0, False)], 3661)
    assert len(lines) == 60 // EVERY_S
    assert lines[-1] == "61 of 3661 pictures, 1.0 a second, about 60 min left"


def test_short_work_says_nothing() -> None:
    assert told([(9, 1.0, False)], 9) == []


def test_the_pace_is_the_recent_one() -> None:
    lines = told([(1000, 0.1, False), (int(WINDOW_S) * 2, 1.0, False)], 2120)
    assert lines[-1].endswith("1.0 a second, about 17 min left")


def test_results_that_were_there_say_nothing_of_the_pace() -> None:
    lines = told([(5000, 0.001, True), (60, 1.0, False)], 8600)
    assert lines[-1].endswith("about 59 min left")


def test_before_anything_was_computed_nothing_is_foretold() -> None:
    lines = told([(30_000, 0.001, True)], 40_000)
    assert lines and all(line.endswith(" of 40000 pictures") for line in lines)
