# SPDX-License-Identifier: Apache-2.0
"""The desk with its real database: restarts, kills, disks that refuse, many hands at once."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from killed_process import killed_after, python
from order_parts import Notebook, Shelf, decision, order, records
from waiting import DEADLINE_S, until

from kiosk.errors import OrderError, StateError
from kiosk.orders import changes, database
from kiosk.orders.articles import Articles
from kiosk.orders.desk import OrderDesk
from kiosk.orders.result import unchanged
from kiosk.orders.values import Order, OrderState, Stage, Verdict
from kiosk.values import Decision, Outcome, Record

A = Outcome.ACCEPTED
LINES = order(("A", 3), ("B", 1)).lines


class Desk(OrderDesk):
    """A desk whose posts can be waited for."""

    def __init__(
        self, path: Path, *, save_s: float = DEADLINE_S, articles: Articles | None = None
    ) -> None:
        self.book = Notebook()
        self.posted: list[OrderState | None] = []
        super().__init__(
            path,
            articles=articles or Shelf(),
            notes=self.book,
            post=self.posted.append,
            save_s=save_s,
            retry_s=0.02,
        )

    def show(self, visit: str, outcome: Outcome, *skus: str) -> Verdict | None:
        made = decision(visit, outcome, *skus)
        return self.decision(made, records(made))

    def sees(self, condition: Callable[[OrderState], object]) -> OrderState:
        """The posted state once it is so."""

        def now() -> OrderState | None:
            state = self.state()
            return state if state is not None and condition(state) else None

        found = until(now, "a state of the order", DEADLINE_S)
        assert found is not None
        return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / database.ORDERS_FILE


@pytest.fixture
def desk(path: Path) -> Iterator[Desk]:
    desk = Desk(path)
    desk.start()
    yield desk
    desk.close()


def opened(desk: Desk, number: str = "PO-1") -> str:
    made = desk.create(number, LINES)
    desk.open(made.order_id)
    return made.order_id


def impatient(path: Path) -> tuple[Desk, str]:
    """With an open order, which was saved however long that took; from then on it waits no more."""
    patient = Desk(path)
    patient.start()
    order_id = opened(patient)
    patient.close()
    desk = Desk(path, save_s=0.1)
    desk.start()
    desk.sees(lambda state: state.order_id == order_id)
    return desk, order_id


def test_without_an_open_order_decisions_are_none_of_the_desks(desk: Desk) -> None:
    desk.create("PO-1", LINES)
    assert desk.show("1", A, "A") is None
    assert desk.state() is None


def test_an_order_is_checked_and_signed_and_the_result_stays_as_it_was(
    desk: Desk, path: Path
) -> None:
    order_id = opened(desk)
    assert desk.show("1", A, "A") is Verdict.MATCH
    assert desk.show("2", Outcome.CHOOSE, "C", "A") is Verdict.UNSURE
    state = desk.sees(lambda state: state.last and state.last.offers)
    assert state.last is not None
    assert [offer.sku for offer in state.last.offers] == ["A", "C"]
    assert desk.confirmation("d-2", "A") is Verdict.MATCH
    state = desk.sees(lambda state: state.lines[0].counted == 2)
    assert [(line.name, line.known) for line in state.lines] == [
        ("Oat flakes", True),
        ("Rice", True),
    ]
    signed = desk.close_order(order_id, " Ada ")
    assert (signed.signed_by, signed.outcome) == ("Ada", "with differences")
    assert desk.book.noted.wait(DEADLINE_S)
    kind, body = desk.book.notes[0]
    assert (kind, body["sha256"], body["release"]) == ("signed", signed.sha256, "r1")
    assert desk.state() is None and desk.show("3", A, "A") is None
    kept, again = desk.order(order_id)
    assert (kept.stage, again) == (Stage.CLOSED, signed)
    assert again is not None and unchanged(again)
    with pytest.raises(OrderError) as caught:
        desk.close_order(order_id, "Ada")
    assert caught.value.code == "order_closed"


def test_the_open_order_survives_a_restart_with_its_counts(desk: Desk, path: Path) -> None:
    order_id = opened(desk)
    desk.show("1", A, "A")
    desk.change(order_id, lambda order: changes.expect(order, 1))
    desk.close()
    later = Desk(path)
    later.start()
    state = later.sees(lambda state: True)
    assert (state.order_id, state.lines[0].counted, state.expecting) == (order_id, 1, 1)
    assert later.show("1", A, "A") is Verdict.MATCH, "the same visit still counts once"
    assert later.show("2", A, "B") is Verdict.WRONG_ITEM
    assert later.order(order_id)[0].counted(1) == 1
    later.close()


def test_opening_another_order_keeps_the_counts_of_the_first(desk: Desk) -> None:
    first = opened(desk)
    desk.show("1", A, "A")
    second = opened(desk, "PO-2")
    desk.show("2", A, "B")
    assert desk.order(first)[0].stage is Stage.WAITING
    desk.open(first)
    state = desk.sees(lambda state: state.order_id == first)
    assert [line.counted for line in state.lines] == [1, 0]
    assert state.last is None
    assert desk.order(second)[0].counted(2) == 1
    stages = {each.number: each.stage for each, _ in desk.orders()}
    assert stages == {"PO-1": Stage.OPEN, "PO-2": Stage.WAITING}


def test_a_list_sent_twice_is_one_order_and_another_list_under_its_number_is_refused(
    desk: Desk,
) -> None:
    assert desk.create("PO-1", LINES).order_id == desk.create("PO-1", LINES).order_id
    with pytest.raises(OrderError) as caught:
        desk.create("PO-1", order(("A", 1)).lines)
    assert caught.value.code == "order_exists"


def test_undo_is_seen_and_a_question_stays_open(desk: Desk) -> None:
    order_id = opened(desk)
    desk.show("1", A, "A")
    desk.show("2", Outcome.CHOOSE, "A", "B")
    desk.change(order_id, changes.undo)
    state = desk.sees(lambda state: state.lines[0].counted == 0)
    assert state.last is not None and state.last.verdict is Verdict.UNSURE
    assert not state.can_undo


def test_what_a_person_calls_wrong_is_taken_back_at_once(desk: Desk) -> None:
    opened(desk)
    made = decision("1", A, "A")
    desk.decided(made, records(made))
    desk.sees(lambda state: state.lines[0].counted == 1)
    desk.refused(made)
    assert desk.sees(lambda state: state.lines[0].counted == 0).last is None


def test_names_follow_the_catalog_that_answers(path: Path) -> None:
    class Empty(Shelf):
        def record(self, sku: str) -> Record | None:
            return None if self.release() == "" else super().record(sku)

        def release(self) -> str:
            return now[0]

    now = [""]
    desk = Desk(path, articles=Empty())
    desk.start()
    opened(desk)
    assert [line.name for line in desk.sees(lambda state: True).lines] == ["A", "B"]
    now[0] = "r1"
    desk.catalog_changed()
    assert desk.sees(lambda state: state.lines[0].known).lines[0].name == "Oat flakes"
    desk.close()


def test_names_that_are_no_signature_are_refused(desk: Desk) -> None:
    order_id = opened(desk)
    for name in ("", "  ", "x" * 81, "a\nb"):
        with pytest.raises(OrderError) as caught:
            desk.close_order(order_id, name)
        assert caught.value.code == "bad_name"


def test_a_result_the_journal_may_not_have_is_noted_again_at_the_next_start(path: Path) -> None:
    desk = Desk(path)
    desk.book.works = False
    desk.start()
    signed = desk.close_order(opened(desk), "Ada")
    assert desk.book.noted.wait(DEADLINE_S)
    desk.close()
    for expected in ([("signed", signed.sha256)], []):
        later = Desk(path)
        later.start()
        assert [(kind, body["sha256"]) for kind, body in later.book.notes] == expected
        later.close()


def test_many_threads_at_once_count_every_visit_once(desk: Desk) -> None:
    lines = order(("A", 500), ("B", 500)).lines
    order_id = desk.create("PO-1", lines).order_id
    desk.open(order_id)

    def many(sku: str) -> None:
        for visit in range(60):
            desk.show(f"{sku}-{visit}", A, sku)

    threads = [threading.Thread(target=many, args=(sku,)) for sku in "ABAB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = desk.order(order_id)[0]
    assert (kept.counted(1), kept.counted(2)) == (60, 60)


CHILD = """
import sys, pathlib
from order_parts import Notebook, Shelf, decision, order, records
from kiosk.orders.desk import OrderDesk
from kiosk.values import Outcome

def post(state):
    if state is not None:
        print(state.order_id, state.lines[0].counted, flush=True)

path = pathlib.Path(sys.argv[1])
desk = OrderDesk(path, articles=Shelf(), notes=Notebook(), post=post)
desk.start()
made = desk.create("PO-1", order(("A", 90000), ("B", 1)).lines)
desk.open(made.order_id)
visit = 0
while True:
    visit += 1
    each = decision(f"{visit}", Outcome.ACCEPTED, "A")
    desk.decision(each, records(each))
    if visit % 20 == 0:
        desk.change(made.order_id, lambda order: order)  # no further ahead than this
"""


@pytest.mark.parametrize("seen", [1, 3, 17, 60, 141])
def test_whatever_was_seen_before_a_kill_is_there_after_it(path: Path, seen: int) -> None:
    with python(CHILD, path) as child:
        order_id, counted = killed_after(child, seen + 1)[-1].split()
    desk = Desk(path)
    desk.start()
    state = desk.sees(lambda state: True)
    kept = desk.order(order_id)[0]
    assert state.order_id == order_id
    assert kept.counted(1) in (int(counted), int(counted) + 1), "written, maybe not yet seen"
    assert [count.number for count in kept.counts] == list(range(1, len(kept.counts) + 1))
    assert desk.show("new", A, "B") is Verdict.MATCH
    desk.close()


def test_while_the_disk_refuses_counts_are_shown_with_the_reason_and_saved_later(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk, order_id = impatient(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("ALTER TABLE counts RENAME TO gone")
        assert desk.show("1", A, "A") is Verdict.MATCH
        state = desk.sees(lambda state: state.trouble)
        assert state.lines[0].counted == 1 and "not saved" in state.trouble
        with pytest.raises(OrderError) as caught:
            desk.change(order_id, lambda order: changes.count_by_hand(order, 1, 1, "torn", "now"))
        assert caught.value.code == "not_saved"
        assert len(caplog.records) == 1, "said once, though it was tried again and again"
        blocker.execute("ALTER TABLE gone RENAME TO counts")
    desk.sees(lambda state: not state.trouble and state.lines[0].counted == 2)
    assert "can be written again" in caplog.records[-1].message
    desk.close()
    with database.reading(path) as connection:
        assert database.found(connection, order_id)[0].counted(1) == 2


def test_an_order_whose_signature_waits_for_the_disk_is_closed_and_not_unknown(path: Path) -> None:
    desk, order_id = impatient(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute(
            "CREATE TRIGGER full BEFORE INSERT ON results BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        codes = []
        for name in ("Ann", "Eve"):
            with pytest.raises(OrderError) as caught:
                desk.close_order(order_id, name)
            codes.append(caught.value.code)
        assert codes == ["not_saved", "order_closed"]
        blocker.execute("DROP TRIGGER full")
    until(lambda: desk.order(order_id)[1], "the result on the disk", DEADLINE_S)
    signed = desk.order(order_id)[1]
    assert signed is not None and signed.signed_by == "Ann"
    desk.close()


def test_a_damaged_file_is_kept_aside_and_the_open_order_goes_on(path: Path) -> None:
    desk = Desk(path)
    desk.start()
    order_id = opened(desk)
    desk.show("1", A, "A")
    desk.sees(lambda state: state.lines[0].counted == 1)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (size - 100))
    desk.show("2", A, "A")
    state = desk.sees(lambda state: state.lines[0].counted == 2)
    desk.close()
    aside = list(path.parent.glob("*.corrupt-*"))
    if not state.trouble:  # SQLite had every page it needed in memory: nothing was noticed
        pytest.skip("this SQLite did not notice")
    assert aside and "damaged" in state.trouble
    with database.reading(path) as connection:
        assert database.found(connection, order_id)[0].counted(1) == 2


def test_a_file_that_is_removed_under_a_running_kiosk_is_begun_again(path: Path) -> None:
    desk = Desk(path)
    desk.start()
    order_id = opened(desk)
    desk.show("1", A, "A")
    desk.sees(lambda state: state.lines[0].counted == 1)
    path.unlink()
    desk.show("2", A, "A")
    desk.sees(lambda state: state.lines[0].counted == 2 and not state.trouble)
    desk.close()
    with database.reading(path) as connection:
        assert database.found(connection, order_id)[0].counted(1) == 2


def test_an_order_that_is_closed_while_its_file_is_gone_is_kept_whole(path: Path) -> None:
    desk = Desk(path)
    desk.start()
    order_id = opened(desk)
    desk.show("1", A, "A")
    desk.sees(lambda state: state.lines[0].counted == 1)
    path.unlink()
    signed = desk.close_order(order_id, "Ann")
    assert desk.order(order_id)[0].counted(1) == 1
    desk.close()
    with database.reading(path) as connection:
        order, kept = database.found(connection, order_id)
    assert (order.stage, order.lines, order.counted(1)) == (Stage.CLOSED, LINES, 1)
    assert kept == signed


ALTERED = {
    "a count that is no text of ours": "UPDATE counts SET body = '{'",
    "a count without its verdict": "UPDATE counts SET body = '{}'",
    "a count of a line there is not": "UPDATE counts SET body = json_set(body, '$.line', 9)",
    "a list that is none": "UPDATE lists SET lines = '[1]'",
    "a list of bytes": "UPDATE lists SET lines = x'ff00'",
    "an unknown stage": "UPDATE orders SET stage = 'opem'",
}


@pytest.mark.parametrize("attack", ALTERED.values(), ids=ALTERED)
def test_one_damaged_order_on_the_disk_never_takes_the_others_with_it(
    path: Path, attack: str
) -> None:
    desk = Desk(path)
    desk.start()
    damaged = opened(desk)
    desk.show("1", A, "A")
    desk.sees(lambda state: state.lines[0].counted == 1)
    desk.close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(attack)
    desk = Desk(path)
    desk.start()
    assert desk.state() is None
    assert opened(desk, "PO-2") in [order.order_id for order, _ in desk.orders()]
    assert desk.show("2", A, "A") is Verdict.MATCH
    desk.sees(lambda state: state.lines[0].counted == 1 and not state.trouble)
    with pytest.raises(StateError, match=damaged):
        desk.order(damaged)
    desk.close()


@pytest.mark.parametrize(
    "attack", ["UPDATE results SET canonical = '{', noted = 0", "UPDATE orders SET closed_at = 'x'"]
)
def test_a_result_that_was_altered_stops_no_kiosk(path: Path, attack: str) -> None:
    desk = Desk(path)
    desk.start()
    desk.close_order(opened(desk), "Ann")
    desk.close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(attack)
    desk = Desk(path)
    desk.start()
    assert opened(desk, "PO-2")
    assert not [note for note in desk.book.notes if note[1]["number"] == "PO-1"]
    desk.close()


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\1" * 5000]
)
def test_garbage_in_place_of_the_file_never_stops_the_kiosk(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    desk = Desk(path)
    desk.start()
    order_id = opened(desk)
    assert desk.show("1", A, "A") is Verdict.MATCH
    assert "damaged" in desk.sees(lambda state: state.lines[0].counted).trouble
    assert desk.order(order_id)[0].counted(1) == 1
    desk.close()
    assert any(content == kept.read_bytes() for kept in path.parent.glob("*.corrupt-*"))


def test_a_folder_in_place_of_the_file_is_said_and_orders_work_in_memory(path: Path) -> None:
    path.mkdir()
    desk = Desk(path, save_s=0.05)
    desk.start()
    with pytest.raises(OrderError) as caught:
        desk.create("PO-1", LINES)
    assert caught.value.code == "not_saved"
    path.rmdir()
    made = until(lambda: listing(desk), "the order on the disk")
    assert [each.number for each, _ in made] == ["PO-1"]
    desk.close()


def listing(desk: Desk) -> list[tuple[Order, str]]:
    try:
        return desk.orders()
    except StateError:
        return []


def test_a_newer_kiosks_file_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    desk = Desk(path, save_s=0.05)
    desk.start()
    with pytest.raises(StateError, match="newer kiosk"):
        desk.orders()
    desk.close()
    assert path.read_bytes() == before


def test_old_results_are_forgotten_but_not_because_a_clock_runs_ahead(path: Path) -> None:
    desk = Desk(path)
    desk.start()
    desk.close_order(opened(desk), "Ada")
    desk.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        old = "2020-01-01T00:00:00.000+00:00"
        other.execute("UPDATE orders SET closed_at = ?", (old,))
        assert database.forget(other, 400) == 0, "nothing newer says that time has passed"
        body = json.dumps([{"number": 1, "quantity": 1, "sku": "A"}])
        row = ("x", "PO-9", "closed", old, 0, "2026-11-22T12:00:00.000+00:00")
        other.execute("INSERT INTO orders VALUES (?,?,?,?,?,?)", row)
        other.execute("INSERT INTO lists VALUES ('x', ?)", (body,))
        assert database.forget(other, 400) == 1
        assert other.execute("SELECT number FROM orders").fetchall() == [("PO-9",)]


def test_the_decision_of_long_ago_cannot_be_tapped(desk: Desk) -> None:
    opened(desk)
    made: Decision = decision("0", Outcome.CHOOSE, "A", "B")
    desk.decision(made, records(made))
    for visit in range(1, 80):
        desk.show(str(visit), Outcome.UNKNOWN)
    assert desk.confirmation("d-0", "A") is None
    assert desk.confirmation("d-79", "A") is Verdict.MATCH
