# SPDX-License-Identifier: Apache-2.0
"""The journal against full, read-only and damaged disks, and against being killed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from killed_process import killed_after, python
from small_disk import fill, remount, small_disk
from test_journal import decision
from waiting import DEADLINE_S, until

from kiosk.errors import StateError
from kiosk.journal import Journal, read

NEVER = -1
WRITE = """
    import itertools, signal, sys
    from pathlib import Path
    from kiosk.journal import Journal
    from test_journal import decision
    from waiting import DEADLINE_S
    journal = Journal(Path(sys.argv[1]), commit_s=0.005, keep_days=30)
    journal.start()
    last = int(sys.argv[2])
    for number in itertools.count():
        journal.decision(decision(number))
        if number % 7 == 0 and journal.flush(DEADLINE_S):
            print(number, flush=True)
        if number == last:
            signal.pause()
"""


@pytest.mark.parametrize("acknowledged", [1, 40])
def test_a_killed_kiosk_loses_nothing_that_was_acknowledged(
    tmp_path: Path, acknowledged: int
) -> None:
    path = tmp_path / "journal.sqlite"
    with python(WRITE, path, NEVER) as process:
        last = int(killed_after(process, acknowledged)[-1])
    numbers = [int(entry["decision_id"][1:]) for entry in read(path)]
    assert numbers == list(range(len(numbers))), "in order, none twice"
    assert len(numbers) > last


GROW_PAST_THE_LIMIT = """
    import resource, sys
    from pathlib import Path
    from kiosk.journal import Journal, read
    from test_journal import decision
    from waiting import DEADLINE_S, until
    path = Path(sys.argv[1])
    journal = Journal(path, commit_s=0.005, keep_days=30, capacity=400, retry_s=0.05)
    journal.start()
    journal.decision(decision(0))
    assert journal.flush(DEADLINE_S)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
    for number in range(1, 201):
        journal.decision(decision(number))
    until(lambda: not journal.status().ok)
    status = journal.status()
    assert status.waiting > 0 and "wait in memory" in status.message, status
    assert not journal.flush(0.1)
    for number in range(201, 701):
        journal.decision(decision(number))
    assert "lost for want of space" in journal.status().message
    assert journal.status().waiting == 400
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert journal.flush(DEADLINE_S)
    until(lambda: journal.status().ok)
    numbers = [int(entry["decision_id"][1:]) for entry in read(path)]
    assert numbers[0] == 0 and numbers[-400:] == list(range(301, 701)), numbers
    assert len(set(numbers)) == len(numbers)
    journal.close(DEADLINE_S)
    print("done")
"""


def test_when_files_cannot_grow_nothing_blocks_and_all_is_written_afterwards(
    tmp_path: Path,
) -> None:
    with python(GROW_PAST_THE_LIMIT, tmp_path / "journal.sqlite") as process:
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert output == "done\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "512k") as disk:
        yield disk


def test_a_full_disk_is_said_and_survived(disk: Path) -> None:
    path = disk / "journal.sqlite"
    journal = Journal(path, commit_s=0.005, keep_days=30, retry_s=0.05)
    journal.start()
    journal.decision(decision(0))
    assert journal.flush(DEADLINE_S)
    filler = fill(disk)
    for number in range(1, 301):
        journal.decision(decision(number))
    until(lambda: "The disk is full" in journal.status().message)
    assert not journal.status().ok
    filler.unlink()
    assert journal.flush(DEADLINE_S)
    until(lambda: journal.status().ok)
    journal.close(DEADLINE_S)
    assert [entry["decision_id"] for entry in read(path)] == [f"d{n}" for n in range(301)]


def test_a_disk_full_from_the_start_does_not_stop_the_kiosk(disk: Path) -> None:
    filler = fill(disk)
    path = disk / "state" / "journal.sqlite"
    journal = Journal(path, commit_s=0.005, keep_days=30, retry_s=0.05)
    journal.start()
    journal.decision(decision())
    assert journal.confirmation("d1", "A1")
    until(lambda: not journal.status().ok)
    filler.unlink()
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    assert len(list(read(path))) == 2


def test_a_read_only_disk_is_said_and_read_and_survived(disk: Path) -> None:
    path = disk / "journal.sqlite"
    journal = Journal(path, commit_s=0.005, keep_days=30, retry_s=0.05)
    journal.start()
    journal.decision(decision(1))
    journal.close(DEADLINE_S)
    remount(disk, "ro")
    again = Journal(path, commit_s=0.005, keep_days=30, retry_s=0.05)
    again.start()
    again.decision(decision(2))
    until(lambda: not again.status().ok)
    assert "cannot be written" in again.status().message
    assert [entry["decision_id"] for entry in read(path)] == ["d1"]
    remount(disk, "rw")
    assert again.flush(DEADLINE_S)
    again.close(DEADLINE_S)
    assert [entry["decision_id"] for entry in read(path)] == ["d1", "d2"]


def test_entries_still_in_the_log_are_read_from_a_read_only_disk(disk: Path) -> None:
    with python(WRITE, disk / "journal.sqlite", 7) as process:
        killed_after(process, 2)
    assert (disk / "journal.sqlite-wal").stat().st_size > 0
    (disk / "journal.sqlite-shm").unlink()
    remount(disk, "ro")
    try:
        assert len(list(read(disk / "journal.sqlite"))) >= 8
    finally:
        remount(disk, "rw")


def test_a_file_in_the_place_of_the_folder_is_said_and_survived(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.write_text("in the way")
    journal = Journal(folder / "journal.sqlite", commit_s=0.005, keep_days=30, retry_s=0.05)
    journal.start()
    journal.decision(decision())
    until(lambda: not journal.status().ok)
    folder.unlink()
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    assert len(list(read(folder / "journal.sqlite"))) == 1


def written(path: Path, count: int) -> None:
    journal = Journal(path, commit_s=0.005, keep_days=30)
    journal.start()
    for number in range(count):
        journal.decision(decision(number))
    journal.close(DEADLINE_S)


def damage_header(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 300)


def damage_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [damage_header, damage_pages])
def test_a_damaged_journal_is_kept_aside_and_a_new_one_begun(
    tmp_path: Path, damage, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.sqlite"
    written(path, 200)
    damage(path)
    with pytest.raises(StateError, match="is damaged"):
        list(read(path))
    journal = Journal(path, commit_s=0.005, keep_days=30)
    journal.start()
    journal.decision(decision(7))
    assert journal.flush(DEADLINE_S)
    assert journal.status().ok
    (kept,) = tmp_path.glob("journal.corrupt-*.sqlite")
    assert kept.name in journal.status().message
    journal.close(DEADLINE_S)
    assert [entry["decision_id"] for entry in read(path)] == ["d7"]
    assert any("a new one begun" in record.message for record in caplog.records)


def test_a_log_that_holds_every_page_repairs_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with python(WRITE, path, 0) as process:
        killed_after(process, 1)  # it waits: no checkpoint begins the log anew
    damage_header(path)
    assert [entry["decision_id"] for entry in read(path)][:1] == ["d0"]


def test_the_log_of_a_damaged_journal_goes_aside_with_it(tmp_path: Path) -> None:
    path, wal = tmp_path / "journal.sqlite", tmp_path / "journal.sqlite-wal"
    written(path, 200)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA synchronous = FULL")
    writer.execute("UPDATE entries SET sku = 'stale' WHERE id = 100")
    log = wal.read_bytes()
    writer.close()
    damage_header(path)
    wal.write_bytes(log)
    journal = Journal(path, commit_s=0.005, keep_days=30)
    journal.start()
    journal.decision(decision(7))
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    assert [entry["decision_id"] for entry in read(path)] == ["d7"]
    assert len(list(tmp_path.glob("journal.corrupt-*.sqlite"))) == 1
    assert [kept.read_bytes() for kept in tmp_path.glob("journal.corrupt-*-wal")] == [log]


def test_another_program_that_holds_the_lock_only_delays(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    written(path, 1)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    journal = Journal(path, commit_s=0.005, keep_days=30, retry_s=0.05)
    journal.start()
    journal.decision(decision(2))
    assert not journal.flush(0.2)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    assert len(list(read(path))) == 2


def remove(path: Path) -> None:
    path.unlink()


def rename(path: Path) -> None:
    path.rename(path.with_name("renamed.sqlite"))


def replace_by_another(path: Path) -> None:
    other = path.with_name("other.sqlite")
    journal = Journal(other, commit_s=0.005, keep_days=30)
    journal.start()
    journal.decision(decision(100))
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    other.rename(path)


def replace_by_garbage(path: Path) -> None:
    other = path.with_name("garbage")
    other.write_bytes(b"no database at all" * 400)
    other.rename(path)


@pytest.mark.parametrize("attack", [remove, rename, replace_by_another, replace_by_garbage])
def test_a_journal_taken_away_under_a_running_kiosk_is_said_and_begun_again(
    attack: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, commit_s=0.005, keep_days=30, retry_s=0.05)
    journal.start()
    journal.decision(decision(1))
    assert journal.flush(DEADLINE_S)
    attack(path)
    journal.decision(decision(2))
    until(lambda: "removed or replaced" in journal.status().message)
    journal.decision(decision(3))
    until(lambda: journal.status().waiting == 0)
    until(lambda: journal.status().ok)
    assert "removed or replaced" in journal.status().message
    journal.close(DEADLINE_S)
    before = ["d100"] if attack is replace_by_another else []
    assert [entry["decision_id"] for entry in read(path)] == [*before, "d2", "d3"]
    if attack is rename:
        old = read(tmp_path / "renamed.sqlite")
        assert [entry["decision_id"] for entry in old] == ["d1"]


def test_a_folder_in_place_of_the_journal_is_waited_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, commit_s=0.005, keep_days=30, retry_s=0.05)
    journal.start()
    journal.decision(decision(1))
    assert journal.flush(DEADLINE_S)
    path.unlink()
    path.mkdir()
    journal.decision(decision(2))
    until(lambda: "cannot be written" in journal.status().message)
    assert not journal.status().ok
    assert journal.status().waiting == 1
    path.rmdir()
    until(lambda: journal.status().waiting == 0)
    journal.close(DEADLINE_S)
    assert [entry["decision_id"] for entry in read(path)] == ["d2"]


def test_an_entry_whose_evidence_is_damaged_is_named_and_what_is_before_it_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    written(path, 3)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET body = '{' WHERE id = 3")
    connection.close()
    entries = read(path, None)
    assert [next(entries)["id"], next(entries)["id"]] == [1, 2]
    with pytest.raises(StateError, match="is damaged"):
        next(entries)
