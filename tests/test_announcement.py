# SPDX-License-Identifier: Apache-2.0
"""What a channel says: read strictly, and judged on the device."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

import pytest

from kiosk.announcement import (
    MAX_BYTES,
    Announcement,
    Blob,
    Rollout,
    Wave,
    bucket,
    parse,
    permille_at,
    takes,
    to_json,
)
from kiosk.errors import AnnouncementError

SAID = Announcement(
    catalog="groceries",
    channel="stable",
    seq=7,
    created="2026-11-22T10:00:00Z",
    release="0123456789abcdef",
    manifest=Blob("ab" * 32, 4711),
    rollout=Rollout("salt", False, (Wave("2026-11-22T10:00:00Z", 10),)),
)


def test_what_is_written_is_what_is_read() -> None:
    assert parse(to_json(SAID)) == SAID
    assert to_json(parse(to_json(SAID))) == to_json(SAID)


def mutilated() -> list[bytes]:
    body = json.loads(to_json(SAID))
    changes: list[dict[str, object]] = [
        {"format": 2},
        {"seq": 0},
        {"seq": -1},
        {"seq": True},
        {"seq": 1.5},
        {"seq": 2**60},
        {"channel": "../etc"},
        {"release": "0123456789ABCDEF"},
        {"manifest": {"sha256": "ab" * 32, "bytes": 1, "url": "http://elsewhere"}},
        {"manifest": {"sha256": "../" * 21 + "a", "bytes": 1}},
        {"created": "2026-11-22T10:00:00"},
        {"created": "yesterday"},
        {"catalog": "a\nb"},
        {"rollout": {"salt": "", "pause": "no", "waves": []}},
        {"rollout": {"salt": "", "pause": False, "waves": [{"after": "", "permille": 1}]}},
        {"gate": {**body["gate"], "agree_min": 1.5}},
        {"gate": {**body["gate"], "p95_ms_max": None}},
        {"surprise": 1},
    ]
    texts = [json.dumps({**body, **change}).encode() for change in changes]
    whole = to_json(SAID)
    twice = whole.replace(b'"seq":7', b'"seq":7,"seq":8')
    missing = json.dumps({name: body[name] for name in body if name != "gate"}).encode()
    deep = b"[" * 30_000
    more = [b"", b"null", b"[]", b"\xff", whole[:-3], twice, missing, deep]
    return [*texts, *more, whole + b" " * MAX_BYTES]


@pytest.mark.parametrize("data", mutilated(), ids=lambda data: repr(data[:60]))
def test_anything_but_a_whole_one_is_refused(data: bytes) -> None:
    with pytest.raises(AnnouncementError):
        parse(data)


def at(hour: int) -> datetime:
    return datetime(2026, 11, 22, hour, tzinfo=UTC)


def test_waves_open_one_after_another_and_a_pause_closes_them() -> None:
    waves = (Wave("2026-11-22T10:00:00Z", 10), Wave("2026-11-22T14:00:00+02:00", 500))
    rollout = Rollout("s", False, waves)
    assert [permille_at(rollout, at(hour)) for hour in (9, 10, 11, 12)] == [0, 10, 10, 500]
    assert permille_at(dataclasses.replace(rollout, pause=True), at(12)) == 0
    assert permille_at(Rollout(), at(0)) == 1000


def test_who_is_first_differs_from_release_to_release_and_shares_are_kept() -> None:
    kiosks = [f"kiosk-{number}" for number in range(4000)]
    first, second = (
        {kiosk for kiosk in kiosks if bucket(salt, kiosk) < 100} for salt in ("one", "two")
    )
    assert 300 < len(first) < 500
    assert len(first & second) < 100
    rollout = Rollout("one", False, (Wave("2026-11-22T10:00:00Z", 100),))
    assert {kiosk for kiosk in kiosks if takes(rollout, kiosk, at(10))} == first


@pytest.mark.parametrize("permille", [0, 1, 999, 1000, 1001])
def test_a_wave_reaches_at_most_all_kiosks(permille: int) -> None:
    waves = (Wave("2026-11-22T10:00:00Z", permille),)
    data = to_json(dataclasses.replace(SAID, rollout=Rollout("salt", False, waves)))
    if permille <= 1000:
        assert parse(data).rollout.waves == waves
        return
    with pytest.raises(AnnouncementError):
        parse(data)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
@pytest.mark.parametrize("where", ["created", "after"])
def test_a_time_that_no_calendar_has_is_refused(time: str, where: str) -> None:
    made = dataclasses.replace(SAID, created=time)
    if where == "after":
        made = dataclasses.replace(SAID, rollout=Rollout("salt", False, (Wave(time, 10),)))
    with pytest.raises(AnnouncementError):
        parse(to_json(made))
