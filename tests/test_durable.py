# SPDX-License-Identifier: Apache-2.0
"""What `kiosk.durable` asks of the system, call by call, and what it leaves when that fails."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from kiosk import durable
from kiosk.durable import DiskFiles

DATA = b"x" * 10


@contextmanager
def watched() -> Iterator[list[tuple[str, str, int]]]:
    """Each call that makes something last or gives it another name, as it is made: what, the name
    that the file has then, and its size (0: a folder).
    """
    calls: list[tuple[str, str, int]] = []

    def look(frame: FrameType, event: str, called: Any) -> None:
        if event != "c_call":
            return
        if called is os.fsync:
            file = frame.f_locals.get("file")
            handle = frame.f_locals["handle"] if file is None else file.fileno()
            path = Path(f"/proc/self/fd/{handle}").readlink()
            calls.append(("fsync", path.name, 0 if path.is_dir() else path.stat().st_size))
        elif called is os.rename:
            calls.append(("rename", Path(frame.f_locals["self"]).name, 0))

    sys.setprofile(look)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def test_a_file_is_on_the_disk_before_it_gets_its_name_and_then_its_name_is(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_bytes(b"old")
    with watched() as calls:
        durable.write_durably(path, DATA)
    assert calls == [("fsync", ".file.new", 10), ("rename", ".file.new", 0), ("fsync", "folder", 0)]
    assert path.read_bytes() == DATA
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_replaced_stays_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.mkdir()
    (path / "inside").touch()
    with pytest.raises(OSError, match="file"):
        durable.write_durably(path, DATA)
    assert list(tmp_path.iterdir()) == [path]
    assert (path / "inside").exists()


@pytest.mark.parametrize("sync", [durable.sync, DiskFiles().sync, DiskFiles().sync_folder])
def test_a_file_and_a_folder_are_brought_to_the_disk(sync: Any, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    before = open_files()
    with watched() as calls:
        sync(path)
        sync(tmp_path)
    assert calls == [("fsync", "file", 10), ("fsync", tmp_path.name, 0)]
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_contents_are_on_the_disk_before_the_folders_that_name_them(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    for path in (inner / "a", inner / "b", inner.parent / "c"):
        path.write_bytes(DATA)
    with watched() as calls:
        durable.sync_tree(inner.parent)
    names = [name for _, name, _ in calls]
    assert sorted(names) == ["a", "b", "c", "inner", "outer"]
    assert names.index("inner") > max(names.index("a"), names.index("b"))
    assert names[-1] == "outer"


def test_a_whole_file_system_is_brought_to_the_disk_at_once(tmp_path: Path) -> None:
    before = open_files()
    assert durable.sync_file_system(tmp_path)
    assert open_files() == before
    with pytest.raises(FileNotFoundError):
        durable.sync_file_system(tmp_path / "missing")


def test_two_folders_swap_their_names_in_one_step(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    with watched() as calls:
        durable.exchange(tmp_path / "first", tmp_path / "second")
    assert calls == [], "no name was missing for a moment"
    assert (tmp_path / "first" / "second").exists()
    assert (tmp_path / "second" / "first").exists()


@pytest.mark.parametrize("there", ["first", "second"])
def test_what_cannot_be_swapped_is_said_and_stays(there: str, tmp_path: Path) -> None:
    (tmp_path / there).mkdir()
    with watched() as calls, pytest.raises(FileNotFoundError) as error:
        durable.exchange(tmp_path / "first", tmp_path / "second")
    names = (error.value.filename, error.value.filename2)
    assert names == (str(tmp_path / "first"), str(tmp_path / "second"))
    assert calls == []
    assert [path.name for path in tmp_path.iterdir()] == [there]


def test_where_names_cannot_be_swapped_at_once_nothing_is_lost_on_the_way(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    durable.exchange_in_steps(tmp_path / "first", tmp_path / "second")
    assert (tmp_path / "first" / "second").exists()
    assert (tmp_path / "second" / "first").exists()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_swap_that_fails_in_the_middle_is_taken_back_and_said(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    with pytest.raises(FileNotFoundError) as error:
        durable.exchange_in_steps(tmp_path / "first", tmp_path / "second")
    assert error.value.filename == str(tmp_path / "first")
    assert [path.name for path in tmp_path.iterdir()] == ["second"]


def test_a_file_is_locked_once_and_its_refusal_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = durable.locked(path)
    before = open_files()
    with pytest.raises(BlockingIOError):
        durable.locked(path)
    assert open_files() == before
    os.close(held)
    os.close(durable.locked(path))


def test_locks_can_be_read_by_others_and_written_by_nobody_else(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        os.close(durable.locked(tmp_path / "one"))
        with DiskFiles().lock(tmp_path / "two"):
            pass
    finally:
        os.umask(mask)
    for name in ("one", "two"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644


def test_a_lock_of_the_store_keeps_others_out_until_it_ends(tmp_path: Path) -> None:
    before = open_files()
    with DiskFiles().lock(tmp_path / "lock"), pytest.raises(BlockingIOError):
        durable.locked(tmp_path / "lock")
    assert open_files() == before
    os.close(durable.locked(tmp_path / "lock"))


def test_a_file_of_the_store_is_replaced_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with watched() as calls:
        durable.replace_file(DiskFiles(), path, DATA)
    wanted = [("fsync", ".file.new", 10), ("rename", ".file.new", 0), ("fsync", tmp_path.name, 0)]
    assert calls == wanted
    assert path.read_bytes() == DATA


def test_a_folder_lasts_with_all_above_it_also_when_it_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with watched() as calls:
        durable.made_folder(DiskFiles(), folder)
        durable.made_folder(DiskFiles(), folder)
    assert [name for _, name, _ in calls] == [tmp_path.parent.name, tmp_path.name, "a", "a"]
    assert folder.is_dir()


def test_what_is_no_plain_file_or_folder_is_none(tmp_path: Path) -> None:
    files = DiskFiles()
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(DATA)
    (tmp_path / "to-file").symlink_to("file")
    (tmp_path / "to-folder").symlink_to("folder")
    names = ("file", "folder", "missing", "to-file", "to-folder", "file/below")
    assert [files.size(tmp_path / name) for name in names] == [10, None, None, None, None, None]
    assert [files.is_folder(tmp_path / name) for name in names] == [
        name == "folder" for name in names
    ]
    assert files.names(tmp_path) == ("file", "folder", "to-file", "to-folder")
    assert files.names(tmp_path / "missing") == ()
    files.mkdir(tmp_path / "folder")
    with pytest.raises(FileExistsError):
        files.mkdir(tmp_path / "file")


def test_files_are_made_lengthened_copied_and_frozen(tmp_path: Path) -> None:
    files = DiskFiles()
    path, copy, link = tmp_path / "file", tmp_path / "copy", tmp_path / "link"
    files.append(path, b"ab")
    files.append(path, b"cd")
    files.copy(path, copy)
    files.link(path, link)
    assert copy.read_bytes() == b"abcd"
    files.write(copy, b"other")
    assert (path.read_bytes(), copy.read_bytes(), link.read_bytes()) == (b"abcd", b"other", b"abcd")
    with pytest.raises(FileExistsError):
        files.link(path, copy)
    files.freeze(path)
    assert stat.S_IMODE(link.stat().st_mode) == 0o444
    files.unlink(path)
    assert files.size(path) is None
    status = os.statvfs(tmp_path)
    assert files.free_bytes(tmp_path) * 2 > status.f_bavail * status.f_frsize, "it is in bytes"
