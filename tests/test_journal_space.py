# SPDX-License-Identifier: Apache-2.0
"""A journal that has grown too large: what is worth least goes first, and what is lost is said."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from test_journal_looks import seen
from waiting import DEADLINE_S

from kiosk.journal import Journal, read, stories
from kiosk.journal.database import open_for_writing
from kiosk.journal.sweep import sweep_space, used_bytes
from kiosk.values import Note

DECISIONS = 120


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("space") / "journal.sqlite"
    journal = Journal(path, commit_s=0.01, keep_days=30)
    journal.start()
    for number in range(DECISIONS):
        journal.decision(seen(number))
        journal.confirmation(f"d{number}", "A1")
        journal.note(Note("signed", {"order": number}))
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    return path


@pytest.fixture
def connection(filled: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(filled.read_bytes())
    with closing(open_for_writing(path)) as opened:
        yield opened


def kinds(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT kind, count(*) FROM entries GROUP BY kind"))


def dropped(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT kind, entries FROM dropped"))


def count(connection: sqlite3.Connection, what: str) -> int:
    return int(connection.execute(f"SELECT count({what}) FROM looks").fetchone()[0])


def test_a_journal_that_fits_loses_nothing(connection: sqlite3.Connection) -> None:
    assert sweep_space(connection, used_bytes(connection)) == 0
    assert kinds(connection)["decision"] == DECISIONS
    assert dropped(connection) == {}


def test_local_features_go_before_looks_and_looks_before_entries(
    connection: sqlite3.Connection,
) -> None:
    looks = count(connection, "*")
    sweep_space(connection, used_bytes(connection) - 1)
    assert count(connection, "features") < DECISIONS
    assert count(connection, "*") == looks
    connection.execute("UPDATE looks SET features = NULL")
    sweep_space(connection, used_bytes(connection) - 1)
    assert count(connection, "*") < looks
    assert kinds(connection)["decision"] == DECISIONS


def test_decisions_go_before_what_people_said_and_that_before_what_was_signed(
    connection: sqlite3.Connection,
) -> None:
    connection.execute("DELETE FROM looks")
    connection.execute("DROP INDEX entries_at")
    while kinds(connection).get("decision"):
        sweep_space(connection, used_bytes(connection) - 1)
    left = kinds(connection)
    assert left["confirmation"] == left["signed"] == DECISIONS
    while kinds(connection).get("confirmation"):
        sweep_space(connection, used_bytes(connection) - 1)
    assert kinds(connection)["signed"] == DECISIONS
    assert dropped(connection) == {"decision": DECISIONS, "confirmation": DECISIONS}


def test_however_little_space_there_is_the_newest_entry_stays(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    newest = connection.execute("SELECT max(id) FROM entries").fetchone()[0]
    assert sweep_space(connection, 0) == 3 * DECISIONS - 1
    assert [entry["id"] for entry in read(tmp_path / "journal.sqlite")] == [newest]


def test_what_a_taker_has_is_not_counted_as_lost(connection: sqlite3.Connection) -> None:
    sent = connection.execute("SELECT id FROM entries ORDER BY id LIMIT 1 OFFSET 59").fetchone()[0]
    connection.execute("INSERT INTO sent VALUES('office', ?)", (sent,))
    deleted = sweep_space(connection, 0)
    assert sum(dropped(connection).values()) == deleted - 60


def test_a_running_journal_keeps_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    for numbers in (range(100), range(100, 200), range(200, 201)):
        journal = Journal(path, commit_s=0.01, keep_days=30, keep_mb=1)
        journal.start()
        for number in numbers:
            journal.decision(seen(number))
        assert journal.flush(DEADLINE_S)
        journal.close(DEADLINE_S)
    with closing(open_for_writing(path)) as connection:
        assert used_bytes(connection) <= 1_000_000
    assert len(list(stories(path))) > 100, "features were enough to give way"
