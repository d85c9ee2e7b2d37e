# SPDX-License-Identifier: Apache-2.0
"""Head office's end: every event is kept once, whatever database it is in and whoever sends it."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from postgres_server import postgres, running_server  # noqa: F401 - a fixture
from upload_parts import KIOSK, event

from kiosk.errors import StateError, UsageError
from kiosk.event import MAX_BYTES
from kiosk.receive import EventStore, MemoryEvents, Query, Tokens, create_receiver
from kiosk.receive.sql import open_events, postgres_events, sqlite_events
from kiosk.receive.tokens import add_token

OTHER = "another"


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventStore]:
    made: dict[str, Callable[[], EventStore]] = {
        "memory": MemoryEvents,
        "sqlite": lambda: open_events(str(tmp_path / "events.sqlite")),
        "postgresql": lambda: open_events(request.getfixturevalue("postgres").database()),
    }
    with closing(made[request.param]()) as opened:
        yield opened


def test_an_event_is_kept_once_however_often_it_comes(store: EventStore) -> None:
    events = [event(number) for number in range(5)]
    assert store.put(events) == 5
    assert store.put([*events, event(7), event(7)]) == 1
    assert store.put([]) == 0
    assert list(store.find(Query())) == [*events, event(7)]


def test_what_was_kept_first_stays(store: EventStore) -> None:
    store.put([event(1)])
    assert store.put([event(1, sku="other")]) == 0
    assert list(store.find(Query())) == [event(1)]


def test_events_are_found_by_kiosk_kind_sku_and_time(store: EventStore) -> None:
    events = [
        event(1),
        event(2, kind="confirmation", sku="A1"),
        event(3, kiosk=OTHER, sku="A1"),
        event(4, at="2026-11-23T00:00:00.000000Z"),
    ]
    store.put(events)

    def numbers(**asked: str) -> list[int]:
        return [int(each.event_id, 16) for each in store.find(Query(**asked))]

    assert numbers() == [3, 1, 2, 4]
    assert numbers(kiosk=KIOSK) == [1, 2, 4]
    assert numbers(kind="confirmation") == [2]
    assert numbers(sku="A1") == [3, 2]
    assert numbers(since="2026-11-23") == [4]
    assert numbers(until="2026-11-23") == [3, 1, 2]
    assert numbers(sku="' OR 1 = 1 --") == []
    counted = {(OTHER, "decision"): 1, (KIOSK, "confirmation"): 1, (KIOSK, "decision"): 2}
    assert store.counts(Query()) == counted


def test_more_than_a_page_is_found_whole_and_in_order(store: EventStore) -> None:
    events = [event(number) for number in range(1201)]
    for start in range(0, len(events), 400):
        store.put(events[start : start + 400])
    assert list(store.find(Query())) == events


def test_whatever_a_text_holds_it_comes_back(store: EventStore) -> None:
    odd = event(1, sku="ümläut ' \" \\ \u2028 🧦 %s ? ;", body={"deep": [{"é": [1, None, True]}]})
    store.put([odd])
    assert list(store.find(Query(sku=str(odd.sku)))) == [odd]


def test_several_senders_at_once_count_nothing_twice(store: EventStore) -> None:
    events = [event(number) for number in range(300)]
    new: list[int] = []

    def send() -> None:
        new.extend(store.put(events[start : start + 20]) for start in range(0, 300, 20))

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sum(new) == 300
    assert list(store.find(Query())) == events


def test_a_database_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written"):
        sqlite_events(tmp_path / "file" / "events.sqlite").put([event(1)])
    (tmp_path / "spoiled.sqlite").write_bytes(b"no database" * 1000)
    with closing(sqlite_events(tmp_path / "spoiled.sqlite")) as spoiled, pytest.raises(StateError):
        spoiled.put([event(1)])
    with closing(sqlite3.connect(tmp_path / "newer.sqlite")) as newer:
        newer.execute("PRAGMA user_version = 9")
    with (
        closing(sqlite_events(tmp_path / "newer.sqlite")) as opened,
        pytest.raises(StateError, match="newer"),
    ):
        opened.put([event(1)])


def test_a_database_server_that_restarts_is_found_again() -> None:
    with running_server() as server:
        address = server.database()
        with closing(postgres_events(address)) as kept:
            assert kept.put([event(1)]) == 1
            server.stop()
            with pytest.raises(StateError, match="PostgreSQL"):
                kept.put([event(2)])
            server.start()
            assert kept.put([event(1), event(2)]) == 1
            assert len(list(kept.find(Query()))) == 2


def client(store: EventStore, tokens: dict[str, str] | None = None) -> Any:
    app = create_receiver(store, (tokens or {"t": KIOSK}).get)
    return app.test_client()


RIGHT = {"Authorization": "Bearer t"}


def test_a_batch_with_bad_events_keeps_the_good_ones_and_names_the_bad() -> None:
    kept = MemoryEvents()
    good, bad = event(1).as_json(), {**event(2).as_json(), "kind": 7}
    large = {**event(3).as_json(), "body": {"text": "x" * MAX_BYTES}}
    answer = client(kept).post(
        "/v1/events", json={"events": [bad, good, None, large]}, headers=RIGHT
    )
    assert answer.status_code == 200
    assert answer.json["taken"] == [event(1).event_id]
    assert set(answer.json["refused"]) == {event(2).event_id, event(3).event_id, "None"}
    assert list(kept.find(Query())) == [event(1)]


def test_a_token_speaks_for_its_own_kiosk_only() -> None:
    kept = MemoryEvents()
    both = [event(1).as_json(), event(2, kiosk=OTHER).as_json()]
    answer = client(kept).post("/v1/events", json={"events": both}, headers=RIGHT)
    assert (answer.status_code, answer.json["code"]) == (403, "other_kiosk")
    assert list(kept.find(Query())) == []
    shop = client(kept, {"t": "*"})
    assert shop.post("/v1/events", json={"events": both}, headers=RIGHT).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"events": {}}', 400),
        (b"[" * 100_000, 400),
        (b'{"events": [' + b"0," * 500 + b"0]}", 413),
        (b" " * 20_000_000, 413),
    ],
    ids=["empty", "cut", "list", "object", "deep", "many", "large"],
)
def test_what_is_no_batch_is_refused_whole(body: bytes, status: int) -> None:
    headers = {**RIGHT, "Content-Type": "application/json"}
    answer = client(MemoryEvents()).post("/v1/events", data=body, headers=headers)
    assert answer.status_code == status
    assert {"code", "message"} <= set(answer.json)


def test_a_database_that_is_full_is_no_promise(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with closing(sqlite_events(tmp_path / "file" / "events.sqlite")) as kept:
        answer = client(kept).post(
            "/v1/events", json={"events": [event(1).as_json()]}, headers=RIGHT
        )
    assert (answer.status_code, answer.json["code"]) == (503, "not_stored")


def test_tokens_are_kept_as_hashes_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("# ours")
    first, second = add_token(path, KIOSK), add_token(path, "*")
    tokens = Tokens.read(path)
    assert [tokens.kiosk_of(each) for each in (first, second, "", "x")] == [KIOSK, "*", None, None]
    assert first not in path.read_text()
    with pytest.raises(UsageError, match="no id"):
        add_token(path, "a b")
    path.write_text("plain-token kiosk\n")
    with pytest.raises(StateError, match="line 1"):
        Tokens.read(path)
    with pytest.raises(StateError, match="kiosk receive token"):
        Tokens.read(tmp_path / "none")


def test_a_parcel_is_kept_once_for_each_kiosk(store: EventStore) -> None:
    parcels = [b"one", b"two" * 100_000, b"\0\xff"]
    for parcel in (*parcels, *parcels):
        store.keep(KIOSK, parcel)
    store.keep(OTHER, b"one")
    digests = {sha256(parcel).hexdigest(): parcel for parcel in parcels}
    found = list(store.parcels())
    assert {digest: parcel for kiosk, digest, parcel in found if kiosk == KIOSK} == digests
    assert [parcel for kiosk, _, parcel in found if kiosk == OTHER] == [b"one"]


def test_a_parcel_over_http_is_what_its_sha256_says_or_refused() -> None:
    kept = MemoryEvents()
    digest = sha256(b"one").hexdigest()
    web = client(kept)
    assert web.put(f"/v1/parcels/{KIOSK}/{digest}", data=b"one").status_code == 401
    assert web.put(f"/v1/parcels/{OTHER}/{digest}", data=b"one", headers=RIGHT).status_code == 403
    assert web.put(f"/v1/parcels/{KIOSK}/{digest}", data=b"on", headers=RIGHT).status_code == 422
    assert list(kept.parcels()) == []
    answer = web.put(f"/v1/parcels/{KIOSK}/{digest}", data=b"one", headers=RIGHT)
    assert answer.json == {"kept": digest}
    assert list(kept.parcels()) == [(KIOSK, digest, b"one")]


def test_random_batches_are_a_set(store: EventStore) -> None:
    """Any cut of the same events into batches, in any order, is the same in the end."""
    numbers = list(range(12))
    for size, shift in itertools.product((1, 5, 12), (0, 7)):
        turned = numbers[shift:] + numbers[:shift]
        for start in range(0, 12, size):
            store.put(event(number) for number in turned[start : start + size])
    assert list(store.find(Query())) == [event(number) for number in numbers]
