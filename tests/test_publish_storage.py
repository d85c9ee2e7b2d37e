# SPDX-License-Identifier: Apache-2.0
"""Every place a repository can lie in keeps one contract: a folder, memory, S3, other addresses."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from killed_process import running
from repositories import HeadOffice, Keys, head_office, office, signing_keys, small_release
from s3_server import bucket, s3_address
from tuf_reader import Reader, check_blobs
from waiting import DEADLINE_S

from kiosk.errors import BusyError, PublishError
from kiosk.publish import announce, standing
from kiosk.publish.announce import Wish
from kiosk.publish.bucket import LOCK, BucketStorage
from kiosk.publish.folder import FolderStorage
from kiosk.publish.memory import MemoryStorage
from kiosk.publish.places import open_place
from kiosk.publish.storage import MAX_READ_BYTES, Storage, digest

__all__ = ["bucket", "office", "s3_address", "signing_keys"]  # fixtures

Opener = Callable[[], Storage]
KINDS = ("folder", "memory", "s3", "fsspec")


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same place again and again, as several publishers would."""
    if request.param == "folder":
        return lambda: open_place(str(tmp_path / "place"))
    if request.param == "memory":
        one = MemoryStorage()
        return lambda: one
    if request.param == "s3":
        address = request.getfixturevalue("bucket")
        return lambda: open_place(f"{address}/kiosks/north")
    scheme = f"memory://{uuid.uuid4().hex}/place"
    return lambda: open_place(scheme)


def test_what_is_created_is_read_back(opened: Opener, tmp_path: Path) -> None:
    storage = opened()
    assert storage.read("blobs/ab/x") is None
    assert storage.size("blobs/ab/x") is None
    assert storage.create("blobs/ab/x", b"bytes")
    (tmp_path / "file").write_bytes(b"more" * 1000)
    assert storage.create("blobs/cd/y", tmp_path / "file")
    assert opened().read("blobs/ab/x") == b"bytes"
    assert opened().size("blobs/cd/y") == 4000
    assert opened().sha256("blobs/cd/y") == digest(b"more" * 1000)
    found = {stored.name: stored for stored in storage.names("blobs")}
    assert {name: each.bytes for name, each in found.items()} == {
        "blobs/ab/x": 5,
        "blobs/cd/y": 4000,
    }
    assert all(abs(each.modified_s - time.time()) < 3600 for each in found.values())


def test_what_is_there_is_never_created_again(opened: Opener) -> None:
    assert opened().create("metadata/1.root.json", b"first")
    assert not opened().create("metadata/1.root.json", b"second")
    assert opened().read("metadata/1.root.json") == b"first"


def test_only_what_was_read_is_replaced(opened: Opener) -> None:
    storage = opened()
    storage.replace("metadata/timestamp.json", b"one", None)
    with pytest.raises(BusyError):
        storage.replace("metadata/timestamp.json", b"other", None)
    storage.replace("metadata/timestamp.json", b"two", b"one")
    with pytest.raises(BusyError):
        storage.replace("metadata/timestamp.json", b"three", b"one")
    assert opened().read("metadata/timestamp.json") == b"two"


def test_what_is_removed_is_gone_and_may_be_removed_again(opened: Opener) -> None:
    storage = opened()
    storage.create("blobs/ab/x", b"bytes")
    storage.remove("blobs/ab/x")
    storage.remove("blobs/ab/x")
    assert storage.read("blobs/ab/x") is None
    assert list(storage.names("blobs")) == []
    assert list(storage.names("nowhere")) == []


def test_one_publisher_at_a_time(opened: Opener) -> None:
    first, second = opened(), opened()
    busy = pytest.raises(BusyError, match="is at work here|is publishing here")
    with first.held(), busy, second.held():
        pass
    with second.held():
        pass


def test_a_release_is_published_and_read(
    opened: Opener, signing_keys: Keys, tmp_path: Path
) -> None:
    there = head_office(tmp_path, signing_keys)
    there.storage = opened()
    release = small_release(tmp_path / "r", {"vectors.npy": b"v" * 5000})
    made = there.publish(release)
    with Reader(there.first_root) as reader:
        read = reader.announcement(opened())
    assert read == made
    check_blobs(opened(), read)


def test_of_two_publishers_at_once_one_is_told_and_both_come_through_in_the_end(
    opened: Opener, signing_keys: Keys, tmp_path: Path
) -> None:
    """No lock, as after one ran out: what counts is the compare when the timestamp is put."""
    there = head_office(tmp_path, signing_keys)
    there.storage = opened()
    releases = [small_release(tmp_path / f"r{n}", {"v": b"v%d" % n}) for n in range(3)]
    there.publish(releases[0])
    state = standing.read(opened(), there.trust)
    there.publish(releases[1])
    assert state.timestamp_bytes is not None
    with pytest.raises(BusyError):
        opened().replace("metadata/timestamp.json", b"late", state.timestamp_bytes)
    there.publish(releases[2])
    with Reader(there.first_root) as reader:
        assert reader.announcement(opened()).seq == 3


def test_many_publishers_in_threads_number_every_release_once(
    office: HeadOffice, tmp_path: Path
) -> None:
    releases = [small_release(tmp_path / f"r{n}", {"v": b"v%d" % n}) for n in range(6)]
    seqs: list[int] = []

    def work(release: Path) -> None:
        while True:
            try:
                seqs.append(
                    announce.publish(office.office, release, Wish("stable")).announcement.seq
                )
                return
            except BusyError:
                continue

    threads = [threading.Thread(target=work, args=(each,)) for each in releases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seqs) == [1, 2, 3, 4, 5, 6]
    with Reader(office.first_root) as reader:
        assert reader.announcement(office.storage).seq == 6


def test_a_lock_of_a_killed_publisher_runs_out(bucket: str) -> None:
    storage = BucketStorage(bucket)
    lock = {"host": "elsewhere", "process": 1, "until": time.time() + 3600, "token": "gone"}
    storage.create(LOCK, json.dumps(lock).encode())
    with pytest.raises(BusyError, match="process 1 on elsewhere"), storage.held():
        pass
    before = storage.read(LOCK)
    storage.replace(LOCK, json.dumps({**lock, "until": time.time() - 1}).encode(), before)
    with storage.held():
        assert b"gone" not in (storage.read(LOCK) or b"")
    assert storage.read(LOCK) is None


def test_whoever_was_killed_on_this_machine_keeps_nobody_out(bucket: str) -> None:
    with running(sys.executable, "-c", "") as dead:
        dead.wait(DEADLINE_S)
    lock = {"host": socket.gethostname(), "process": dead.pid, "until": time.time() + 3600}
    storage = BucketStorage(bucket)
    storage.create(LOCK, json.dumps(lock).encode())
    with storage.held():
        assert str(os.getpid()).encode() in (storage.read(LOCK) or b"")


@pytest.mark.parametrize("part", ["blobs/", "targets/", ".snapshot.", ".stable.", ".root."])
def test_a_place_that_garbles_what_it_is_given_is_found_out_by_reading_back(
    office: HeadOffice, tmp_path: Path, part: str
) -> None:
    class Forgetful(FolderStorage):
        def create(self, name: str, source: bytes | Path) -> bool:
            if part in name:
                source = b"?" * (source.stat().st_size if isinstance(source, Path) else 1)
            return super().create(name, source)

    office.storage = Forgetful(office.path)
    with pytest.raises(PublishError, match="reads differently"):
        office.publish(small_release(tmp_path / "r", {"v": b"vectors"}))
    assert office.storage.read("metadata/timestamp.json") is None


def test_a_file_too_large_to_be_metadata_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(MAX_READ_BYTES + 1)
    with pytest.raises(PublishError, match="too large"):
        FolderStorage(tmp_path).read("huge")


def test_a_folder_without_links_is_served_too(tmp_path: Path) -> None:
    def none(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # what FAT answers

    storage = FolderStorage(tmp_path, link=none)
    assert storage.create("metadata/a", b"1")
    assert not storage.create("metadata/a", b"2")
    assert [stored.name for stored in storage.names("metadata")] == ["metadata/a"]


def test_an_address_nobody_knows_is_refused_in_words() -> None:
    with pytest.raises(PublishError, match="cannot be published to"):
        open_place("gopher://old/place")
