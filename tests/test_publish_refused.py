# SPDX-License-Identifier: Apache-2.0
"""A place that refuses to be written: it is named with the reason, nothing half is announced."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from repositories import HeadOffice, Keys, head_office, signing_keys, small_release
from s3_server import s3_address
from tuf_reader import Reader, check_blobs

from kiosk.errors import PlaceError
from kiosk.publish.bucket import BucketStorage
from kiosk.publish.explained import Explained, refused
from kiosk.publish.folder import FolderStorage
from kiosk.publish.places import open_place

__all__ = ["s3_address", "signing_keys"]  # fixtures


@pytest.fixture
def there(tmp_path: Path, signing_keys: Keys) -> HeadOffice:
    """Publishes as the command does to `disk/kiosks`, which may be a disk of its own."""
    (tmp_path / "disk").mkdir()
    made = head_office(tmp_path / "disk" / "kiosks", signing_keys)
    made.storage = open_place(str(made.path))
    return made


@contextmanager
def disk(folder: Path, size: str) -> Iterator[None]:
    """A small file system of its own at `folder`."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root and the right to mount a small tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remounted(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def release(folder: Path, mark: bytes, size: int) -> Path:
    return small_release(folder, {"vectors": mark * size, "records": b"same" * 1000})


def announced(there: HeadOffice) -> int:
    """What a kiosk that comes new reads, every byte of it proven."""
    storage = FolderStorage(there.path)
    with Reader(there.first_root) as reader:
        read = reader.announcement(storage)
        check_blobs(storage, read)
        return read.seq


def scratch_files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.new")]


@pytest.mark.parametrize("size", ["100k", "300k"])
def test_on_a_full_disk_the_place_is_named_and_room_is_all_it_takes(
    there: HeadOffice, tmp_path: Path, size: str
) -> None:
    """Full in the middle of the first blob, or of a later one."""
    first, second = release(tmp_path / "a", b"a", 60_000), release(tmp_path / "b", b"b", 400_000)
    with disk(tmp_path / "disk", size):
        there.publish(first)
        with pytest.raises(PlaceError) as caught:
            there.publish(second)
        said = str(caught.value)
        assert said.startswith(f"{there.path}: refused (blobs/")
        assert "No space left on device; make room there" in said
        assert "kiosk catalog collect" in said
        assert caught.value.exit_code == os.EX_IOERR
        assert announced(there) == 1
        assert scratch_files(there.path) == []
        remounted(tmp_path / "disk", "size=2m")
        there.publish(second)
        assert announced(there) == 2


def test_wherever_a_disk_gets_full_kiosks_see_the_old_release_or_the_new(
    there: HeadOffice, tmp_path: Path
) -> None:
    """A page of room more each time, until it goes through: also in the middle of the metadata."""
    first, second = release(tmp_path / "a", b"a", 1000), release(tmp_path / "b", b"b", 9000)
    refusals = 0
    with disk(tmp_path / "disk", "1m"):
        there.publish(first)
        before = shutil.copytree(there.path, tmp_path / "before")
        while announced(there) == 1:
            remounted(tmp_path / "disk", "size=1m")
            shutil.rmtree(there.path)
            shutil.copytree(before, there.path)
            status = os.statvfs(there.path)
            pages = status.f_blocks - status.f_bfree + refusals
            remounted(tmp_path / "disk", f"size={pages * status.f_frsize}")
            with suppress(PlaceError):
                there.publish(second)
                break
            refusals += 1
            assert announced(there) == 1
            assert scratch_files(there.path) == []
        assert announced(there) == 2
    assert refusals >= 6, "blobs, announcement and metadata each need a page"


def test_a_place_that_is_read_only_is_named(there: HeadOffice, tmp_path: Path) -> None:
    releases = [release(tmp_path / name, name.encode(), 1000) for name in "ab"]
    with disk(tmp_path / "disk", "1m"):
        there.publish(releases[0])
        remounted(tmp_path / "disk", "ro")
        with pytest.raises(PlaceError, match="Read-only file system; mount it to be written"):
            there.publish(releases[1])
        assert announced(there) == 1


def test_a_bucket_that_nobody_made_is_named(s3_address: str) -> None:
    assert s3_address
    address = "s3://nobodys-bucket/kiosks"
    with (
        pytest.raises(PlaceError, match=f"{address}: refused.*correct the address"),
        open_place(address).held(),
    ):
        pass


def test_a_service_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, s3_address: str
) -> None:
    """Its library has errors of its own, which are no OSError."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        place = Explained(BucketStorage("s3://far-away/kiosks", endpoint_url=address))
        with pytest.raises(PlaceError) as caught:
            place.size("metadata/timestamp.json")
    assert str(caught.value).startswith("s3://far-away/kiosks: refused (metadata/timestamp.json)")
    assert "the network" in str(caught.value)
    assert address in str(caught.value)


@pytest.mark.parametrize(
    ("error", "todo"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "make room there"),
        (PermissionError("Access Denied"), "other credentials"),  # as s3fs has it: no number
        (FileNotFoundError("The specified bucket does not exist"), "correct the address"),
        (OSError(errno.EFBIG, "File too large"), "ulimit"),
        (RuntimeError(""), "RuntimeError; check the address, the network"),
    ],
)
def test_each_reason_says_what_to_do(error: Exception, todo: str) -> None:
    said = str(refused("s3://shop/kiosks", "metadata/1.root.json", error))
    assert said.startswith("s3://shop/kiosks: refused (metadata/1.root.json): ")
    assert todo in said
    assert said.endswith("kiosks see what they saw; then the same command goes on")
