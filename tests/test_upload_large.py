# SPDX-License-Identifier: Apache-2.0
"""Journal upload through a web server that takes only so much at once, as most of them do."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from upload_parts import KIOSK, entries, journal, serving
from waiting import DEADLINE_S

from kiosk.cli.main import main
from kiosk.errors import TooLarge
from kiosk.event import Event, of_device
from kiosk.journal import JOURNAL_FILE
from kiosk.journal.database import open_for_writing
from kiosk.journal.outbox import Outbox
from kiosk.receive import MemoryEvents, Query, create_receiver
from kiosk.upload import HttpSink, Outgoing, Report, upload
from kiosk.upload.run import SMALL_BYTES
from kiosk.web.sending import is_well, sending_said

PICTURES = b"pictures" * 3000
Parcel = Callable[[Event], bytes | None]


class Proxy:
    """A receiver behind a web server with a limit on bodies."""

    def __init__(self, most_bytes: int) -> None:
        self.store = MemoryEvents()
        self.most_bytes = most_bytes
        self.bodies: list[int] = []
        self.app = Flask("proxy")
        inner = create_receiver(self.store, {"right": KIOSK}.get)

        def limited(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            size = int(environ["CONTENT_LENGTH"] or 0)
            self.bodies.append(size)
            if size <= self.most_bytes:
                return inner.wsgi_app(environ, start)
            environ["wsgi.input"].read(size)
            start("413 Request Entity Too Large", [("Content-Type", "text/html")])
            return [b"<html><h1>413 Request Entity Too Large</h1></html>"]

        self.app.wsgi_app = limited  # type: ignore[method-assign]

    @property
    def taken(self) -> set[str]:
        return {event.event_id for event in self.store.find(Query())}

    def passed(
        self, path: Path, parcel_of: Parcel = lambda event: None, beside: Iterable[Event] = ()
    ) -> Report:
        with (
            serving(self.app) as address,
            Outgoing.open(path, KIOSK) as outgoing,
            closing(HttpSink(address, token="right")) as sink,
        ):
            return upload(
                outgoing, sink, deadline_s=DEADLINE_S, parcel_of=parcel_of, beside=list(beside)
            )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """40 entries."""
    return journal(tmp_path / JOURNAL_FILE, 20)


def ids(path: Path) -> list[str]:
    with Outgoing.open(path, KIOSK) as outgoing:
        return [event.event_id for _, event in outgoing.batch()]


def enlarged(path: Path, entry: int, size: int) -> None:
    with closing(open_for_writing(path)) as connection:
        body = json.dumps({"text": "x" * size})
        connection.execute("UPDATE entries SET body = ? WHERE id = ?", (body, entry))


def test_a_batch_that_is_too_large_goes_in_smaller_ones(path: Path) -> None:
    known, proxy = ids(path), Proxy(5000)
    device = of_device(KIOSK, "a device", "2026-11-22T10:00:00Z")
    report = proxy.passed(path, beside=[device])
    assert (report.sent, report.refused, report.left) == (40, 0, 0)
    assert proxy.taken == {*known, device.event_id}
    too_large = [size for size in proxy.bodies if size > proxy.most_bytes]
    assert too_large == proxy.bodies[: len(too_large)], "the smaller limit is remembered"
    assert 0 < len(too_large) < 6


def test_an_event_that_is_too_large_by_itself_is_refused_and_the_rest_goes_on(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known, proxy = ids(path), Proxy(2 * SMALL_BYTES)
    enlarged(path, 1, 3 * SMALL_BYTES)
    enlarged(path, 7, 3 * SMALL_BYTES)
    report = proxy.passed(path)
    assert (report.sent, report.refused, report.left) == (38, 2, 0)
    assert proxy.taken == set(known) - {known[0], known[6]}
    said = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert sum("client_max_body_size" in text for text in said) == 2


@pytest.mark.parametrize("most_bytes", [0, 100])
def test_a_limit_that_is_no_sensible_one_gives_no_event_up(path: Path, most_bytes: int) -> None:
    proxy = Proxy(most_bytes)
    if not most_bytes:
        enlarged(path, 1, 3 * SMALL_BYTES)
    with pytest.raises(TooLarge, match="client_max_body_size"):
        proxy.passed(path)
    with Outgoing.open(path, KIOSK) as outgoing:
        assert outgoing.left() == entries(path) == 40


def test_pictures_that_are_too_large_stay_owed_and_their_event_goes_without(path: Path) -> None:
    known, proxy = ids(path), Proxy(len(PICTURES) - 1)
    tried: list[str] = []

    def parcel_of(event: Event) -> bytes | None:
        tried.append(event.event_id)
        return PICTURES if event.event_id == known[4] else None

    report = proxy.passed(path, parcel_of)
    assert (report.sent, report.refused, report.left, report.parcels) == (40, 0, 0, 1)
    assert proxy.taken == set(known)
    assert list(proxy.store.parcels()) == []
    assert len(tried) == len(set(tried)) == 40

    sending = Outbox(path).look()
    now = datetime.now(UTC)
    assert (sending.waiting, sending.parcels, is_well(sending, now)) == (0, 1, False)
    said = sending_said(sending, now)
    assert said.startswith("Head office has every entry. The pictures of 1 entries did not go")
    assert "client_max_body_size 16m" in said
    assert "additions export" in said

    proxy.most_bytes = 10**9
    before = path.read_bytes()
    assert proxy.passed(path, parcel_of).parcels == 1, "not again so soon: lines are slow or dear"
    assert path.read_bytes() == before
    with closing(open_for_writing(path)) as connection:
        connection.execute("UPDATE owed SET tried = '2026-01-01T00:00:00Z'")
    assert proxy.passed(path, parcel_of).parcels == 0
    assert [each[2] for each in proxy.store.parcels()] == [PICTURES]
    after = Outbox(path).look()
    assert (after.parcels, is_well(after, now)) == (0, True)


def test_what_is_owed_for_an_entry_that_was_swept_is_owed_no_more(path: Path) -> None:
    proxy = Proxy(len(PICTURES) - 1)
    known = ids(path)
    assert proxy.passed(path, lambda event: PICTURES if event.event_id == known[4] else None)
    with closing(open_for_writing(path)) as connection:
        connection.execute("UPDATE owed SET tried = '2026-01-01T00:00:00Z'")
        connection.execute("DELETE FROM entries WHERE id = 5")
    assert proxy.passed(path).parcels == 0


def test_the_command_says_what_head_office_must_set(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy = Proxy(len(PICTURES) - 1)
    first = ids(path)[0]
    proxy.passed(path, lambda event: PICTURES if event.event_id == first else None)
    state = ("--state", str(path.parent), "--set", "upload.url=http://127.0.0.1:9")
    assert main(["upload", "show", *state]) == os.EX_OK
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert "client_max_body_size 16m" in rows["state"]
    assert rows["parcels"] == "1 not sent, too large"
