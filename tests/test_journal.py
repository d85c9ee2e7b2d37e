# SPDX-License-Identifier: Apache-2.0
"""The journal's contract, on the SQLite file and on the one in memory, and reading it back."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waiting import DEADLINE_S, until

from kiosk.errors import StateError
from kiosk.journal import Journal, MemoryJournal, Recorder, read
from kiosk.values import (
    NEVER_APART,
    Box,
    Decision,
    Hashes,
    Match,
    Note,
    Outcome,
    Rule,
    Thresholds,
    Timings,
    Verified,
)


def decision(number: int = 1, *, at: str | None = None, **changes: Any) -> Decision:
    """A plain `choose` between A1 and B2."""
    base = Decision(
        decision_id=f"d{number}",
        visit_id=f"v{number}",
        at=at or datetime.now(UTC).isoformat(),
        outcome=Outcome.CHOOSE,
        rule=Rule.SMALL_MARGIN,
        matches=(Match("A1", float(np.float32(0.8125)), 7), Match("B2", 0.75, 3)),
        box=Box(10.04, 20, 110, 220.5),
        frame_size=(640, 480),
        similarity=0.8125,
        margin=0.0625,
        agreement=(3, 4),
        sequence=99,
        thresholds=Thresholds(0.7, 0.5, 0.1, "leave-one-out", 120),
        hashes=Hashes("2026-11-20-1", "d" * 64, "e" * 64),
        timings=Timings(10.0, 20.0, 1.0, 31.5),
    )
    return dataclasses.replace(base, **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path):
    journal = Journal(path, commit_s=0.02, keep_days=30, retry_s=0.05)
    journal.start()
    yield journal
    journal.close(DEADLINE_S)


Recorded = tuple[Recorder, Callable[[], list[dict[str, Any]]]]


@pytest.fixture(params=["file", "memory"])
def recorded(request: pytest.FixtureRequest, path: Path):
    if request.param == "memory":
        memory = MemoryJournal()
        yield memory, memory.entries
        return
    journal = Journal(path, commit_s=0.02, keep_days=30)

    def entries() -> list[dict[str, Any]]:
        assert journal.flush(DEADLINE_S)
        return list(read(path))

    journal.start()
    yield journal, entries
    journal.close(DEADLINE_S)


def test_a_decision_comes_back_with_its_whole_evidence(recorded: Recorded) -> None:
    journal, entries = recorded
    journal.decision(decision(at="2026-11-20T10:00:00+01:00"))
    (entry,) = entries()
    assert entry == {
        "id": 1,
        "kind": "decision",
        "decision_id": "d1",
        "visit_id": "v1",
        "at": "2026-11-20T09:00:00.000000Z",
        "outcome": "choose",
        "rule": "two SKUs too close",
        "sku": None,
        "evidence": {
            "similarity": 0.8125,
            "margin": 0.0625,
            "agreement": [3, 4],
            "matches": [
                {"sku": "A1", "similarity": 0.8125, "reference": 7},
                {"sku": "B2", "similarity": 0.75, "reference": 3},
            ],
            "box": [10.0, 20.0, 110.0, 220.5],
            "frame_size": [640, 480],
            "sequence": 99,
            "moment": "early",
            "category": "",
            "codes": [],
            "waited_ms": 0.0,
            "thresholds": {
                "accept": 0.7,
                "choose": 0.5,
                "margin": 0.1,
                "method": "leave-one-out",
                "samples": 120,
                "by_print": NEVER_APART,
                "apart": NEVER_APART,
                "category": NEVER_APART,
                "same": NEVER_APART,
                "differs": -1.0,
                "asked": 0.0,
            },
            "hashes": {
                "release": "2026-11-20-1",
                "detector": "d" * 64,
                "embedder": "e" * 64,
                "config": "",
            },
            "timings": {
                "locate_ms": 10.0,
                "embed_ms": 20.0,
                "search_ms": 1.0,
                "total_ms": 31.5,
                "verify_ms": 0.0,
                "codes_ms": 0.0,
                "judge_ms": 0.0,
            },
        },
    }


def test_what_the_second_look_found_stands_in_the_entry(recorded: Recorded) -> None:
    journal, entries = recorded
    found = Verified(points=43, coverage=0.5, colour=0.75, strength=0.625)
    match = Match("A1", 0.5, 7, verified=found, fused=0.8125)
    journal.decision(decision(matches=(match, Match("B2", 0.25, 3))))
    first, second = entries()[0]["evidence"]["matches"]
    assert first["evidence"] == 0.8125
    assert first["verified"] == {
        "points": 43,
        "coverage": 0.5,
        "colour": 0.75,
        "strength": 0.625,
    }
    assert "verified" not in second


def test_a_confirmation_names_the_sku_and_what_was_offered(recorded: Recorded) -> None:
    journal, entries = recorded
    journal.decision(decision())
    assert journal.confirmation("d1", "B2")
    assert journal.confirmation("d1", "A1"), "a person may change their mind"
    taps = [entry for entry in entries() if entry["kind"] == "confirmation"]
    assert [(tap["sku"], tap["visit_id"]) for tap in taps] == [("B2", "v1"), ("A1", "v1")]
    assert taps[0]["evidence"] == {"said": "choose", "offered": ["A1", "B2"]}


def test_a_confirmation_of_an_unknown_decision_or_sku_is_refused(recorded: Recorded) -> None:
    journal, entries = recorded
    journal.decision(decision())
    assert not journal.confirmation("d2", "A1")
    assert not journal.confirmation("d1", "C3")
    assert [entry["kind"] for entry in entries()] == ["decision"]


def test_the_accepted_sku_is_a_column(recorded: Recorded) -> None:
    journal, entries = recorded
    journal.decision(decision(outcome=Outcome.ACCEPTED, rule=Rule.ACCEPTED))
    assert entries()[0]["sku"] == "A1"


def test_numbers_that_json_cannot_say_are_null_and_numpy_numbers_are_plain(
    recorded: Recorded,
) -> None:
    journal, entries = recorded
    odd: Any = np.float32(0.5)
    journal.decision(decision(similarity=float("nan"), margin=odd))
    evidence = entries()[0]["evidence"]
    assert (evidence["similarity"], evidence["margin"]) == (None, 0.5)


@pytest.mark.parametrize("sku", ["'; DROP TABLE entries; --", "\udcff", "\0", "كولا", "😀" * 200])
def test_any_sku_text_is_stored_and_never_run(recorded: Recorded, sku: str) -> None:
    journal, entries = recorded
    journal.decision(
        decision(outcome=Outcome.ACCEPTED, rule=Rule.ACCEPTED, matches=(Match(sku, 0.9, 1),))
    )
    journal.decision(decision(2))
    found = entries()
    assert len(found) == 2
    assert found[0]["sku"] in (sku, "?")


def test_the_status_counts_entries(recorded: Recorded) -> None:
    journal, entries = recorded
    for number in range(5):
        journal.decision(decision(number))
    assert len(entries()) == 5
    assert journal.status()[0] is True
    assert journal.status().entries == 5
    assert journal.status().waiting == 0


def test_the_file_is_durable_by_its_settings(journal: Journal, path: Path) -> None:
    journal.decision(decision())
    assert journal.flush(DEADLINE_S)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    connection.close()
    assert journal._connection is not None
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_entries_are_committed_without_a_flush(journal: Journal, path: Path) -> None:
    journal.decision(decision())
    until(lambda: path.is_file() and len(list(read(path))) == 1)


def test_closing_writes_what_waits(path: Path) -> None:
    journal = Journal(path, commit_s=10, keep_days=30)
    journal.start()
    journal.decision(decision())
    journal.close(DEADLINE_S)
    assert len(list(read(path))) == 1
    journal.close(DEADLINE_S)


def test_a_journal_that_never_started_closes(path: Path) -> None:
    Journal(path, commit_s=1, keep_days=30).close()
    assert not path.exists()


def test_a_batch_that_is_written_again_adds_nothing(journal: Journal, path: Path) -> None:
    again = decision(at="2026-11-20T10:00:00Z")
    for _ in range(3):
        journal.decision(again)
        assert journal.flush(DEADLINE_S)
    assert len(list(read(path))) == journal.status().entries == 1


def test_a_second_run_continues_the_first(path: Path) -> None:
    for number in range(2):
        journal = Journal(path, commit_s=0.01, keep_days=30)
        journal.start()
        journal.decision(decision(number))
        assert journal.flush(DEADLINE_S)
        assert journal.status().entries == number + 1
        journal.close(DEADLINE_S)
    assert [entry["decision_id"] for entry in read(path)] == ["d0", "d1"]


def test_readers_see_the_same_while_the_writer_writes(journal: Journal, path: Path) -> None:
    for number in range(1200):
        journal.decision(decision(number))
    assert journal.flush(DEADLINE_S)
    first, second = read(path), read(path)
    pairs = []
    for number, pair in enumerate(zip(first, second, strict=True)):
        pairs.append(pair)
        if number in (0, 600):
            journal.decision(decision(10_000 + number))
            assert journal.flush(DEADLINE_S)
    assert len(pairs) == 1202
    assert all(one == other for one, other in pairs)


def test_since_leaves_older_entries_out(journal: Journal, path: Path) -> None:
    for day in (1, 2, 3):
        journal.decision(decision(day, at=f"2026-11-0{day}T12:00:00Z"))
    assert journal.flush(DEADLINE_S)
    since = datetime(2026, 11, 2, 14, tzinfo=UTC) - timedelta(hours=2)
    assert [entry["decision_id"] for entry in read(path, since)] == ["d2", "d3"]


def test_old_entries_are_swept_and_the_count_follows(path: Path) -> None:
    now = datetime.now(UTC)
    first = Journal(path, commit_s=0.01, keep_days=3650)
    first.start()
    for days in (400, 40, 20, 0):
        first.decision(decision(days, at=(now - timedelta(days=days)).isoformat()))
    first.close(DEADLINE_S)
    second = Journal(path, commit_s=0.01, keep_days=30)
    second.start()
    second.decision(decision(1))
    assert second.flush(DEADLINE_S)
    until(lambda: second.status().entries == 3)
    second.close(DEADLINE_S)
    assert [entry["decision_id"] for entry in read(path)] == ["d20", "d0", "d1"]


def test_a_clock_that_runs_ahead_does_not_empty_the_journal(path: Path) -> None:
    journal = Journal(path, commit_s=0.01, keep_days=30)
    journal.start()
    journal.decision(decision(at="2001-01-01T00:00:00Z"))
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    again = Journal(path, commit_s=0.01, keep_days=30)
    again.start()
    assert again.flush(DEADLINE_S)
    again.close(DEADLINE_S)
    assert len(list(read(path))) == 1


def test_a_missing_journal_is_said(path: Path) -> None:
    with pytest.raises(StateError, match="there is no journal at"):
        list(read(path))


def test_a_newer_journal_is_refused_and_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE other (x); PRAGMA user_version = 7;")
    connection.close()
    with pytest.raises(StateError, match="newer kiosk"):
        list(read(path))
    journal = Journal(path, commit_s=0.01, keep_days=30, retry_s=0.02)
    journal.start()
    journal.decision(decision())
    until(lambda: not journal.status().ok)
    assert "newer kiosk" in journal.status().message
    assert journal.status().waiting == 1
    journal.close(timeout_s=0.1)
    assert [file.name for file in path.parent.glob("*.sqlite")] == ["journal.sqlite"]


def test_an_empty_file_is_an_empty_journal(path: Path) -> None:
    path.touch()
    assert list(read(path)) == []


def test_the_body_is_json_any_tool_reads(journal: Journal, path: Path) -> None:
    journal.decision(decision())
    assert journal.flush(DEADLINE_S)
    connection = sqlite3.connect(path)
    (similarity,) = connection.execute("SELECT body ->> 'similarity' FROM entries").fetchone()
    connection.close()
    assert similarity == pytest.approx(0.8125)
    assert json.dumps(next(read(path)))


def test_a_note_that_is_told_again_is_one_entry_with_the_time_it_happened(
    recorded: Recorded,
) -> None:
    journal, entries = recorded
    for _ in range(2):
        journal.note(Note("addition", {"n": 1}, "A1", at="2026-11-20T09:00:00.000001+01:00"))
        assert journal.flush(DEADLINE_S)
    journal.note(Note("addition", {"n": 2}, "A2", at="2026-11-20T09:00:00.000002+01:00"))
    found = entries()
    assert [entry["evidence"] for entry in found] == [{"n": 1}, {"n": 2}]
    assert found[0]["at"] == "2026-11-20T08:00:00.000001Z"


def test_notes_without_a_time_are_as_many_as_were_told(recorded: Recorded) -> None:
    journal, entries = recorded
    for _ in range(50):
        journal.note(Note("counted", {}))
    assert len({entry["at"] for entry in entries()}) == 50
