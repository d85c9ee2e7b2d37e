# SPDX-License-Identifier: Apache-2.0
"""The floors by themselves: how far clocks may differ, and which numbers may follow which."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kiosk.announcement import Blob
from kiosk.errors import ClockUntrusted, Held, Tampered
from kiosk.store import Installed, Pointer
from kiosk.sync import floors
from tests.tuf_simulator import announcement

MADE = datetime(2026, 12, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KNEW = Pointer(clock_floor=MADE.isoformat())


def test_a_clock_may_be_up_to_an_hour_behind_what_was_seen() -> None:
    floors.check_own_clock(KNEW, MADE - timedelta(hours=1))
    with pytest.raises(ClockUntrusted):
        floors.check_own_clock(KNEW, MADE - timedelta(hours=1) - MINUTE)


def test_a_publisher_may_be_up_to_a_day_ahead() -> None:
    announced = announcement(1, created=MADE.isoformat())
    floors.check_clock(Pointer(), announced, MADE - timedelta(days=1))
    with pytest.raises(ClockUntrusted) as early:
        floors.check_clock(Pointer(), announced, MADE - timedelta(days=1) - MINUTE)
    assert early.value.code == "made_later"


@pytest.mark.parametrize("pointer", [Pointer(), Pointer(clock_floor="2020-01-01T00:00:00+00:00")])
def test_no_clock_is_believed_that_says_a_time_before_this_program(pointer: Pointer) -> None:
    first = datetime(2026, 11, 1, tzinfo=UTC)
    assert floors.earliest(pointer) == first
    floors.check_own_clock(pointer, first)
    with pytest.raises(ClockUntrusted):
        floors.check_own_clock(pointer, first - timedelta(hours=2))


def test_a_number_may_be_a_million_ahead_and_no_further() -> None:
    pointer = Pointer(channel="stable", floor_seq=7)
    floors.check(announcement(1_000_007), pointer, None, "stable")
    with pytest.raises(Held) as jump:
        floors.check(announcement(1_000_008), pointer, None, "stable")
    assert jump.value.code == "number_jump"


def test_the_same_number_is_refused_also_when_only_the_installed_release_tells() -> None:
    announced = announcement(4)
    now = Installed(announced.release, announced.manifest.sha256, 4)
    pointer = Pointer(current=now, channel="stable", floor_seq=4)
    floors.check(announced, pointer, None, "stable")
    with pytest.raises(Tampered) as refused:
        floors.check(announcement(4, manifest=Blob("d" * 64, 9)), pointer, None, "stable")
    assert refused.value.code == "same_number"
    floors.check(announcement(5, manifest=Blob("d" * 64, 9)), pointer, None, "stable")


def test_a_number_of_another_channel_contradicts_nothing() -> None:
    now = Installed("a" * 16, "a" * 64, 4)
    pointer = Pointer(current=now, channel="stable", floor_seq=4)
    other = announcement(4, channel="canary")
    floors.check(other, pointer, announcement(4), "canary")
    assert floors.floor_of(pointer, "canary") == 0
    floors.check(announcement(1, channel="canary"), pointer, None, "canary")


@pytest.mark.parametrize(
    ("seq", "channel", "later", "news"),
    [
        (4, "stable", timedelta(), False),
        (4, "stable", -MINUTE, False),
        (5, "stable", timedelta(), True),
        (4, "stable", MINUTE, True),
        (4, "canary", timedelta(), True),
    ],
)
def test_a_floor_is_lifted_by_a_number_a_time_or_another_channel(
    seq: int, channel: str, later: timedelta, news: bool
) -> None:
    pointer = Pointer(channel="stable", floor_seq=4, clock_floor=MADE.isoformat())
    created = (MADE + later).isoformat()
    assert floors.raised(pointer, announcement(seq, channel=channel, created=created)) is news


def test_a_kiosk_that_saw_no_channel_yet_takes_its_floor_for_any() -> None:
    pointer = Pointer(floor_seq=4, clock_floor=MADE.isoformat())
    with pytest.raises(Tampered):
        floors.check(announcement(3), pointer, None, "stable")
    same = announcement(4, created=MADE.isoformat())
    assert floors.raised(pointer, same), "the channel is written down"
