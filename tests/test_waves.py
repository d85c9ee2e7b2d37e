# SPDX-License-Identifier: Apache-2.0
"""Waves as a publisher writes them: what they come to, and which cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from kiosk.announcement import MOST_WAVES, Wave
from kiosk.errors import UsageError
from kiosk.publish.waves import wave, waves

NOW = datetime(2026, 12, 1, 13, 30, 5, 999, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("text", "after", "permille"),
    [
        ("now=0", "2026-12-01T12:30:05+00:00", 0),
        ("now=1000", "2026-12-01T12:30:05+00:00", 1000),
        ("+30m=10", "2026-12-01T13:00:05+00:00", 10),
        ("+6h=100", "2026-12-01T18:30:05+00:00", 100),
        ("+2d=500", "2026-12-03T12:30:05+00:00", 500),
        ("2026-12-24T06:00:00.5+01:00=1", "2026-12-24T05:00:00+00:00", 1),
    ],
)
def test_a_wave_begins_at_a_time_in_utc_to_the_second(text: str, after: str, permille: int) -> None:
    assert wave(text, NOW) == Wave(after, permille)


@pytest.mark.parametrize(
    "text",
    ["", "now", "=10", "now=", "now=1001", "now=-1", "now=1.5", "now=" + "9" * 5000]
    + ["+6w=10", "6h=10", "+h=10", "+1h30m=10", "tomorrow=10", "2026-12-24T06:00=10"]
    + ["+99999999999999d=10", "+4000000d=10", "0001-01-01T00:00:00+10:00=10"],
)
def test_what_is_no_wave_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(UsageError) as error:
        wave(text, NOW)
    assert repr(text) in str(error.value)


def test_waves_come_in_the_order_of_their_times() -> None:
    made = waves(["+2h=500", "now=10", "2026-12-01T14:30:05+01:00=10"], NOW)
    assert [each.permille for each in made] == [10, 10, 500]
    moments = [datetime.fromisoformat(each.after) for each in made]
    first = NOW.astimezone(UTC).replace(microsecond=0)
    assert moments == [first, first + timedelta(hours=1), first + timedelta(hours=2)]


def test_a_later_wave_never_takes_kiosks_back() -> None:
    with pytest.raises(UsageError, match="takes fewer kiosks"):
        waves(["now=100", "+1h=99"], NOW)
    assert waves([], NOW) == ()


def test_waves_are_no_more_than_a_kiosk_reads() -> None:
    texts = [f"+{hours}h=10" for hours in range(MOST_WAVES + 1)]
    assert len(waves(texts[:-1], NOW)) == MOST_WAVES
    with pytest.raises(UsageError, match="give fewer"):
        waves(texts, NOW)
