# SPDX-License-Identifier: Apache-2.0
"""The refusals' file: restarts, other processes, full, read-only and damaged disks, a kill."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from killed_process import killed_after, python
from prints import face, features_of
from refused_views import EMBEDDER, Notes, desk_on, vector, wrong
from small_disk import fill, remount, small_disk
from waiting import DEADLINE_S

from kiosk.refusals import RefusalDesk, RefusalStore
from kiosk.values import Match

TESTS = Path(__file__).parent
ANSWER = (Match("A1", 0.8, 0),)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "refusals.sqlite"


def opened(path: Path, journal: Notes | None = None) -> RefusalDesk:
    return desk_on(RefusalStore(path, retry_s=0.0), journal)[0]


def listed(path: Path) -> int:
    """How many hold in the file."""
    desk = opened(path)
    try:
        return len(desk.listed())
    finally:
        desk.close()


def test_refusals_are_there_again_after_a_restart(path: Path) -> None:
    first = opened(path)
    seen = features_of(face(1))
    kept = first.refuse(wrong(1, vector(1), features=seen))
    undone = first.refuse(wrong(2, vector(2), "B2"))
    first.undo(undone.refusal_id)
    first.close()
    journal = Notes()
    store = RefusalStore(path)
    again, refusals = desk_on(store, journal)
    (found,) = again.listed()
    assert (found.refusal_id, found.sku, found.at) == (kept.refusal_id, "A1", kept.at)
    assert (found.embedding == kept.embedding).all()
    assert found.features is not None
    assert found.features.points.tobytes() == seen.points.tobytes()
    assert refusals.marked(ANSWER, vector(1))[0].refused
    assert journal.told == [], "the journal knows already"
    again.close()


def test_a_copy_of_the_one_file_holds_everything(path: Path, tmp_path: Path) -> None:
    desk = opened(path)
    desk.refuse(wrong(1, vector(1)))
    desk.beat()
    copy = tmp_path / "copy.sqlite"
    shutil.copyfile(path, copy)
    desk.close()
    other = opened(copy)
    assert len(other.listed()) == 1
    other.close()


def test_what_another_process_undoes_is_heard_and_told_to_the_journal(path: Path) -> None:
    journal = Notes()
    desk, refusals = desk_on(RefusalStore(path), journal)
    made = desk.refuse(wrong(1, vector(1)))
    assert not desk.beat(), "what it writes itself is no news"
    script = """
        import dataclasses, sys
        from pathlib import Path
        from kiosk.refusals import RefusalStore
        store = RefusalStore(Path(sys.argv[1]))
        store.start()
        store.put([dataclasses.replace(store.rows()[0], undone_at="2026-11-22T12:00:00+00:00")])
        store.close()
    """
    with python(script, path) as process:
        assert process.wait(DEADLINE_S) == 0
    assert desk.beat()
    assert desk.listed() == ()
    assert not refusals.marked(ANSWER, vector(1))[0].refused
    assert [entry[0] for entry in journal.told] == ["refusal", "refusal-undone"]
    assert journal.told[1][1]["refusal_id"] == made.refusal_id
    assert not desk.beat()
    desk.close()


KILLED = """
    import sys
    from pathlib import Path
    from kiosk.refusals import RefusalStore
    from refused_views import desk_on, vector, wrong
    desk, _ = desk_on(RefusalStore(Path(sys.argv[1])))
    for number in range(10**6):
        made = desk.refuse(wrong(number, vector(number)))
        desk.beat()
        print(made.refusal_id, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 12])
def test_a_killed_kiosk_loses_no_refusal_it_has_acknowledged(path: Path, acknowledged: int) -> None:
    with python(KILLED, path) as process:
        ids = killed_after(process, acknowledged)
    journal = Notes()
    desk = opened(path, journal)
    assert set(ids) <= {refusal.refusal_id for refusal in desk.listed()}
    assert len(journal.told) <= 1, "the journal is told what the kill may have kept from it"
    desk.close()


def test_a_damaged_file_is_kept_aside_and_a_new_one_begun(path: Path) -> None:
    opened(path).close()
    path.write_bytes(b"this is no database" * 100)
    desk = opened(path)
    status = desk.status()
    assert status.ok and "A damaged file was kept as refusals.corrupt-" in status.message
    desk.refuse(wrong(1, vector(1)))
    desk.close()
    assert [kept.read_bytes()[:4] for kept in path.parent.glob("*.corrupt-*")] == [b"this"]
    assert listed(path) == 1


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_file_that_goes_is_begun_again_with_all_that_is_in_memory(path: Path, how: str) -> None:
    desk = opened(path)
    desk.refuse(wrong(1, vector(1)))
    if how == "removed":
        path.unlink()
    else:
        path.with_name("other").write_bytes(path.read_bytes())
        path.with_name("other").replace(path)
    desk.refuse(wrong(2, vector(2)))
    desk.beat()
    assert desk.status().ok
    desk.close()
    assert listed(path) == 2


def test_a_newer_kiosks_file_is_left_alone_and_said(path: Path) -> None:
    opened(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    desk, refusals = desk_on(RefusalStore(path, retry_s=0.0))
    desk.refuse(wrong(1, vector(1)))
    desk.beat()
    status = desk.status()
    assert not status.ok and "written by a newer kiosk" in status.message
    assert "holds until the kiosk stops" in status.message
    assert refusals.marked(ANSWER, vector(1))[0].refused, "it works in memory"
    desk.close()
    assert path.read_bytes() == before


def test_a_row_that_cannot_be_right_marks_nothing_and_is_said(path: Path) -> None:
    desk = opened(path)
    for number in (1, 2, 3, 4, 5):
        desk.refuse(wrong(number, vector(number)))
    desk.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM refusals ORDER BY at")]
        nan, short = bytes.fromhex("007e") * 32, b"\0" * 7
        for id_, column, value in (
            (ids[0], "embedding", nan),
            (ids[1], "embedding", short),
            (ids[2], "features", b"short"),
            (ids[3], "similarity", 7.0),
        ):
            connection.execute(f"UPDATE refusals SET {column} = ? WHERE id = ?", (value, id_))
    desk = opened(path)
    assert [refusal.refusal_id for refusal in desk.listed()] == ids[4:]
    assert "4 are damaged on disk" in desk.status().message
    desk.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "512k") as disk:
        yield disk


def test_a_full_disk_is_said_and_survived(disk: Path) -> None:
    path = disk / "refusals.sqlite"
    desk, refusals = desk_on(RefusalStore(path, retry_s=0.0))
    filler = fill(disk)
    desk.refuse(wrong(1, vector(1), features=features_of(face(1))))
    desk.beat()
    status = desk.status()
    assert not status.ok and "The disk is full" in status.message
    assert refusals.marked(ANSWER, vector(1))[0].refused
    filler.unlink()
    desk.beat()
    assert desk.status().ok
    desk.close()
    assert listed(path) == 1


def test_a_read_only_disk_is_said_and_what_it_holds_counts(disk: Path) -> None:
    path = disk / "refusals.sqlite"
    desk = opened(path)
    desk.refuse(wrong(1, vector(1)))
    desk.close()
    remount(disk, "ro")
    try:
        again, refusals = desk_on(RefusalStore(path, retry_s=0.0))
        again.refuse(wrong(2, vector(2), "B2"))
        again.beat()
        assert not again.status().ok
        assert "cannot be written" in again.status().message
        assert len(again.listed()) == 2
        assert refusals.marked(ANSWER, vector(1))[0].refused
    finally:
        remount(disk, "rw")
    again.beat()
    assert again.status().ok
    again.close()
    assert listed(path) == 2


def test_nothing_is_written_while_nothing_changes(path: Path) -> None:
    desk = opened(path)
    desk.refuse(wrong(1, vector(1)))
    desk.beat()
    before = path.stat().st_mtime_ns, path.read_bytes()
    for _ in range(5):
        desk.beat()
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    assert desk.listed()[0].embedder == EMBEDDER
    desk.close()
