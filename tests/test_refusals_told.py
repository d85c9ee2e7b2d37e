# SPDX-License-Identifier: Apache-2.0
"""What the journal hears of refusals (and, by the same code, of additions): all of it, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from refused_views import Notes, desk_on, vector, wrong
from waiting import DEADLINE_S

from kiosk.journal import Journal, read
from kiosk.refusals import RefusalStore


@contextmanager
def journal_at(path: Path) -> Iterator[Journal]:
    journal = Journal(path, commit_s=0.02, keep_days=30, retry_s=0.05)
    journal.start()
    try:
        yield journal
    finally:
        journal.close()


def told(path: Path) -> list[tuple[str, str | None]]:
    return [(entry["kind"], entry["sku"]) for entry in read(path)]


def noted(path: Path) -> list[str]:
    store = RefusalStore(path)
    store.start()
    try:
        return [row.noted for row in store.rows()]
    finally:
        store.close()


def test_a_kill_before_the_journal_could_be_written_loses_no_entry(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where the journal's folder should be")
    file, written = tmp_path / "refusals.sqlite", tmp_path / "blocked" / "journal.sqlite"
    with journal_at(written) as journal:
        desk, _ = desk_on(RefusalStore(file), journal)
        desk.refuse(wrong(1, vector(1)))
        desk.beat()  # the refusal is on the disk; the journal is not, and then the power goes
    assert noted(file) == [""]
    (tmp_path / "blocked").unlink()
    for _ in range(3):
        with journal_at(written) as journal:
            after, _ = desk_on(RefusalStore(file), journal)
            assert journal.flush(DEADLINE_S)
            after.beat()
            after.close()
        assert told(written) == [("refusal", "A1")]
    assert noted(file) == ["refusal"]


def test_a_kill_between_journal_and_mark_doubles_no_entry(tmp_path: Path) -> None:
    file, written = tmp_path / "refusals.sqlite", tmp_path / "journal.sqlite"
    with journal_at(written) as journal:
        store = RefusalStore(file)
        desk, _ = desk_on(store, journal)
        kept = desk.refuse(wrong(1, vector(1)))
        assert journal.flush(DEADLINE_S)
        store.beat()  # written as it was before it was marked, and then the power goes
    assert noted(file) == [""] and told(written) == [("refusal", "A1")]
    with journal_at(written) as journal:
        after, _ = desk_on(RefusalStore(file), journal)
        assert after.undo(kept.refusal_id)
        after.close()
    assert told(written) == [("refusal", "A1"), ("refusal-undone", "A1")]
    assert noted(file) == ["refusal-undone"]


def test_nothing_is_marked_while_the_journal_cannot_be_written_and_told_once_all_the_same(
    tmp_path: Path,
) -> None:
    journal = Notes()
    journal.works = False
    file = tmp_path / "refusals.sqlite"
    desk, _ = desk_on(RefusalStore(file), journal)
    desk.refuse(wrong(1, vector(1)))
    desk.refuse(wrong(2, vector(2)))
    for _ in range(3):
        desk.beat()
    assert noted(file) == ["", ""]
    assert len(journal.told) == 2
    journal.works = True
    desk.beat()
    desk.close()
    assert noted(file) == ["refusal", "refusal"]
    assert len(journal.told) == 2
