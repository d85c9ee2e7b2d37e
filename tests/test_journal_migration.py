# SPDX-License-Identifier: Apache-2.0
"""A journal of version 1 becomes one of this version: in place, at once, whatever happens."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from killed_process import python
from test_journal import decision
from test_journal_looks import seen
from waiting import DEADLINE_S

from kiosk.journal import Journal, read, stories, story
from kiosk.values import Note

VERSION_1 = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('decision', 'confirmation')),
    decision_id TEXT NOT NULL,
    visit_id TEXT NOT NULL,
    at TEXT NOT NULL,
    outcome TEXT,
    rule TEXT,
    sku TEXT,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX entries_once ON entries (decision_id, kind, at);
CREATE INDEX entries_at ON entries (at);
PRAGMA user_version = 1;
"""
BODY = (
    '{"similarity":0.8,"margin":0.1,"agreement":[3,4],"matches":[{"sku":"A1","similarity":0.8,'
    '"reference":7}],"box":[1,2,3,4],"frame_size":[640,480],"sequence":9,"thresholds":{"accept":'
    '0.7,"choose":0.5,"margin":0.1,"method":"m","samples":1},"hashes":{"release":"r","detector":'
    '"d","embedder":"e"},"timings":{}}'
)


def older(path: Path, count: int = 50) -> Path:
    """A journal as the version before wrote it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(VERSION_1)
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO entries (kind, decision_id, visit_id, at, outcome, rule, sku, body) "
            "VALUES ('decision', ?, ?, ?, 'choose', 'two SKUs too close', NULL, ?)",
            [(f"old{n}", f"v{n}", f"2026-11-20T09:00:00.{n:06}Z", BODY) for n in range(count)],
        )
        connection.execute("COMMIT")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return older(tmp_path / "journal.sqlite")


def test_an_older_journal_is_read_as_it_is_and_not_changed(path: Path) -> None:
    before = path.read_bytes()
    assert len(list(read(path))) == 50
    kept = story(path, "old7")
    assert kept.looks == ()
    assert kept.damage == ""
    assert kept.thresholds.accept == 0.7
    assert path.read_bytes() == before


def test_an_older_journal_is_continued_with_looks_and_notes(path: Path) -> None:
    journal = Journal(path, commit_s=0.01, keep_days=36500)
    journal.start()
    journal.decision(seen(1))
    journal.note(Note("refusal", {}, "A1", "d1", "v1"))
    assert journal.flush(DEADLINE_S)
    assert journal.status().ok
    assert journal.status().entries == 52
    journal.close(DEADLINE_S)
    found = list(stories(path))
    assert [each.decision_id for each in found] == [*(f"old{n}" for n in range(50)), "d1"]
    assert len(found[-1].looks) == 3
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def schema(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT sql FROM sqlite_master")}


def test_a_journal_brought_up_is_the_one_that_is_made_anew(path: Path, tmp_path: Path) -> None:
    for each in (path, tmp_path / "new.sqlite"):
        journal = Journal(each, commit_s=0.01, keep_days=36500)
        journal.start()
        journal.decision(decision())
        assert journal.flush(DEADLINE_S)
        journal.close(DEADLINE_S)
    assert schema(path) == schema(tmp_path / "new.sqlite")


def test_a_reader_of_the_older_journal_goes_on_while_it_is_brought_up(path: Path) -> None:
    entries = read(path)
    assert next(entries)["decision_id"] == "old0"
    journal = Journal(path, commit_s=0.01, keep_days=36500)
    journal.start()
    journal.decision(decision())
    assert journal.flush(DEADLINE_S)
    assert len(list(entries)) >= 49
    journal.close(DEADLINE_S)


BRING_UP = """
    import sqlite3, sys
    from pathlib import Path
    from killed_process import kill_before
    from kiosk.journal.database import check_version
    from kiosk.journal.schema import bring_up
    path = Path(sys.argv[1])
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    connection.set_trace_callback(kill_before(int(sys.argv[2])))
    bring_up(connection, check_version(connection, path))
    connection.close()
    print("done")
"""


def test_a_kill_at_any_step_leaves_the_old_journal_or_the_new_one(tmp_path: Path) -> None:
    done = False
    for steps in range(1, 30):
        path = older(tmp_path / f"journal-{steps}.sqlite", 5)
        with python(BRING_UP, path, steps) as process:
            output, _ = process.communicate(timeout=DEADLINE_S)
        assert process.returncode in (0, -signal.SIGKILL)
        assert len(list(read(path))) == 5
        with closing(sqlite3.connect(path)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        assert version == (4 if "looks" in tables else 1)
        journal = Journal(path, commit_s=0.005, keep_days=36500)
        journal.start()
        journal.note(Note("refusal", {}))
        assert journal.flush(DEADLINE_S)
        journal.close(DEADLINE_S)
        assert len(list(read(path))) == 6
        if output == "done\n":
            done = True
            break
    assert done, "the last try got to its end"


def test_an_older_journal_that_somebody_holds_is_brought_up_later(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        journal = Journal(path, commit_s=0.005, keep_days=36500, retry_s=0.05)
        journal.start()
        journal.decision(decision())
        assert not journal.flush(0.2)
        blocker.execute("ROLLBACK")
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    assert len(list(read(path))) == 51
