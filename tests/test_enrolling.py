# SPDX-License-Identifier: Apache-2.0
"""An enrolment from the form to the end, over a real catalog and frames that a test shows."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import zxingcpp
from added_parts import HEIGHT, SIDES, WIDTH, Bench, Feeder, build_release, judged, opened, seen
from killed_process import killed_after, python
from prints import SIDE, face
from test_barcode import drawn
from waiting import until

from kiosk.additions import ADDITIONS_FILE, AdditionStore, Enrolling, beside
from kiosk.additions.onlooker import judged as hindrance
from kiosk.additions.trying import Standing, tried
from kiosk.additions.values import AddedView, EnrolState, Rival, Stage
from kiosk.catalog.snapshot import Snapshot
from kiosk.errors import AdditionError
from kiosk.values import Hint, Match, Pixels, Record

NEW = Record("new", "New", "things", ("4012345678901",))


class Case:
    """One enrolment, and what it said."""

    def __init__(self, bench: Bench, idle_s: float = 600.0) -> None:
        self.bench = bench
        self.said: list[EnrolState] = []
        self.enrolling = Enrolling(
            bench.desk, bench.slot.borrow, judged, self.said.append, take_s=1.0, idle_s=idle_s
        )
        self.feeder = Feeder(bench, self.enrolling)

    @property
    def state(self) -> EnrolState:
        return self.said[-1]

    def take(self, item: int, shot: int = 5) -> None:
        self.feeder.show(seen(item, shot))
        self.enrolling.take()

    def refused(self, code: str, item: int | None = None) -> str:
        """The reason why a view, or the start, is refused."""
        with pytest.raises(AdditionError) as caught:
            self.enrolling.take() if item is None else self.take(item)
        assert caught.value.code == code
        return str(caught.value)


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(models, tmp_path_factory.mktemp("release"))


@pytest.fixture
def case(models: Path, release: Path) -> Iterator[Case]:
    with opened(models, release) as bench:
        made = Case(bench)
        with made.feeder:
            yield made


def test_from_the_form_to_an_item_that_is_found(case: Case) -> None:
    case.enrolling.start(NEW)
    for number, side in enumerate(SIDES, 1):
        case.take(side)
        assert len(case.state.views) == number
        assert case.enrolling.view(case.state.session, number - 1) is not None
    case.enrolling.finish()
    done = case.state
    assert (done.stage, done.record, done.more) == (Stage.DONE, NEW, False)
    assert case.bench.look(101, shot=9)[0].sku == "new"
    assert case.bench.desk.status().lines[0].addition_id == done.addition_id
    stages = [state.stage for state in case.said]
    assert stages.index(Stage.VIEWS) < stages.index(Stage.TRYING) < stages.index(Stage.DONE)
    case.enrolling.cancel()
    assert case.state.stage is Stage.IDLE


def test_the_same_side_twice_is_one_view(case: Case) -> None:
    case.enrolling.start(NEW)
    case.take(100)
    assert "turn the item" in case.refused("same_view", 100)
    assert len(case.state.views) == 1


def test_fewer_than_three_views_are_not_enough(case: Case) -> None:
    case.enrolling.start(NEW)
    for side in SIDES[:2]:
        case.take(side)
    with pytest.raises(AdditionError) as caught:
        case.enrolling.finish()
    assert caught.value.code == "too_few"
    assert case.bench.desk.status().lines == ()


def print_only(design: int) -> Pixels:
    """A printed face, whose print alone tells it."""
    pixels = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    pixels[30 : 30 + SIDE, 90 : 90 + SIDE] = face(design)
    return pixels


def tiny() -> Pixels:
    """Too far away."""
    return tiny_models.picture(100, 5, 240, 180)


def cut_off() -> Pixels:
    """Half of it is out of view."""
    return np.roll(seen(100), WIDTH // 3, axis=1)


def blown_out() -> Pixels:
    """Nothing but light."""
    pixels = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    pixels[80:280, 140:340] = 255
    return pixels


@pytest.mark.parametrize("poor", [tiny, cut_off, blown_out, lambda: seen(-1)])
def test_a_poor_view_is_not_taken_and_the_page_says_what_to_do(case: Case, poor) -> None:
    case.enrolling.start(NEW)
    case.feeder.show(poor())
    case.refused("not_seen")
    assert not case.state.good
    assert case.state.views == ()
    case.take(100)
    assert case.state.good and case.state.hint is None


def test_beside_another_item_no_view_is_taken(case: Case) -> None:
    case.feeder.show(seen(100))
    sight = case.feeder.sight
    assert hindrance(sight) is None
    two = dataclasses.replace(sight, detections=sight.detections * 2)
    assert hindrance(two) is Hint.ONE_ITEM
    with pytest.raises(LookupError):
        hindrance(dataclasses.replace(sight, detections=(), looks=()))


def test_what_is_an_existing_sku_is_said_after_its_first_view(case: Case) -> None:
    case.enrolling.start(NEW)
    case.take(100)
    case.take(3)
    state = case.state
    assert state.stage is Stage.REFUSED
    assert state.rival is not None
    assert (state.rival.sku, state.rival.name, state.rival.view) == ("sku-3", "Item 3", 1)
    assert state.rival.already
    with case.bench.slot.borrow() as snapshot:
        assert snapshot is not None
        assert snapshot.thumbnail(state.rival.reference)[:2] == b"\xff\xd8"
    case.refused("refused", 101)
    with pytest.raises(AdditionError, match="Leave that view out"):
        case.enrolling.finish()
    case.enrolling.again()
    assert (case.state.stage, case.state.views) == (Stage.VIEWS, (0,))


def test_what_the_live_kiosk_accepts_is_that_sku_however_it_came_to_it(case: Case) -> None:
    """Such as by its print: similarities alone would let this one in."""

    def by_its_print(snapshot: Snapshot, view: AddedView) -> tuple[Match, ...]:
        return (Match("sku-3", 1.0, 90), Match("sku-1", 0.2, 30))

    with case.bench.slot.borrow() as snapshot:
        assert snapshot is not None
        views = [case.bench.view(side)[1] for side in SIDES]
        assert isinstance(tried(snapshot, "new", views, judged), Standing)
        found = tried(snapshot, "new", views, by_its_print)
    assert isinstance(found, Rival)
    assert (found.sku, found.already) == ("sku-3", True)


def test_more_views_of_a_known_sku_take_over_its_record(case: Case) -> None:
    case.enrolling.start(Record("sku-2", "another name", ""))
    assert case.state.more and case.state.record.name == "Item 2"
    for side in SIDES:
        case.take(side)
    case.enrolling.finish()
    assert case.state.stage is Stage.DONE
    assert case.bench.look(100)[0].sku == "sku-2"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (Record("new", "", ""), "no_name"),
        (Record("", "Name", ""), "bad_sku"),
        (Record("a\x00b", "Name", ""), "bad_sku"),
        (Record("new", "Na\nme", ""), "bad_text"),
        (Record("new", "N" * 121, ""), "bad_text"),
        (Record("new", "Name", "", ("4006381333931",)), "filed"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_any_view(case: Case, record, code: str) -> None:
    with pytest.raises(AdditionError) as caught:
        case.enrolling.start(record)
    assert caught.value.code == code
    assert case.said == []


def test_a_barcode_alone_names_the_sku(case: Case) -> None:
    case.enrolling.start(Record("", "Name", "", ("4012345678901",)))
    assert case.state.record.sku == "4012345678901"


@pytest.mark.parametrize(("code", "sku"), [("4006381333931", "sku-1"), ("4012345678901", "")])
def test_a_barcode_is_read_and_the_sku_it_belongs_to_said(case: Case, code, sku) -> None:
    label = drawn(code, zxingcpp.BarcodeFormat.EAN13)
    pixels = np.full((480, 640, 3), 30, np.uint8)
    pixels[100 : 100 + label.shape[0], 100 : 100 + label.shape[1]] = label
    case.feeder.show(pixels)
    assert case.enrolling.barcode() == (code, sku)


def test_no_barcode_is_said(case: Case) -> None:
    case.feeder.show(seen(100))
    with pytest.raises(AdditionError) as caught:
        case.enrolling.barcode()
    assert caught.value.code == "no_barcode"


def test_nothing_begins_without_a_catalog(case: Case) -> None:
    case.bench.slot.swap(None)
    with pytest.raises(AdditionError, match="no catalog"):
        case.enrolling.start(NEW)


def test_a_view_can_be_left_out_again(case: Case) -> None:
    case.enrolling.start(NEW)
    case.take(100)
    case.take(101)
    case.enrolling.drop(0)
    assert case.state.views == (1,)
    with pytest.raises(AdditionError):
        case.enrolling.drop(0)
    case.take(100)
    assert case.state.views == (1, 2)


def test_two_taps_add_once(case: Case) -> None:
    case.enrolling.start(NEW)
    for side in SIDES:
        case.take(side)
    refusals: list[str] = []
    together = threading.Barrier(4)

    def tap() -> None:
        together.wait()
        try:
            case.enrolling.finish()
        except AdditionError as error:
            refusals.append(error.code)

    taps = [threading.Thread(target=tap) for _ in range(4)]
    for each in taps:
        each.start()
    for each in taps:
        each.join()
    assert len(refusals) == 3 and set(refusals) <= {"busy", "not_started"}
    assert len(case.bench.desk.status().lines) == 1


def test_a_cancelled_enrolment_leaves_nothing(case: Case) -> None:
    case.enrolling.start(NEW)
    case.take(100)
    session = case.state.session
    case.enrolling.cancel()
    assert case.state == EnrolState()
    assert case.enrolling.view(session, 0) is None
    case.refused("not_started")
    assert case.bench.journal.told == []


def test_what_nobody_goes_on_with_is_given_up(models: Path, release: Path) -> None:
    with opened(models, release) as bench:
        made = Case(bench, idle_s=0.0)
        made.enrolling.start(NEW)
        with made.feeder:
            until(lambda: made.state.stage is Stage.IDLE, "the enrolment given up")


def test_a_new_embedder_in_between_asks_for_the_views_again(case: Case, tmp_path: Path) -> None:
    case.enrolling.start(NEW)
    case.take(100)
    other = tiny_models.write_models(tmp_path / "other", shift=90.0)
    case.bench.locator, case.bench.embedder = tiny_models.open_models(other)
    case.bench.open(build_release(other, tmp_path))
    case.refused("new_model", 101)
    assert case.state.views == ()
    case.take(101)
    assert len(case.state.views) == 1


def test_the_state_is_the_same_value_while_nothing_changes(case: Case) -> None:
    case.enrolling.start(NEW)
    case.feeder.show(seen(100))
    until(lambda: case.state.good, "a good view")
    count = len(case.said)
    until(lambda: len(case.said) > count + 3, "more frames")
    assert case.said[-1] == case.said[-2], "the board wakes nobody"
    assert dataclasses.replace(case.state) == case.state


def enrolled(case: Case) -> None:
    """An item of three sides, to the end."""
    case.enrolling.start(NEW)
    for side in SIDES:
        case.take(side)
    case.enrolling.finish()


ENROLLING = """
    import sys, threading
    from pathlib import Path
    from added_parts import Bench
    from test_enrolling import Case, enrolled
    from kiosk.additions import AdditionStore
    models, release, file = map(Path, sys.argv[1:])
    case = Case(Bench(models, release, AdditionStore(file)))
    with case.feeder:
        enrolled(case)
        print(case.state.addition_id, flush=True)
        threading.Event().wait()
"""


def test_what_is_said_to_be_added_is_there_after_a_kill_in_that_moment(
    models: Path, release: Path, tmp_path: Path
) -> None:
    """Nothing but the enrolment writes here: no beat comes after it."""
    file = tmp_path / ADDITIONS_FILE
    with python(ENROLLING, models, release, file) as process:
        (addition_id,) = killed_after(process, 1)
    (row,) = beside.read(file)
    assert (row.addition_id, row.sku, row.holds) == (addition_id, "new", True)
    store = AdditionStore(file)
    store.start()
    assert set(store.crops(addition_id)) == {view.sha256 for view in row.views}
    store.close()


def test_a_disk_that_does_not_come_back_in_time_holds_up_no_enrolment(
    models: Path, release: Path, tmp_path: Path
) -> None:
    file = tmp_path / ADDITIONS_FILE
    store = AdditionStore(file, retry_s=0.0)
    with opened(models, release, store) as bench:
        case = Case(bench)
        with case.feeder, closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            enrolled(case)
            assert case.state.stage is Stage.DONE
            assert beside.read(file) == ()
            assert case.bench.look(101, shot=9)[0].sku == "new"
            other.execute("ROLLBACK")
        bench.desk.beat()
        assert [row.sku for row in beside.read(file)] == ["new"]


def test_a_disk_that_takes_nothing_is_said_with_what_was_added(
    models: Path, release: Path, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    store = AdditionStore(tmp_path / "state" / ADDITIONS_FILE, retry_s=0.0)
    with opened(models, release, store) as bench:
        case = Case(bench)
        with case.feeder:
            enrolled(case)
        assert case.state.stage is Stage.DONE
        status = bench.desk.status()
        assert not status.ok
        assert "holds until the kiosk stops" in status.message
