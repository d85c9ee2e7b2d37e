# SPDX-License-Identifier: Apache-2.0
"""What networks do to a sync pass: the kiosk keeps what it has, says what is so, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.announcement import Announcement
from kiosk.sync.evidence import Unanswered, cut_off, unreachable
from kiosk.sync.report import as_status
from kiosk.values.sync import SyncState, SyncStatus
from tests import fault_server as does
from tests.fault_server import Server, serving
from tests.repositories import HeadOffice
from tests.sync_parts import (
    LARGE,
    PATIENT,
    QUICK,
    Kiosk,
    office_kiosk,
    publisher,
    release,
    snapshot,
)

NOBODY = "http://127.0.0.1:9"
"""Nothing listens on the port of `discard`."""


@pytest.fixture
def office(tmp_path: Path) -> HeadOffice:
    return publisher(tmp_path)


@pytest.fixture
def kiosk(tmp_path: Path, office: HeadOffice) -> Kiosk:
    return office_kiosk(tmp_path, office)


@pytest.fixture
def first(tmp_path: Path, office: HeadOffice, kiosk: Kiosk) -> Announcement:
    """The release that the kiosk has before something happens."""
    announced = office.publish(release(tmp_path / "first"))
    assert kiosk.sync(office.path).activated == announced.release
    return announced


@pytest.fixture
def second(tmp_path: Path, office: HeadOffice, first: Announcement) -> Announcement:
    """What is published then."""
    return office.publish(release(tmp_path / "second", seed=2))


@pytest.fixture
def server(office: HeadOffice) -> Iterator[Server]:
    with serving(office.path) as server:
        yield server


def large_blob(office: HeadOffice, size: int = LARGE) -> str:
    """Path of the newest large blob."""
    found = [path for path in (office.path / "blobs").rglob("*") if path.is_file()]
    newest = max((p for p in found if p.stat().st_size == size), key=lambda p: p.stat().st_mtime_ns)
    return newest.name


EVERYWHERE = {
    "portal": (does.portal, "portal"),
    "redirect off the origin": (does.sent_on("http://127.0.0.2/login"), "redirected"),
    "redirect to another scheme": (does.sent_on("https://127.0.0.1/"), "redirected"),
    "redirect loop": (does.sent_on("/metadata/timestamp.json"), "redirected"),
    "403 everywhere": (does.status(403), "not_found"),
    "404 everywhere": (does.status(404), "not_found"),
    "429": (does.status(429, Retry_After="77"), "http_429"),
    "500": (does.status(500), "http_500"),
    "503": (does.status(503, Retry_After="77"), "http_503"),
    "cut in the head of the body": (does.cut(3), "cut"),
    "reset": (does.reset, "cut"),
    "drip": (does.drip, "slow"),
    "drip until it closes": (does.drip_closing, "slow"),
    "dripping head": (does.drip_head, "slow"),
    "stall": (does.stall, "slow"),
    "never answers": (does.mute, "slow"),
    "gzip bomb": (does.bomb, "unusable"),
    "endless": (does.endless, "unusable"),
}


@pytest.mark.parametrize("case", EVERYWHERE)
def test_a_broken_network_is_offline_and_changes_nothing(
    case: str, kiosk: Kiosk, server: Server, first: Announcement, second: Announcement
) -> None:
    fault, code = EVERYWHERE[case]
    before = snapshot(kiosk.folder)
    server.always("", fault)
    outcome = kiosk.sync(server.url, limits=QUICK if code == "slow" else PATIENT)
    assert (outcome.status.state, outcome.status.code) == (SyncState.OFFLINE, code)
    assert kiosk.current == first.release
    after = snapshot(kiosk.folder)
    assert {name for name in after if after[name] != before.get(name)} == {"store/sync.json"}
    assert isinstance(outcome.error, Unanswered)
    assert outcome.error.retry_after_s == (
        77 if "Retry_After" in case or code[5:] in ("429", "503") else 0
    )
    server.honest()
    assert kiosk.sync(server.url).activated == second.release


def test_nobody_there_is_offline_and_said_once(kiosk: Kiosk, first: Announcement) -> None:
    outcome = kiosk.sync(NOBODY)
    assert (outcome.status.state, outcome.status.code) == (SyncState.OFFLINE, "unreachable")
    assert outcome.status.release == first.release
    before = snapshot(kiosk.folder)
    kiosk.sync(NOBODY)
    assert snapshot(kiosk.folder) == before


BLOBS = {
    "portal": (does.portal, SyncState.OFFLINE, "portal"),
    "404": (does.status(404), SyncState.OFFLINE, "not_found"),
    "503": (does.status(503), SyncState.OFFLINE, "http_503"),
    "503 for ever": (does.status(503, Retry_After="9" * 5000), SyncState.OFFLINE, "http_503"),
    "gzip bomb": (does.bomb, SyncState.OFFLINE, "unusable"),
    "packed": (does.packed, SyncState.OFFLINE, "unusable"),
    "truncated, with a length that fits": (does.shorter, SyncState.OFFLINE, "unusable"),
    "stall": (does.stall, SyncState.OFFLINE, "slow"),
    "drip": (does.drip, SyncState.OFFLINE, "slow"),
    "drip until it closes": (does.drip_closing, SyncState.OFFLINE, "slow"),
    "flipped bit": (does.flipped, SyncState.TAMPER, "wrong_content"),
    "endless": (does.endless, SyncState.TAMPER, "wrong_content"),
}


@pytest.mark.parametrize("case", BLOBS)
def test_a_blob_that_does_not_come_leaves_what_answers(
    case: str,
    kiosk: Kiosk,
    server: Server,
    office: HeadOffice,
    first: Announcement,
    second: Announcement,
) -> None:
    fault, state, code = BLOBS[case]
    server.always(large_blob(office), fault)
    outcome = kiosk.sync(server.url, limits=QUICK if code == "slow" else PATIENT)
    assert (outcome.status.state, outcome.status.code) == (state, code)
    assert (outcome.status.seq, kiosk.current) == (2, first.release)
    assert sum(each.sent for each in server.asked if "blobs" in each.path) < 16_000_000
    server.honest()
    assert kiosk.sync(server.url).activated == second.release


RANGES = {
    "honest": None,
    "ignored": does.whole,
    "206 from 0": does.from_zero,
    "206 that lies": does.lying_range,
    "206 with a gap": does.gap,
    "416": does.status(416),
}


@pytest.mark.parametrize("case", RANGES)
def test_what_came_is_kept_whatever_the_server_makes_of_a_range(
    case: str,
    kiosk: Kiosk,
    server: Server,
    office: HeadOffice,
    first: Announcement,
    second: Announcement,
) -> None:
    blob = large_blob(office)
    server.once(blob, does.cut(200_000), RANGES[case])
    outcome = kiosk.sync(server.url)
    assert outcome.activated == second.release
    asked = [each for each in server.asked if blob in each.path]
    assert asked[1].range == "bytes=200000-"
    if case in ("honest", "ignored", "206 from 0"):
        assert len(asked) == 2
    if case == "honest":
        assert sum(each.sent for each in asked) == LARGE


def test_a_line_that_breaks_every_16_kb_costs_each_byte_once(
    kiosk: Kiosk, server: Server, office: HeadOffice, first: Announcement, second: Announcement
) -> None:
    blob = large_blob(office)
    server.always(blob, does.cut(16_384))
    assert kiosk.sync(server.url).activated == second.release
    sent = sum(each.sent for each in server.asked if blob in each.path)
    assert sent <= 1.01 * LARGE


def test_a_line_that_breaks_at_once_is_left_for_the_next_pass_which_goes_on(
    kiosk: Kiosk, server: Server, office: HeadOffice, first: Announcement, second: Announcement
) -> None:
    blob = large_blob(office)
    server.once(blob, does.cut(150_000), *[does.cut(0)] * 3)
    outcome = kiosk.sync(server.url)
    assert (outcome.status.state, outcome.status.code) == (SyncState.OFFLINE, "cut")
    assert kiosk.store.blobs.part(blob).size == 150_000
    assert kiosk.sync(server.url).activated == second.release
    assert sum(each.sent for each in server.asked if blob in each.path) == LARGE


def test_what_comes_after_the_last_byte_is_left(
    kiosk: Kiosk, server: Server, office: HeadOffice, second: Announcement
) -> None:
    blob = large_blob(office)
    server.once(blob, does.more)
    assert kiosk.sync(server.url).activated == second.release
    assert len([each for each in server.asked if blob in each.path]) == 1


def test_a_part_that_a_power_cut_tore_is_fetched_again(
    kiosk: Kiosk, server: Server, office: HeadOffice, first: Announcement, second: Announcement
) -> None:
    blob = large_blob(office)
    part = kiosk.store.blobs.part(blob)
    part.append(bytes(100_000))
    assert kiosk.sync(server.url).activated == second.release


def test_a_part_longer_than_the_blob_is_begun_again(
    kiosk: Kiosk, server: Server, office: HeadOffice, first: Announcement, second: Announcement
) -> None:
    kiosk.store.blobs.part(large_blob(office)).append(bytes(LARGE + 1))
    assert kiosk.sync(server.url).activated == second.release


def test_nothing_compressed_is_asked_for(
    kiosk: Kiosk, server: Server, second: Announcement
) -> None:
    kiosk.sync(server.url)
    assert {each.encoding for each in server.asked} == {"identity"}


def test_a_redirect_within_the_origin_is_followed(
    kiosk: Kiosk, server: Server, office: HeadOffice, second: Announcement
) -> None:
    moved = office.path / "moved.json"
    moved.write_bytes((office.path / "metadata" / "timestamp.json").read_bytes())
    server.once("metadata/timestamp.json", does.sent_on("/moved.json"))
    assert kiosk.sync(server.url).activated == second.release


OK = b"HTTP/1.1 200 OK\r\n"
UGLY = {
    "nothing": b"",
    "an empty line": b"\r\n",
    "half a status": b"HTTP/1.1",
    "a status of letters": b"HTTP/1.1 abc def\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "zeros": bytes(1000),
    "a length below zero": OK + b"Content-Length: -5\r\n\r\nabc",
    "a length of letters": OK + b"Content-Length: many\r\n\r\nabc",
    "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a length of a thousand digits": OK + b"Content-Length: " + b"9" * 1000 + b"\r\n\r\nabc",
    "a chunk of letters": OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk below zero": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n0\r\n\r\n",
    "an endless line": OK + b"X: " + b"a" * 100_000,
    "a thousand lines": OK + b"X: a\r\n" * 1000 + b"\r\n",
    "only forewords": b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
    "zeros in the head": OK + b"X: \0\0\r\nContent-Length: 2\r\n\r\n{}",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "a part": b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\n{}",
    "sent to nonsense": b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "sent to a script": b"HTTP/1.1 302 Found\r\nLocation: data:,x\r\nContent-Length: 0\r\n\r\n",
    "sent to a file": b"HTTP/1.1 302 F\r\nLocation: file:///etc\r\nContent-Length: 0\r\n\r\n",
    "sent nowhere": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "a port of letters": b"HTTP/1.1 302 F\r\nLocation: http://a:b/\r\nContent-Length: 0\r\n\r\n",
    "unknown encoding": OK + b"Content-Encoding: br, zstd\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("case", UGLY)
def test_no_answer_however_ugly_is_more_than_offline(
    case: str, kiosk: Kiosk, server: Server, office: HeadOffice, second: Announcement
) -> None:
    for fragment in ("metadata/timestamp", "targets/", large_blob(office)):
        server.always(fragment, does.raw(UGLY[case]))
        assert kiosk.sync(server.url).status.state is SyncState.OFFLINE, fragment
        server.honest()


def test_while_nobody_answers_other_words_are_no_news() -> None:
    before = as_status(cut_off("x", "after 1 byte"), None, "stable", "now", SyncStatus())
    again = as_status(cut_off("x", "after 2 bytes"), None, "stable", "later", before)
    other = as_status(unreachable("x", "no route"), None, "stable", "later", before)
    assert again == before
    assert (other.code, other.at) == ("unreachable", "later")
