# SPDX-License-Identifier: Apache-2.0
"""What a channel says: read strictly, and judged on the device."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

import pytest

from kiosk.announcement import (
    MAX_BYTES,
    MOST_WAVES,
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


def changed(place: str, value: object) -> bytes:
    """The announcement with another value at a place such as `rollout.waves.0.after`."""
    body = json.loads(to_json(SAID))
    *above, last = place.split(".")
    inner = body
    for name in above:
        inner = inner[int(name) if isinstance(inner, list) else name]
    inner[last] = value
    return json.dumps(body).encode()


WAVE = {"after": "2026-11-22T10:00:00Z", "permille": 1}
LIMITS = {
    "a name of a catalog": ("catalog", "x" * 64, "x" * 65),
    "a salt": ("rollout.salt", "x" * 64, "x" * 65),
    "a least version": ("requires.app_min", "1" * 32, "1" * 33),
    "a version": ("requires.app_below", "1" * 32, "1" * 33),
    "a time": (
        "created",
        "2026-11-22T10:00:00.00000000000000+00:00",
        "2026-11-22T10:00:00.000000000000000+00:00",
    ),
    "waves": ("rollout.waves", [WAVE] * MOST_WAVES, [WAVE] * (MOST_WAVES + 1)),
    "a number": ("seq", 2**53 - 1, 2**53),
    "the first number": ("seq", 1, 0),
    "no size": ("manifest.bytes", 0, -1),
    "a size": ("manifest.bytes", 2**53 - 1, 2**53),
    "a share that agrees": ("gate.agree_min", 1, 1.001),
    "no share": ("gate.agree_min", 0, -0.001),
    "a slow search": ("gate.p95_ms_max", 1e6, 1e6 + 1),
}


@pytest.mark.parametrize("case", LIMITS)
def test_the_largest_that_may_be_is_read_and_no_more(case: str) -> None:
    place, most, more = LIMITS[case]
    parse(changed(place, most))
    with pytest.raises(AnnouncementError):
        parse(changed(place, more))


def test_it_is_read_up_to_its_largest_size() -> None:
    parse(to_json(SAID).ljust(MAX_BYTES))
    with pytest.raises(AnnouncementError, match="too large"):
        parse(to_json(SAID).ljust(MAX_BYTES + 1))


@pytest.mark.parametrize(
    "within", ["", "manifest.", "requires.", "rollout.", "rollout.waves.0.", "gate."]
)
def test_what_this_kiosk_does_not_know_might_matter_and_is_refused(within: str) -> None:
    with pytest.raises(AnnouncementError, match="more|should hold"):
        parse(changed(f"{within}more", 1))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("catalog", 5),
        ("catalog", ["x"]),
        ("release", 5),
        ("manifest", "ab" * 32),
        ("manifest", ["bytes", "sha256"]),
        ("requires", None),
        ("requires.embedder", "e" * 63),
        ("requires.app_min", None),
        ("rollout.waves", {}),
        ("rollout.waves", ""),
        ("rollout.waves", None),
        ("rollout.waves", [["after", "permille"]]),
        ("rollout.pause", 0),
        ("rollout.salt", ["x"]),
        ("created", 20261122),
        ("gate.agree_min", True),
        ("gate.agree_min", "0.5"),
        ("gate.agree_min", float("nan")),
        ("gate.p95_ms_max", float("inf")),
        ("gate.good_after_s", 1.0),
        ("reverts_to", None),
    ],
)
def test_a_value_of_another_kind_is_refused(place: str, value: object) -> None:
    with pytest.raises(AnnouncementError):
        parse(changed(place, value))


def test_its_bytes_are_the_same_for_ever() -> None:
    assert to_json(SAID) == (
        b'{"catalog":"groceries","channel":"stable","created":"2026-11-22T10:00:00Z","format":1,'
        b'"gate":{"agree_min":0.98,"good_after_decisions":3,"good_after_s":600,"p95_ms_max":0.0},'
        b'"manifest":{"bytes":4711,"sha256":"' + b"ab" * 32 + b'"},"release":"0123456789abcdef",'
        b'"requires":{"app_below":"","app_min":"","disk_bytes":0,"embedder":"","memory_bytes":0},'
        b'"reverts_to":0,"rollout":{"pause":false,"salt":"salt","waves":'
        b'[{"after":"2026-11-22T10:00:00Z","permille":10}]},"seq":7}\n'
    )


@pytest.mark.parametrize(
    ("salt", "kiosk", "place"),
    [("", "0" * 32, 142), ("salt", "c0ffee" * 5 + "aa", 486), ("2026-12", "f" * 32, 404)],
)
def test_every_version_of_this_program_puts_a_kiosk_at_the_same_place(
    salt: str, kiosk: str, place: int
) -> None:
    assert bucket(salt, kiosk) == place


def test_the_first_and_the_last_of_the_queue() -> None:
    places = {bucket("s", str(number)): str(number) for number in range(20_000)}
    assert (min(places), max(places)) == (0, 999)

    def taken(permille: int, place: int) -> bool:
        waves = (Wave("2026-11-22T10:00:00Z", permille),)
        return takes(Rollout("s", False, waves), places[place], at(10))

    assert [taken(0, 0), taken(1, 0), taken(999, 999), taken(1000, 999)] == [
        False,
        True,
        False,
        True,
    ]
