# SPDX-License-Identifier: Apache-2.0
"""Journal upload: how large a batch gets, how far a mark goes, and answers that are half right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, Response
from upload_parts import KIOSK, entries, journal, serving
from waiting import DEADLINE_S

from kiosk.errors import Held, Offline, StateError
from kiosk.event import MAX_BATCH_BYTES, MOST_EVENTS, Event
from kiosk.journal.database import open_for_writing
from kiosk.upload import HttpSink, MemorySink, Outgoing, Receipt, upload


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Ten entries."""
    return journal(tmp_path / "journal.sqlite", 5)


class Slowly(MemorySink):
    """Takes, of each batch, only the first that it has not got yet; refuses what it is told to."""

    def __init__(self, refused: Sequence[int] = (), gap: int = MOST_EVENTS) -> None:
        super().__init__()
        self.refused = refused
        self.gap = gap
        self.sizes: list[int] = []

    def send(self, events: Sequence[Event]) -> Receipt:
        self.sizes.append(len(events))
        ids = [each.event_id for each in events]
        reasons = {ids[n]: "too strange" for n in self.refused if n < len(ids)}
        gap, self.gap, self.refused = self.gap, MOST_EVENTS, ()
        taken = [each for n, each in enumerate(ids) if n != gap and each not in reasons]
        self.events |= {each.event_id: each for each in events if each.event_id in taken}
        return Receipt(frozenset(taken), reasons)


def test_a_batch_is_bounded_in_bytes_and_goes_on_where_it_ended(path: Path) -> None:
    evidence = json.dumps({"text": "x" * (MAX_BATCH_BYTES // 2)})
    with closing(open_for_writing(path)) as connection:
        connection.execute("UPDATE entries SET body = ?", (evidence,))
        connection.commit()
    sink = Slowly()
    with Outgoing.open(path, KIOSK) as outgoing:
        assert len(outgoing.batch()) == 2
        assert upload(outgoing, sink, deadline_s=DEADLINE_S).sent == 10
    assert sink.sizes == [2] * 5
    assert len(sink.events) == 10


def test_an_entry_larger_than_a_batch_goes_alone(path: Path) -> None:
    evidence = json.dumps({"text": "x" * MAX_BATCH_BYTES})
    with closing(open_for_writing(path)) as connection:
        connection.execute("UPDATE entries SET body = ? WHERE id = 1", (evidence,))
        connection.commit()
    sink = Slowly()
    with Outgoing.open(path, KIOSK) as outgoing:
        upload(outgoing, sink, deadline_s=DEADLINE_S)
    assert sink.sizes == [1, 9]


def test_a_mark_never_goes_back(path: Path) -> None:
    with Outgoing.open(path, KIOSK) as outgoing:
        outgoing.mark(7)
        outgoing.mark(3)
        assert outgoing.left() == 3
        assert outgoing.batch()[0][0] == 8


def test_takers_have_marks_of_their_own(path: Path) -> None:
    with Outgoing.open(path, KIOSK) as outgoing:
        outgoing.mark(7)
    with Outgoing.open(path, KIOSK, "another") as outgoing:
        assert outgoing.left() == entries(path) == 10


def test_when_the_time_is_up_nothing_more_is_sent(path: Path) -> None:
    sink = Slowly()
    with Outgoing.open(path, KIOSK) as outgoing:
        report = upload(outgoing, sink, deadline_s=0.0)
    assert (report.sent, report.refused, report.left) == (0, 0, 10)
    assert sink.sizes == []


def test_what_is_refused_behind_a_gap_is_counted_when_its_turn_comes(path: Path) -> None:
    sink = Slowly(refused=[1, 6], gap=4)
    with Outgoing.open(path, KIOSK) as outgoing:
        report = upload(outgoing, sink, deadline_s=DEADLINE_S)
    # The seventh was refused in the first batch, sent again behind the gap, and taken then.
    assert sink.sizes == [10, 6]
    assert (report.sent, report.refused, report.left) == (9, 1, 0)


def test_a_gap_at_the_very_beginning_is_said_and_nothing_is_marked(path: Path) -> None:
    with Outgoing.open(path, KIOSK) as outgoing:
        with pytest.raises(Offline) as error:
            upload(outgoing, Slowly(gap=0), deadline_s=DEADLINE_S)
        assert error.value.code == "not_taken"
        assert outgoing.left() == 10


def test_a_file_that_is_no_journal_is_said_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StateError, match=r"journal\.sqlite"), Outgoing.open(path, KIOSK):
        pytest.fail("opened")


def answering(status: int, body: object) -> Flask:
    app = Flask("answering")

    @app.route("/v1/<path:where>", methods=["POST", "PUT"])
    def answer(where: str) -> Response:
        return Response(json.dumps(body), status=status, mimetype="application/json")

    return app


@pytest.mark.parametrize("body", [{"kept": "0" * 64}, {"kept": None}, {}, [], "kept"])
def test_a_parcel_that_was_not_kept_as_it_was_sent_was_not_delivered(body: object) -> None:
    with (
        serving(answering(200, body)) as address,
        closing(HttpSink(address, token="t")) as sink,
        pytest.raises(Offline) as error,
    ):
        sink.deliver(KIOSK, b"pictures")
    assert error.value.code == "not_a_receipt"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413])
def test_an_answer_that_waiting_does_not_change_is_held(path: Path, status: int) -> None:
    whole = {"taken": [], "refused": {}, "kept": ""}
    with (
        serving(answering(status, whole)) as address,
        closing(HttpSink(address)) as sink,
        Outgoing.open(path, KIOSK) as outgoing,
    ):
        with pytest.raises(Held) as error:
            upload(outgoing, sink, deadline_s=DEADLINE_S)
        assert error.value.code == f"http_{status}"
        assert outgoing.left() == 10


@pytest.mark.parametrize("status", [201, 204, 302, 409, 429, 500, 503])
def test_every_other_answer_but_a_good_one_is_tried_again(path: Path, status: int) -> None:
    with Outgoing.open(path, KIOSK) as outgoing:
        ids = [event.event_id for _, event in outgoing.batch()]
    with (
        serving(answering(status, {"taken": ids, "refused": {}})) as address,
        closing(HttpSink(address)) as sink,
        Outgoing.open(path, KIOSK) as outgoing,
    ):
        with pytest.raises(Offline) as error:
            upload(outgoing, sink, deadline_s=DEADLINE_S)
        assert error.value.code == f"http_{status}"
        assert outgoing.left() == 10


def test_a_damaged_entry_keeps_its_name_and_all_that_is_not_damaged(path: Path) -> None:
    with Outgoing.open(path, KIOSK) as outgoing:
        whole = [event for _, event in outgoing.batch()]
    garbled = "{" + "x" * 2000
    with closing(open_for_writing(path)) as connection:
        connection.execute("UPDATE entries SET body = ? WHERE id = 2", (garbled,))
        connection.execute("UPDATE entries SET body = '[]' WHERE id = 3")
        connection.commit()
    with Outgoing.open(path, KIOSK) as outgoing:
        batch = [event for _, event in outgoing.batch()]
    assert batch[1] == replace(whole[1], body={"damaged": garbled[:1000]})
    assert batch[2] == replace(whole[2], body={"damaged": "[]"})
    assert [*batch[:1], *batch[3:]] == [*whole[:1], *whole[3:]]


def test_what_was_lost_is_told_with_the_time_of_the_newest_entry(path: Path) -> None:
    with Outgoing.open(path, KIOSK) as outgoing:
        assert outgoing.lost() is None
        newest = outgoing.batch()[-1][1].at
    with closing(open_for_writing(path)) as connection:
        connection.execute("INSERT INTO dropped(kind, entries) VALUES('decision', 4)")
        connection.commit()
    with Outgoing.open(path, KIOSK) as outgoing:
        lost = outgoing.lost()
        assert lost is not None
        assert (lost.at, dict(lost.body)) == (newest, {"decision": 4})
    with closing(open_for_writing(path)) as connection:
        connection.execute("DELETE FROM entries")
        connection.commit()
    with Outgoing.open(path, KIOSK) as outgoing:
        gone = outgoing.lost()
        assert gone is not None
        assert (gone.at, gone.event_id) == ("", lost.event_id)


def test_what_head_office_refuses_is_in_the_log_with_its_reason(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Outgoing.open(path, KIOSK) as outgoing:
        upload(outgoing, Slowly(refused=[1]), deadline_s=DEADLINE_S)
    said = [each.getMessage() for each in caplog.records if "refuses" in each.getMessage()]
    assert len(said) == 1
    assert said[0].endswith("too strange")
