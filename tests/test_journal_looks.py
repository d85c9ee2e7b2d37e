# SPDX-License-Identifier: Apache-2.0
"""The looks of a decision in the journal: kept, read back, forgotten, bounded, damaged."""

from __future__ import annotations

import dataclasses
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from test_journal import decision
from waiting import DEADLINE_S, until

from kiosk.errors import DecisionMissing, StateError, UsageError
from kiosk.journal import Journal, MemoryJournal, Story, read, stories, story
from kiosk.values import (
    POINT,
    TONES,
    Box,
    Code,
    Decision,
    Detection,
    Features,
    Hint,
    Look,
    Match,
    Note,
    Quality,
    Thresholds,
    Verified,
)

THRESHOLDS = Thresholds(0.7, 0.5, 0.1, "leave-one-out", 120)
MATCHES = (
    Match(
        "A1",
        0.8125,
        7,
        group="g",
        verified=Verified(43, 0.5, 0.75, 0.625),
        fused=0.9,
        category="tins",
        accept=0.75,
    ),
    Match("B2", 0.75, 3, refused=True),
)


def features(points: int = 300) -> Features:
    random = np.random.default_rng(points)
    data = random.integers(0, 255, points * POINT.itemsize, np.uint8).tobytes()
    tones = random.integers(0, 255, (TONES, TONES, 3), np.uint8)
    return Features(np.frombuffer(data, POINT), tones, (320, 240))


def look(number: int, **changes: object) -> Look:
    vector = np.random.default_rng(number).standard_normal(256)
    base = Look(
        sequence=90 + number,
        captured_ns=number * 100_000_000,
        frame_size=(640, 480),
        detections=(),
        subject=Detection(Box(10, 20, 110, 220.5), 0.875),
        whole=True,
        embedding=(vector / np.linalg.norm(vector)).astype(np.float16).astype(np.float32),
        matches=MATCHES,
        thresholds=THRESHOLDS,
        release="2026-11-20-1",
        quality=Quality(200.5, 0.4, 12.0, 0.5, 0.01, 0.02),
        features=features(),
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def seen(number: int = 1, looks: int = 3, **changes: object) -> Decision:
    """A decision with looks, the last of which read a barcode."""
    code = Code("4006381333931", "EAN-13", Box(20, 30, 60, 50))
    plain = tuple(look(each) for each in range(looks - 1))
    last = look(looks - 1, codes=(code,), coded=("B2",), hint=Hint.HOLD_STILL, unverified=2)
    return decision(number, looks=(*plain, last), **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def written(path: Path, *decisions: Decision, keep_features_days: int = 30) -> Path:
    journal = Journal(path, commit_s=0.01, keep_days=36500, keep_features_days=keep_features_days)
    journal.start()
    for each in decisions:
        journal.decision(each)
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    written(path, seen(1), seen(2))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def test_every_look_comes_back_as_it_was(path: Path) -> None:
    made = seen()
    kept = story(written(path, made), "d1")
    assert kept.damage == ""
    assert len(kept.looks) == 3
    for before, after in zip(made.looks, kept.looks, strict=True):
        assert after.embedding is not None
        assert before.embedding is not None
        assert np.array_equal(after.embedding, before.embedding), "rounded to float16 already"
        same = ("sequence", "captured_ns", "frame_size", "whole", "matches", "quality", "hint")
        for name in (*same, "codes", "coded", "unverified", "release", "thresholds", "subject"):
            assert getattr(after, name) == getattr(before, name), name


def test_only_the_look_that_settled_it_keeps_its_local_features(path: Path) -> None:
    kept = story(written(path, seen()), "last")
    assert [each.features is not None for each in kept.looks] == [False, False, True]
    found, expected = kept.looks[-1].features, features()
    assert found is not None
    assert np.array_equal(found.points, expected.points)
    assert np.array_equal(found.tones, expected.tones)
    assert found.size == expected.size


def test_many_decisions_can_be_read_without_their_features(path: Path) -> None:
    written(path, seen(1), seen(2))
    assert [each.has_features for each in stories(path, features=False)] == [False, False]
    assert [each.damage for each in stories(path, features=False)] == ["", ""]


def test_a_decision_without_looks_is_a_story_without_looks(path: Path) -> None:
    assert story(written(path, decision(5)), "d5").looks == ()


def test_what_people_said_afterwards_belongs_to_the_story(path: Path) -> None:
    journal = Journal(path, commit_s=0.01, keep_days=30)
    journal.start()
    journal.decision(seen(1))
    journal.decision(seen(2))
    assert journal.confirmation("d1", "B2")
    journal.note(Note("refusal", {"share": float("nan"), "odd": {1, 2}}, "A1", "d1", "v1"))
    journal.close(DEADLINE_S)
    first, second = stories(path)
    assert [(each["kind"], each["sku"]) for each in first.afterwards] == [
        ("confirmation", "B2"),
        ("refusal", "A1"),
    ]
    assert first.afterwards[1]["evidence"] == {"share": None, "odd": [1, 2]}
    assert second.afterwards == ()


def test_notes_of_one_moment_are_all_kept(path: Path) -> None:
    journal = Journal(path, commit_s=0.01, keep_days=30)
    journal.start()
    for number in range(500):
        journal.note(Note("counted", {"number": number}))
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    assert [entry["evidence"]["number"] for entry in read(path)] == list(range(500))


def test_an_id_may_be_cut_short_as_long_as_one_decision_begins_so(path: Path) -> None:
    written(path, seen(1), seen(21), seen(22), seen(3))
    assert story(path, "d21").decision_id == "d21"
    assert story(path, "d3").decision_id == story(path, "last").decision_id == "d3"
    with pytest.raises(UsageError, match="several decisions that begin with 'd2', such as d21"):
        story(path, "d2")
    with pytest.raises(DecisionMissing, match="holds no decision 'x'"):
        story(path, "x")
    with pytest.raises(UsageError, match="beginning of its id"):
        story(path, "")
    with pytest.raises(DecisionMissing):
        story(path, "%")


def test_an_empty_journal_has_no_newest_decision(path: Path) -> None:
    with pytest.raises(DecisionMissing, match="holds no decision yet"):
        story(written(path), "last")


def test_an_id_that_is_the_beginning_of_another_is_found(path: Path) -> None:
    assert story(written(path, seen(2), seen(21)), "d2").decision_id == "d2"


def test_with_no_days_for_features_they_are_never_stored(path: Path) -> None:
    kept = story(written(path, seen(), keep_features_days=0), "d1")
    assert not kept.has_features
    assert kept.looks[-1].embedding is not None


def days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def test_features_are_forgotten_before_embeddings_and_both_before_entries_are_old(
    path: Path,
) -> None:
    written(
        path, *(seen(days, at=days_ago(days)) for days in (900, 400, 40, 1)), keep_features_days=999
    )
    journal = Journal(path, commit_s=0.01, keep_days=500, keep_features_days=30)
    journal.start()
    journal.decision(decision(0))
    until(lambda: journal.status().entries == 4)
    journal.close(DEADLINE_S)
    kept = {each.decision_id: each for each in stories(path)}
    assert sorted(kept) == ["d0", "d1", "d40", "d400"]
    assert [kept[name].has_features for name in ("d1", "d40", "d400")] == [True, False, False]
    assert all(look.embedding is not None for look in kept["d400"].looks)
    assert all(kept[name].damage == "" for name in kept)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM looks").fetchone() == (9,)


def damaged(connection: sqlite3.Connection, statement: str, path: Path) -> tuple[Story, Story]:
    connection.execute(statement)
    first, second = stories(path)
    assert second.damage == "", "the others go on"
    assert len(second.looks) == 3
    return first, second


@pytest.mark.parametrize(
    "change",
    [
        "embedding = zeroblob(512)",
        "embedding = zeroblob(3)",
        "embedding = substr(embedding, 1, 100)",
        "features = substr(features, 1, length(features) - 7)",
        "features = zeroblob(length(features))",
        "features = x'00'",
        "body = '{}'",
        "body = x'00'",
        "body = substr(body, 1, length(body) - 5)",
    ],
)
def test_a_damaged_look_is_the_trouble_of_its_decision_alone(
    change: str, connection: sqlite3.Connection, path: Path
) -> None:
    where = "WHERE decision_id = 'd1' AND number = 2"
    first, _ = damaged(connection, f"UPDATE looks SET {change} {where}", path)
    assert first.damage.startswith("decision d1: look 3 is damaged")
    assert first.looks == ()
    assert first.evidence["similarity"] == 0.8125


WHERE = "FROM looks WHERE decision_id = 'd1' AND number = 2"


@pytest.mark.parametrize("column", ["body", "embedding", "features"])
def test_a_turned_bit_is_found(column: str, connection: sqlite3.Connection, path: Path) -> None:
    number, blob = connection.execute(f"SELECT id, {column} {WHERE}").fetchone()
    turned = bytearray(blob)
    turned[len(turned) // 2] ^= 4
    connection.execute(f"UPDATE looks SET {column} = ? WHERE id = ?", (bytes(turned), number))
    assert story(path, "d1").damage.startswith("decision d1: look 3 is damaged")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"hint":"hold_still"', '"hint":"dance"'),
        ("0.8125", "null"),
        ('"sku"', '"uks"'),
        ('"sums"', '"summs"'),
        ('"box":[10.0,', '"box":['),
        ('"quality":{', '"quality":{"mood":1,'),
    ],
)
def test_a_look_of_another_form_is_refused(
    before: str, after: str, connection: sqlite3.Connection, path: Path
) -> None:
    number, blob = connection.execute(f"SELECT id, body {WHERE}").fetchone()
    text = zlib.decompress(blob).decode()
    assert before in text
    other = zlib.compress(text.replace(before, after, 1).encode())
    connection.execute("UPDATE looks SET body = ? WHERE id = ?", (other, number))
    assert story(path, "d1").damage.startswith("decision d1: look 3 is damaged")


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"thresholds":{}}', "null"])
def test_damaged_evidence_is_the_trouble_of_its_decision_alone(
    body: str, connection: sqlite3.Connection, path: Path
) -> None:
    first, _ = damaged(
        connection, f"UPDATE entries SET body = '{body}' WHERE decision_id = 'd1'", path
    )
    assert first.damage.startswith("decision d1: its evidence is damaged")


def test_a_missing_journal_has_no_stories(path: Path) -> None:
    with pytest.raises(StateError, match="there is no journal at"):
        list(stories(path))


def test_memory_holds_so_many_bytes_and_the_oldest_features_go_first() -> None:
    journal = MemoryJournal(max_bytes=200_000)
    for number in range(12):
        journal.decision(seen(number))
    kept = journal._entries
    assert kept.bytes <= 200_000
    thin = [entry.looks[-1].features is None for entry in kept.entries()]
    assert thin == sorted(thin, reverse=True), "the oldest first"
    assert len(kept) == 12, "none is lost while features can go"
    assert kept.thinned == sum(thin) > 0
    for number in range(12, 60):
        journal.decision(seen(number))
    assert kept.bytes <= 200_000
    assert kept.dropped > 0
    assert [entry["decision_id"] for entry in journal.entries()][-1] == "d59"


def test_a_journal_that_cannot_be_written_stays_within_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    path = tmp_path / "state" / "journal.sqlite"
    journal = Journal(path, commit_s=0.01, keep_days=30, retry_s=0.05, max_bytes=300_000)
    journal.start()
    for number in range(100):
        journal.decision(seen(number))
    assert journal._queue.bytes <= 300_000
    until(lambda: not journal.status().ok)
    assert "lost for want of space" in journal.status().message
    assert "lost what only a replay needs" in journal.status().message
    (tmp_path / "state").unlink()
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    assert journal._queue.bytes == 0
    kept = list(stories(path))
    assert kept[-1].decision_id == "d99"
    assert all(each.damage == "" and len(each.looks) == 3 for each in kept)


def test_the_last_thousand_decisions_are_remembered_without_their_looks() -> None:
    journal = MemoryJournal()
    journal.decision(seen(1))
    assert journal._recent._decisions["d1"].looks == ()
    assert journal.confirmation("d1", "A1")
