# SPDX-License-Identifier: Apache-2.0
"""The additions' file: restarts, other processes, full, read-only and damaged disks, a kill."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from killed_process import LIFE_S, killed_after, python
from prints import face, features_of
from refused_views import EMBEDDER, vector
from small_disk import fill, remount, small_disk
from waiting import DEADLINE_S

from kiosk.additions import AdditionStore, beside
from kiosk.additions.store import undone
from kiosk.additions.values import AddedView, Addition
from kiosk.refusals.rows import now
from kiosk.values import Box, Record
from kiosk.vision.features import method

TESTS = Path(__file__).parent


def addition(number: int, views: int = 3, *, features: bool = False) -> Addition:
    """Made-up views with pictures that are none: nothing here looks at them."""
    crops = {f"{number:03}{view}".ljust(64, "0"): os.urandom(20_000) for view in range(views)}
    seen = features_of(face(1)) if features else None
    return Addition(
        addition_id=f"{number:032x}",
        at=now(),
        record=Record(f"sku-{number}", f"Item {number}", "kind", ("4012345678901",)),
        more=False,
        release="r1",
        embedder=EMBEDDER,
        method=method(),
        views=tuple(
            AddedView(
                name,
                Box(1, 2, 30.5, 40),
                np.stack([vector(10 * number + at), vector(10 * number + at + 5)]).astype("<f2"),
                seen,
            )
            for at, name in enumerate(crops)
        ),
        thumbnail=b"\xff\xd8 small",
        nearest=0.25,
        crops=crops,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "additions.sqlite"


def started(path: Path) -> AdditionStore:
    store = AdditionStore(path, retry_s=0.0)
    store.start()
    return store


def whole(store: AdditionStore) -> list[str]:
    """The additions that hold, each with all its pictures; fails when one is not whole."""
    held = [row for row in store.rows() if row.holds]
    for row in held:
        assert len(row.views) == 3
        assert set(store.crops(row.addition_id)) == {view.sha256 for view in row.views}
    return [row.addition_id for row in held]


def test_additions_are_there_again_after_a_restart(path: Path) -> None:
    first = started(path)
    kept, gone = addition(1, features=True), addition(2)
    first.put([kept, gone])
    first.beat()
    first.put([undone(gone, now())])
    first.close()
    again = started(path)
    (found,) = [row for row in again.rows() if row.holds]
    assert (found.record, found.at, found.nearest) == (kept.record, kept.at, kept.nearest)
    for mine, theirs in zip(kept.views, found.views, strict=True):
        assert (mine.sha256, mine.box) == (theirs.sha256, theirs.box)
        assert mine.vectors.tobytes() == theirs.vectors.tobytes()
        assert mine.features is not None and theirs.features is not None
        assert mine.features.points.tobytes() == theirs.features.points.tobytes()
    assert again.crops(kept.addition_id) == kept.crops
    assert again.crops(gone.addition_id) == {}, "pictures go with what was undone"
    again.close()


def test_who_waits_for_the_disk_takes_no_news_from_the_beat(path: Path) -> None:
    store = started(path)
    store.put([addition(1)])
    store.beat()
    assert beside.undo(path, addition(1).addition_id)
    store.put([addition(2)])
    store.keep(DEADLINE_S)
    assert {row.sku: row.holds for row in beside.read(path)} == {"sku-1": False, "sku-2": True}
    assert store.beat(), "what another process undid is still to be heard"
    assert not store.beat()
    assert whole(store) == [addition(2).addition_id]
    store.close()


def test_pictures_leave_the_memory_once_they_are_on_the_disk(path: Path) -> None:
    store = started(path)
    made = addition(1)
    store.put([made])
    assert store.rows()[0].crops == made.crops
    store.beat()
    assert store.rows()[0].crops == {}
    assert store.crops(made.addition_id) == made.crops
    store.put([replace(store.rows()[0], noted="addition")])
    store.beat()
    assert store.crops(made.addition_id) == made.crops, "a later change takes none away"
    store.close()


def test_a_copy_of_the_one_file_holds_everything(path: Path, tmp_path: Path) -> None:
    store = started(path)
    store.put([addition(1)])
    store.beat()
    copy = tmp_path / "copy.sqlite"
    shutil.copyfile(path, copy)
    store.close()
    other = started(copy)
    assert len(whole(other)) == 1
    other.close()


def test_what_another_process_undoes_is_heard_and_stays_undone(path: Path) -> None:
    store = started(path)
    store.put([addition(1)])
    assert not store.beat(), "what it writes itself is no news"
    script = "import sys; from pathlib import Path; from kiosk.additions import undo\n"
    script += "assert undo(Path(sys.argv[1]), sys.argv[2])"
    with python(script, path, addition(1).addition_id) as process:
        assert process.wait(DEADLINE_S) == 0
    assert store.beat()
    assert whole(store) == []
    assert store.crops(addition(1).addition_id) == {}
    store.put([replace(addition(1), noted="addition")])
    store.beat()
    assert whole(store) == []
    store.close()


KILLED = """
    import sys
    from pathlib import Path
    from test_additions_file import addition, started
    store = started(Path(sys.argv[1]))
    for number in range(10**6):
        store.put([addition(number)])
        store.beat()
        print(f"{number:032x}", flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 4, 9])
def test_a_killed_kiosk_keeps_additions_whole_or_not_at_all(path: Path, acknowledged: int) -> None:
    with python(KILLED, path) as process:
        ids = killed_after(process, acknowledged)
    store = started(path)
    assert set(ids) <= set(whole(store))
    store.close()


KILLED_AT = """
    import os, sys
    from pathlib import Path
    from killed_process import codes, kill_before
    from kiosk import sqlite_file
    from kiosk.additions.store import undone
    from test_additions_file import addition, started, whole

    real = sqlite_file.open_for_writing

    def run(path, last):  # killed before the statement with this number
        killing = kill_before(last)

        def opened(*given):
            connection = real(*given)
            connection.set_trace_callback(killing)
            return connection

        sqlite_file.open_for_writing = opened
        store = started(path)
        store.put([addition(1)])
        store.beat()
        store.put([undone(addition(1), "2026-11-22T12:00:00+00:00"), addition(2)])
        store.beat()
        store.close()

    for last in range(200):
        path = Path(sys.argv[1]) / f"{last}.sqlite"
        (code,) = codes(lambda: run(path, last))
        store = started(path)
        print(last, [int(each) for each in whole(store)], flush=True)
        gone = [row for row in store.rows() if not row.holds]
        assert not any(store.crops(row.addition_id) for row in gone)
        store.close()
        if code == 0:
            break
"""


def test_killed_at_any_statement_an_addition_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with python(KILLED_AT, tmp_path) as process:
        said, _ = process.communicate(timeout=LIFE_S)
    assert process.returncode == 0, said
    found = [line.split(" ", 1)[1] for line in said.splitlines()]
    assert found == sorted(found, key=["[]", "[1]", "[2]"].index), "never a step back"
    assert set(found) == {"[]", "[1]", "[2]"}, "never one without the other"
    assert 15 < len(found) < 200


def test_a_damaged_file_is_kept_aside_and_a_new_one_begun(path: Path) -> None:
    started(path).close()
    path.write_bytes(b"this is no database" * 100)
    store = started(path)
    assert store.trouble() == "" and "kept as additions.corrupt-" in store.remarks()
    store.put([addition(1)])
    store.close()
    again = started(path)
    assert len(whole(again)) == 1
    again.close()


def test_a_row_that_cannot_be_right_is_searched_by_nobody_and_said(path: Path) -> None:
    store = started(path)
    store.put([addition(number, features=True) for number in range(1, 6)])
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        for number, column, value in (
            (1, "vectors", bytes.fromhex("007e") * 32 * 6),
            (2, "vectors", b"\0" * 7),
            (3, "features", b"short"),
            (4, "body", "{}"),
        ):
            connection.execute(
                f"UPDATE additions SET {column} = ? WHERE id = ?", (value, f"{number:032x}")
            )
    store = started(path)
    assert [row.sku for row in store.rows()] == ["sku-5"]
    assert "4 are damaged on disk" in store.remarks()
    store.close()


def test_a_newer_kiosks_file_is_left_alone_and_said(path: Path) -> None:
    started(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    store = started(path)
    store.put([addition(1)])
    store.beat()
    assert "written by a newer kiosk" in store.trouble()
    assert len(store.rows()) == 1, "it works in memory"
    assert len(store.crops(addition(1).addition_id)) == 3
    store.close()
    assert path.read_bytes() == before


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "512k") as disk:
        yield disk


def test_a_full_disk_is_said_and_survived(disk: Path) -> None:
    store = started(disk / "additions.sqlite")
    filler = fill(disk)
    store.put([addition(1)])
    store.beat()
    assert "The disk is full" in store.trouble()
    assert len(whole(store)) == 1, "it counts until the kiosk stops"
    filler.unlink()
    store.beat()
    assert store.trouble() == ""
    store.close()
    again = started(disk / "additions.sqlite")
    assert len(whole(again)) == 1
    again.close()


def test_a_read_only_disk_is_said_and_what_it_holds_counts(disk: Path) -> None:
    path = disk / "additions.sqlite"
    store = started(path)
    store.put([addition(1)])
    store.close()
    remount(disk, "ro")
    try:
        again = started(path)
        again.put([addition(2)])
        again.beat()
        assert "cannot be written" in again.trouble()
        assert len(whole(again)) == 2
    finally:
        remount(disk, "rw")
    again.beat()
    assert again.trouble() == ""
    again.close()


def test_nothing_is_written_while_nothing_changes(path: Path) -> None:
    store = started(path)
    store.put([addition(1)])
    store.beat()
    before = path.stat().st_mtime_ns, path.read_bytes()
    for _ in range(5):
        store.beat()
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    store.close()


def test_another_process_reads_beside_a_running_kiosk(path: Path) -> None:
    store = started(path)
    store.put([addition(1), addition(2)])
    store.beat()
    assert [row.sku for row in beside.read(path)] == ["sku-1", "sku-2"]
    assert not beside.undo(path, "f" * 32)
    store.close()
