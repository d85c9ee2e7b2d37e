# SPDX-License-Identifier: Apache-2.0
"""What every database of a workshop does alike: memory, SQLite and a real PostgreSQL server."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from postgres_server import PostgresServer

from kiosk.errors import BusyError, WorkshopError
from kiosk.values import Box, Record
from kiosk.workshop import postgres as in_postgres
from kiosk.workshop import sqlite as in_sqlite
from kiosk.workshop.changes import (
    Change,
    Gone,
    Picture,
    PutCategory,
    PutPicture,
    PutSku,
    RemovePicture,
    RemoveSku,
    Result,
    Sku,
)
from kiosk.workshop.memory import MemoryRepository
from kiosk.workshop.repository import (
    Built,
    Note,
    Problem,
    Proposal,
    Repository,
    Step,
    Verdict,
)
from kiosk.workshop.sql import SqlRepository

A, B = "a" * 64, "b" * 64
NOTE = Note("import", "a list")
_numbers = count()
Opener = Callable[[], Repository]


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> str:
    """One for all tests: each makes a catalog of its own in it."""
    return postgres.database()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same workshop again and again, as several processes would."""
    opened: list[Repository] = []
    if request.param == "memory":
        kept = MemoryRepository()
        open_one: Opener = lambda: kept  # noqa: E731
    elif request.param == "sqlite":
        path = tmp_path / "workshop.sqlite"
        in_sqlite.create(path)
        open_one = lambda: SqlRepository(in_sqlite.SqliteDatabase(path))  # noqa: E731
    else:
        address, name = request.getfixturevalue("database"), f"toys{next(_numbers)}"
        in_postgres.create(address, name)
        open_one = lambda: SqlRepository(  # noqa: E731
            in_postgres.PostgresDatabase(address, name)
        )

    def opening() -> Repository:
        opened.append(open_one())
        return opened[-1]

    yield opening
    for each in opened:
        each.close()


@pytest.fixture
def repository(opener: Opener) -> Repository:
    return opener()


def pictures(repository: Repository, sku: str | None = None, since: int = 0) -> list[Picture]:
    with repository.reading() as reading:
        return list(reading.pictures(sku, since))


def skus(repository: Repository, since: int = 0) -> list[Sku]:
    with repository.reading() as reading:
        return list(reading.skus(since))


def gone(repository: Repository, since: int) -> list[Gone]:
    with repository.reading() as reading:
        return list(reading.gone(since))


def seq(repository: Repository) -> int:
    with repository.reading() as reading:
        return reading.seq


FULL = Picture(
    "duck",
    "ente ä.jpg",
    A,
    Box(1.5, 2.0, 30.25, 40.0),
    "k1:v1,\nk2:v2",
    (0, -(2**63), None, 2**63 - 1),
    ("", None, "gelb", "x" * 128),
)


def test_a_picture_comes_back_as_it_was_put(repository: Repository) -> None:
    assert repository.apply([PutPicture(FULL)]) == (Result.ADDED,)
    assert pictures(repository) == [FULL]
    assert skus(repository) == [Sku(Record("duck", "duck", ""))]


def test_a_record_comes_back_as_it_was_put(repository: Repository) -> None:
    record = Record("d 1", "Ente ☂", "Toys", ("4006381333931", "7"), (("size", "M"), ("z", "a\nb")))
    put = PutSku("d 1", record.name, record.category, record.barcodes, record.attributes, False)
    assert repository.apply([put]) == (Result.ADDED,)
    assert skus(repository) == [Sku(record, False)]
    with repository.reading() as reading:
        assert reading.sku("d 1") == Sku(record, False)
        assert reading.sku("d") is None


def test_the_same_pair_again_overwrites_and_the_same_change_again_changes_nothing(
    repository: Repository,
) -> None:
    other = Picture("duck", FULL.name, B)
    assert repository.apply([PutPicture(FULL)]) == (Result.ADDED,)
    assert repository.apply([PutPicture(other)]) == (Result.REPLACED,)
    assert pictures(repository) == [other]
    before = seq(repository)
    assert repository.apply([PutPicture(other), PutSku("duck")]) == (Result.UNCHANGED,) * 2
    assert seq(repository) == before


def test_taking_away_what_is_absent_succeeds(repository: Repository) -> None:
    absent = [RemovePicture("duck", "a.jpg"), RemoveSku("duck")]
    assert repository.apply(absent) == (Result.ABSENT,) * 2
    assert seq(repository) == 0


def test_a_sku_goes_with_its_pictures_and_a_picture_leaves_its_sku(repository: Repository) -> None:
    repository.apply([PutPicture(Picture(sku, n, A)) for sku in ("a", "b") for n in ("1", "2")])
    assert repository.apply([RemoveSku("a"), RemovePicture("b", "1")]) == (Result.REMOVED,) * 2
    assert pictures(repository) == [Picture("b", "2", A)]
    repository.apply([RemovePicture("b", "2")])
    assert [sku.record.sku for sku in skus(repository)] == ["b"]


def test_changes_of_one_batch_are_made_in_their_order(repository: Repository) -> None:
    one, two = Picture("a", "1", A), Picture("a", "1", B)
    batch: list[Change] = [PutPicture(one), RemoveSku("a"), PutPicture(two), PutSku("a", "Ape")]
    results = (Result.ADDED, Result.REMOVED, Result.ADDED, Result.REPLACED)
    assert repository.apply(batch) == results
    assert pictures(repository) == [two]
    assert skus(repository) == [Sku(Record("a", "Ape", ""))]
    assert gone(repository, 0) == []


def test_only_what_is_given_of_a_record_changes(repository: Repository) -> None:
    repository.apply([PutSku("a", "Ape", "Zoo", ("1",), (("size", "M"), ("hue", "red")), True)])
    repository.apply([PutSku("a", category="Toys", attributes=(("size", ""), ("mass", "9")))])
    record = Record("a", "Ape", "Toys", ("1",), (("hue", "red"), ("mass", "9")))
    assert skus(repository) == [Sku(record, True)]
    assert repository.apply([PutSku("a", "Other", if_new=True)]) == (Result.UNCHANGED,)
    assert skus(repository) == [Sku(record, True)]


def test_rows_come_in_order_of_code_points_in_every_database(repository: Repository) -> None:
    names = ["b", "a", "B", "ä", "10", "9", "a b", "a-b", "é", "\U0001f986", "\uff21", "_"]
    repository.apply([PutPicture(Picture(sku, name, A)) for sku in names for name in names])
    assert [sku.record.sku for sku in skus(repository)] == sorted(names)
    keys = [(picture.sku, picture.name) for picture in pictures(repository)]
    assert keys == sorted(keys)


def test_changes_since_a_number_name_what_changed_and_what_is_gone(repository: Repository) -> None:
    repository.apply([PutPicture(Picture(sku, "1", A)) for sku in "abc"])
    before = seq(repository)
    repository.apply([PutPicture(Picture("a", "1", B)), RemovePicture("b", "1"), RemoveSku("c")])
    repository.apply([PutSku("b", "Bee")])
    assert pictures(repository, since=before) == [Picture("a", "1", B)]
    assert [sku.record.name for sku in skus(repository, before)] == ["Bee"]
    assert gone(repository, before) == [Gone("b", "1"), Gone("c", ""), Gone("c", "1")]
    repository.apply([PutPicture(Picture("c", "1", A))])
    assert gone(repository, before) == [Gone("b", "1")]
    assert gone(repository, seq(repository)) == []


def test_a_reading_is_one_snapshot_however_long_it_takes(opener: Opener) -> None:
    reader, writer = opener(), opener()
    writer.apply([PutPicture(Picture("a", f"{n:05}", A)) for n in range(5000)])
    with reader.reading() as reading:
        stream = reading.pictures()
        first = next(stream)
        writer.apply([RemoveSku("a"), PutPicture(Picture("b", "1", A))])
        assert len([first, *stream]) == 5000
        assert reading.counts() == (1, 5000)
        assert (reading.seq, list(reading.gone(0))) == (1, [])
    assert pictures(reader) == [Picture("b", "1", A)]


def test_pictures_of_one_sku_only(repository: Repository) -> None:
    repository.apply([PutPicture(Picture(sku, "1", A)) for sku in ("a", "ab", "b")])
    assert pictures(repository, "a") == [Picture("a", "1", A)]


@pytest.mark.parametrize("sku", ["", "a\0", "\ud800", "x" * 300])
def test_a_sku_that_cannot_be_is_not_there(repository: Repository, sku: str) -> None:
    repository.apply([PutPicture(Picture("a", "1", A))])
    with repository.reading() as reading:
        assert reading.sku(sku) is None
        assert list(reading.pictures(sku)) == []


def test_a_batch_larger_than_a_statement_may_be_is_whole(repository: Repository) -> None:
    batch = [PutPicture(Picture(f"s{n % 700}", f"{n}", A)) for n in range(3000)]
    assert set(repository.apply(batch)) == {Result.ADDED}
    assert set(repository.apply(batch)) == {Result.UNCHANGED}
    with repository.reading() as reading:
        assert reading.counts() == (700, 3000)
    assert set(repository.apply([RemoveSku(f"s{n}") for n in range(700)])) == {Result.REMOVED}


BAD = [
    (PutPicture(Picture("", "1", A)), "InvalidProductId"),
    (PutPicture(Picture("a\0", "1", A)), "InvalidProductId"),
    (RemoveSku("x" * 257), "InvalidProductId"),
    (PutSku("e\u0301"), "InvalidProductId"),
    (PutPicture(Picture("a", "", A)), "InvalidPicName"),
    (RemovePicture("a", "\ud800"), "InvalidPicName"),
    (PutPicture(Picture("a", "1", "../../etc/passwd")), "InvalidPicName"),
    (PutPicture(Picture("a", "1", A.upper())), "InvalidPicName"),
    (PutPicture(Picture("a", "1", A, Box(5, 5, 5, 9))), "InvalidRegion"),
    (PutPicture(Picture("a", "1", A, Box(0, 0, 1, 1))), "InvalidRegion"),
    (PutPicture(Picture("a", "1", A, Box(0, 0, float("nan"), 9))), "InvalidRegion"),
    (PutPicture(Picture("a", "1", A, ints=(2**63, None, None, None))), "InvalidIntAttr"),
    (PutPicture(Picture("a", "1", A, ints=(1,))), "InvalidIntAttr"),
    (PutPicture(Picture("a", "1", A, strings=("x" * 129, None, None, None))), "InvalidStrAttr"),
    (PutPicture(Picture("a", "1", A, custom="x" * 4097)), "InvalidCustomContent"),
    (PutPicture(Picture("a", "1", A, custom="\0")), "InvalidCustomContent"),
    (PutSku("a", category="x\ny"), "InvalidCategory"),
    (PutSku("a", name="\x1b[2J"), "InvalidRecord"),
    (PutSku("a", barcodes=("",)), "InvalidRecord"),
    (PutSku("a", attributes=(("", "x"),)), "InvalidRecord"),
    (PutCategory(""), "InvalidCategory"),
]


@pytest.mark.parametrize(("change", "code"), BAD)
def test_one_bad_change_leaves_the_whole_batch_undone(
    repository: Repository, change: Change, code: str
) -> None:
    with pytest.raises(WorkshopError, match=code):
        repository.apply([PutSku("good"), change], note=NOTE)
    assert (skus(repository), repository.history(), seq(repository)) == ([], [], 0)


def test_categories_are_known_with_their_numbers(repository: Repository) -> None:
    batch: list[Change] = [PutCategory("Toys", 20), PutCategory("Rings"), PutCategory("Toys")]
    assert repository.apply(batch) == (Result.ADDED, Result.ADDED, Result.UNCHANGED)
    with repository.reading() as reading:
        assert reading.categories() == {"Rings": None, "Toys": 20}


def test_a_category_does_not_get_the_number_of_another(repository: Repository) -> None:
    repository.apply([PutCategory("Toys", 20), PutCategory("Rings", 3)])
    for batch in ([PutCategory("Hats", 3)], [PutCategory("A", 7), PutCategory("B", 7)]):
        with pytest.raises(WorkshopError, match="InvalidCategory"):
            repository.apply([PutSku("good"), *batch])
    assert (skus(repository), seq(repository)) == ([], 1)
    repository.apply([PutCategory("Toys", 3), PutCategory("Rings", 20)])
    with repository.reading() as reading:
        assert reading.categories() == {"Rings": 20, "Toys": 3}


def test_an_import_goes_on_where_its_last_batch_was_committed(opener: Opener) -> None:
    first = opener()
    job = first.begin_import("csv:abc", "list.csv")
    assert (job.next_line, job.counts) == (1, {})
    batch = [PutPicture(FULL), PutSku("duck", "Ente")]
    first.apply(batch, step=Step(job.job_id, 1, 4, (Problem(3, "Unreadable", "gone"),)))
    again = opener().begin_import("csv:abc", "list.csv")
    assert (again.job_id, again.next_line) == (job.job_id, 4)
    assert again.counts == {"added": 1, "sku_replaced": 1, "failed": 1}
    assert list(first.problems(job.job_id)) == [Problem(3, "Unreadable", "gone")]


def test_a_step_whose_rows_are_refused_is_not_taken(repository: Repository) -> None:
    job = repository.begin_import("csv:abc", "list.csv")
    with pytest.raises(WorkshopError):
        repository.apply([PutSku("")], step=Step(job.job_id, 1, 2))
    assert repository.begin_import("csv:abc", "list.csv").next_line == 1


def test_two_imports_of_the_same_file_do_not_take_the_same_step_twice(opener: Opener) -> None:
    first, second = opener(), opener()
    job = first.begin_import("csv:abc", "list.csv")
    assert second.begin_import("csv:abc", "list.csv") == job
    first.apply([PutSku("a")], step=Step(job.job_id, 1, 2))
    with pytest.raises(BusyError, match="at line 2"):
        second.apply([PutSku("b")], step=Step(job.job_id, 1, 2))
    assert [sku.record.sku for sku in skus(first)] == ["a"]


def test_a_finished_import_begins_anew(repository: Repository) -> None:
    job = repository.begin_import("csv:abc", "list.csv")
    repository.finish_import(job.job_id, NOTE)
    with pytest.raises(BusyError, match="finished"):
        repository.apply([], step=Step(job.job_id, 1, 2))
    again = repository.begin_import("csv:abc", "list.csv")
    assert again.job_id != job.job_id and again.next_line == 1
    assert repository.begin_import("other", "x").job_id not in (again.job_id, job.job_id)


def test_history_tells_who_did_what_with_which_result(repository: Repository) -> None:
    note = Note("add", "duck", "mia", (("asked", 2),))
    repository.apply([PutPicture(FULL), PutSku("b")], note=note)
    repository.note(NOTE)
    newest, oldest = repository.history()
    figures = (("asked", 2), ("added", 1), ("sku_added", 1))
    assert oldest.note == dataclasses.replace(note, figures=figures)
    assert (oldest.seq, newest.note.about, bool(newest.at)) == (1, "a list", True)
    assert repository.history(most=1) == [newest]


ODD = "a\0b \udcff ☂ 'x'\n--"
KEPT = "a\N{REPLACEMENT CHARACTER}b \\udcff ☂ 'x'\n--"


def test_words_that_no_database_can_keep_are_kept_as_near_as_can_be(
    repository: Repository,
) -> None:
    job = repository.begin_import("csv:abc", ODD)
    assert repository.begin_import("csv:abc", ODD).about == KEPT
    repository.apply([], step=Step(job.job_id, 1, 2, (Problem(1, "Damaged", ODD),)))
    repository.note(Note("import", ODD, ODD))
    repository.propose([dataclasses.replace(proposal(1), sku=ODD, body=ODD)])
    repository.decide("p1", Verdict.REJECTED, ODD)
    assert list(repository.problems(job.job_id)) == [Problem(1, "Damaged", KEPT)]
    decided, told = repository.history()
    assert (told.note.about, told.note.who) == (KEPT, KEPT)
    (kept,) = repository.proposals()
    assert (kept.sku, kept.body, kept.reason) == (KEPT, KEPT, KEPT)
    assert KEPT in decided.note.about


def test_releases_are_listed_newest_first(repository: Repository) -> None:
    for number in (1, 2):
        repository.note_release(Built(f"r{number}", f"r{number}", number), Note("build", "r"))
    found = repository.releases()
    assert [(built.release, built.seq) for built in found] == [("r2", 2), ("r1", 1)]
    assert all(built.at for built in found) and len(repository.history()) == 2


def proposal(number: int) -> Proposal:
    return Proposal(f"p{number}", "kiosk 1", "duck", '{"name": "Ente"}', "2026-01-01T00:00:00Z")


def test_a_catalog_is_told_from_every_other_one_for_ever(opener: Opener) -> None:
    name = opener().identity()
    assert opener().identity() == name == opener().identity()
    assert name != MemoryRepository().identity() and len(name) == 32
    assert seq(opener()) == 0, "it is no change"


def test_a_proposal_is_kept_once_and_decided_once(repository: Repository) -> None:
    assert repository.propose([proposal(1), proposal(2), proposal(1)]) == 2
    repository.decide("p1", Verdict.ACCEPTED, "good", [PutPicture(FULL)])
    assert repository.propose([proposal(1), proposal(3)]) == 1
    assert [one.proposal_id for one in repository.proposals(Verdict.OPEN)] == ["p2", "p3"]
    (decided,) = repository.proposals(Verdict.ACCEPTED)
    assert (decided.reason, bool(decided.decided_at)) == ("good", True)
    assert pictures(repository) == [FULL]
    with pytest.raises(WorkshopError, match="accepted already"):
        repository.decide("p1", Verdict.REJECTED, changes=[RemoveSku("duck")])
    with pytest.raises(WorkshopError, match="no proposal"):
        repository.decide("p9", Verdict.REJECTED)
    assert pictures(repository) == [FULL]
    assert [one.proposal_id for one in repository.proposals()] == ["p1", "p2", "p3"]
