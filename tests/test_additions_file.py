# SPDX-License-Identifier: Apache-2.0
"""The additions' file: restarts, other processes, full, read-only and damaged disks, a kill."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prints import face, features_of
from refused_views import EMBEDDER, vector

from kiosk.additions import AdditionStore, beside
from kiosk.additions.store import undone
from kiosk.additions.values import AddedView, Addition, now
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
    subprocess.run([sys.executable, "-c", script, str(path), addition(1).addition_id], check=True)
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
    search = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
    ) as process:
        assert process.stdout is not None
        ids = [process.stdout.readline().strip() for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        process.wait()
    store = started(path)
    assert set(ids) <= set(whole(store))
    store.close()


KILLED_AT = """
    import os, signal, sys
    from pathlib import Path
    from kiosk import sqlite_file
    from kiosk.additions.store import undone
    from test_additions_file import addition, started, whole

    real = sqlite_file.open_for_writing

    def run(path, last):  # killed before the statement with this number
        left = [last]

        def count(statement):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def opened(*given):
            connection = real(*given)
            connection.set_trace_callback(count)
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
        child = os.fork()
        if child == 0:
            run(path, last)
            os._exit(0)
        finished = os.waitpid(child, 0)[1] == 0
        store = started(path)
        print(last, [int(each) for each in whole(store)], flush=True)
        gone = [row for row in store.rows() if not row.holds]
        assert not any(store.crops(row.addition_id) for row in gone)
        store.close()
        if finished:
            break
"""


def test_killed_at_any_statement_an_addition_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    search = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_AT), str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line.split(" ", 1)[1] for line in done.stdout.splitlines()]
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
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_survived(small_disk: Path) -> None:
    store = started(small_disk / "additions.sqlite")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    store.put([addition(1)])
    store.beat()
    assert "The disk is full" in store.trouble()
    assert len(whole(store)) == 1, "it counts until the kiosk stops"
    filler.unlink()
    store.beat()
    assert store.trouble() == ""
    store.close()
    again = started(small_disk / "additions.sqlite")
    assert len(whole(again)) == 1
    again.close()


def test_a_read_only_disk_is_said_and_what_it_holds_counts(small_disk: Path) -> None:
    path = small_disk / "additions.sqlite"
    store = started(path)
    store.put([addition(1)])
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        again = started(path)
        again.put([addition(2)])
        again.beat()
        assert "cannot be written" in again.trouble()
        assert len(whole(again)) == 2
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
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
