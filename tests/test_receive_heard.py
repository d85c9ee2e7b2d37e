# SPDX-License-Identifier: Apache-2.0
"""What head office sees of a copied memory card, a moved one, and a clock that cannot be right."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_receive import store
from upload_parts import DEADLINE_S, KIOSK, event, journal, serving

from kiosk.cli.main import main
from kiosk.errors import StateError
from kiosk.event import of_device
from kiosk.journal.entries import instant
from kiosk.receive import EventStore, Query, create_receiver
from kiosk.receive.heard import Heard, remarks
from kiosk.receive.sql import open_events, sqlite_events
from kiosk.receive.tokens import TokenFile, add_token
from kiosk.upload import HttpSink, Outgoing, upload
from kiosk.upload.device import device_of

__all__ = ["store"]
ONE, OTHER = "1" * 16, "2" * 16


def heard(store: EventStore, *devices: str, at: str = "") -> list[str]:
    """What is to be said once these have sent, one after the other."""
    for device in devices:
        store.put([event(1), of_device(KIOSK, device, at or instant(datetime.now(UTC)))])
    return remarks(store.heard()).get(KIOSK, [])


def test_one_device_is_nothing_to_speak_of(store: EventStore) -> None:
    assert heard(store, ONE, ONE, ONE) == []
    (row,) = store.heard()
    assert (row.kiosk, row.device, row.returns) == (KIOSK, ONE, 0)
    assert row.first < row.last
    assert store.counts(Query(kind="device")) == {(KIOSK, "device"): 1}, "one for every day"


def test_a_copied_card_is_seen_once_both_have_sent_again(store: EventStore) -> None:
    (moved,) = heard(store, ONE, OTHER)
    assert "was moved, or copied" in moved
    (copied,) = heard(store, ONE)
    assert "2 devices send as this kiosk in turn: its memory card was copied" in copied
    assert "store/kiosk_id" in copied


def test_a_clock_that_cannot_be_right_is_seen(store: EventStore) -> None:
    (off,) = heard(store, ONE, at="1971-01-01T00:03:00.000000Z")
    assert off.startswith("its clock said 1971-01-01T00:03 at 20")
    assert heard(store, ONE) == [], "it was set"


def test_a_device_event_of_anybodys_making_breaks_nothing(store: EventStore) -> None:
    for body in ({}, {"device": 7}, {"device": "x" * 9000}):
        odd = event(1, kind="device", event_id=f"{len(str(body)):032x}", body=body, at="yesterday")
        store.put([odd])
    assert [len(each.device) for each in store.heard()] == [64]
    assert len(remarks(store.heard())[KIOSK]) == 1


def test_remarks_are_each_kiosks_own() -> None:
    now = "2026-11-22T10:00:00Z"
    alone, first, second = (Heard(each, ONE, now, now, now) for each in "abb")
    rows = [alone, first, replace(second, device=OTHER, returns=1)]
    assert list(remarks(rows)) == ["b"]


def test_what_was_mended_is_not_spoken_of_for_ever() -> None:
    old, day, now = "2026-11-01T10:00:00Z", "2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z"
    mended = Heard("a", ONE, old, old, old, returns=9)
    assert remarks([mended, Heard("a", OTHER, old, now, now, returns=9)]) == {}
    still = Heard("a", ONE, old, day, day, returns=9)
    assert list(remarks([still, Heard("a", OTHER, old, now, now)])) == ["a"]


def test_an_upload_tells_its_device_with_the_first_batch(tmp_path: Path) -> None:
    path = journal(tmp_path / "journal.sqlite", 150)
    with (
        closing(sqlite_events(tmp_path / "office.sqlite")) as office,
        serving(create_receiver(office, {"right": KIOSK}.get)) as address,
        Outgoing.open(path, KIOSK) as outgoing,
        closing(HttpSink(address, token="right")) as sink,
    ):
        beside = [of_device(KIOSK, ONE, "2026-11-22T10:00:00Z")]
        report = upload(outgoing, sink, deadline_s=DEADLINE_S, beside=beside)
        assert (report.sent, report.left) == (300, 0), "only what the journal holds is counted"
        assert [each.device for each in office.heard()] == [ONE]


def test_a_device_is_known_by_what_its_card_does_not_hold(tmp_path: Path) -> None:
    def put(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    seen = [device_of(KIOSK, tmp_path)]
    put("etc/machine-id", "0123\n")
    seen.append(device_of(KIOSK, tmp_path))
    for name, made_up, address in (
        ("lo", "0", "00:00:00:00:00:00"),
        ("eth0", "1", "aa:bb:cc:00:00:01"),
        ("wlan0", "0", "aa:bb:cc:00:00:02"),
    ):
        put(f"sys/class/net/{name}/addr_assign_type", f"{made_up}\n")
        put(f"sys/class/net/{name}/address", f"{address}\n")
        seen.append(device_of(KIOSK, tmp_path))
    put("sys/firmware/devicetree/base/serial-number", "10000000abcdef01\0")
    seen.append(device_of(KIOSK, tmp_path))
    machine = seen[1]
    assert seen == ["", machine, machine, machine, seen[4], seen[5]]
    assert len({machine, seen[4], seen[5], device_of("another", tmp_path)}) == 4
    assert all(len(each) == 16 for each in seen[1:])


def test_a_token_that_is_made_while_it_runs_is_known(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    with pytest.raises(StateError, match="kiosk receive token"):
        TokenFile(path)
    first = add_token(path, "first")
    tokens = TokenFile(path)
    second = add_token(path, "second")
    assert [tokens.kiosk_of(each) for each in (first, second, "x")] == ["first", "second", None]
    path.write_text("no token at all\n")
    assert tokens.kiosk_of(second) == "second", "a slip of the pen shuts nobody out"
    path.unlink()
    assert tokens.kiosk_of(second) == "second"


def test_the_commands_say_it_and_make_no_database_by_asking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "office.sqlite"
    asked = ("--database", str(database))
    for verb in (("query",), ("kiosks",), ("parcels", str(tmp_path / "in"))):
        assert main(["receive", *verb, *asked]) == os.EX_CANTCREAT
        assert "there is no database at" in capsys.readouterr().err
    assert not database.exists()
    with closing(open_events(str(database))) as office:
        heard(office, ONE, OTHER, ONE)
    assert main(["receive", "kiosks", *asked]) == os.EX_OK
    kiosks = capsys.readouterr()
    assert [line.split()[:2] for line in kiosks.out.splitlines()] == [[KIOSK, OTHER], [KIOSK, ONE]]
    assert "was copied" in kiosks.err
    assert main(["receive", "query", "--counts", *asked]) == os.EX_OK
    assert capsys.readouterr().err == kiosks.err
