# SPDX-License-Identifier: Apache-2.0
"""The store by itself: real files, several writers, and disks that are full or read-only."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from killed_process import killed_after, python
from model_files import ModelFiles
from small_disk import fill, remount, small_disk
from store_parts import NOW, Bundle, blob, bundle, installed

from kiosk.announcement import Announcement, Gate, to_json
from kiosk.catalog.manifest import verify
from kiosk.config import Config, StateConfig
from kiosk.errors import CatalogError, Held, Tampered
from kiosk.store import Phase, Pointer, Store
from kiosk.store.derived import trim, wipe
from kiosk.store.place import answering_folder
from kiosk.store.pointer import MOST_QUARANTINED, Installed, activated, failed, good, refused
from kiosk.store.pointer_file import parse
from kiosk.store.pointer_file import to_json as pointer_json
from kiosk.store.standing import standing
from kiosk.values.sync import SyncState, SyncStatus

A, B, C = bundle("a"), bundle("b", "2026-11-02T00:00:00+00:00"), bundle("c")
GOOD = Gate(good_after_s=0, good_after_decisions=0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", now=lambda: NOW)


def answering(store: Store, made: Bundle = A, seq: int = 1) -> Pointer:
    """`made` current and good."""
    store.activate(installed(store, made, seq), GOOD, "shop")
    return store.good(made.release)


def test_a_release_folder_is_made_of_names_for_blobs_and_opens_like_any_other(store: Store) -> None:
    installed(store, A, 1)
    folder = store.releases.path(A.release)
    assert verify(folder).release == A.release
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    assert files
    assert all(path.stat().st_nlink == 2 for path in files)
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in files)


def test_what_two_releases_share_lies_on_the_disk_once(store: Store) -> None:
    installed(store, A, 1)
    installed(store, B, 2)
    assert len(list(store.blobs.folder.iterdir())) == len({*A.blobs, *B.blobs})


def test_where_there_are_no_links_files_are_copied() -> None:
    files = ModelFiles(links=False)
    files.mkdir(Path("/state"))
    store = Store(Path("/state/store"), files, now=lambda: NOW)
    store.activate(installed(store, A, 1), GOOD)
    assert (
        store.releases.fault(store.releases.path(A.release), store.releases.manifest(A.release))
        == ""
    )


def test_a_part_is_resumed_proven_and_only_then_a_blob(store: Store) -> None:
    data = b"x" * 1000
    part = store.blobs.part(blob(data).sha256)
    part.append(data[:400])
    part = store.blobs.part(blob(data).sha256)
    assert part.size == 400
    assert not store.blobs.has(blob(data))
    part.append(data[400:])
    store.blobs.keep(blob(data))
    assert store.blobs.has(blob(data))
    assert part.size == 0


def test_other_bytes_than_were_signed_never_become_a_blob(store: Store) -> None:
    wanted = blob(b"good")
    part = store.blobs.part(wanted.sha256)
    part.append(b"evil")
    with pytest.raises(Tampered):
        store.blobs.keep(wanted)
    assert part.size == 0
    assert not store.blobs.has(wanted)


@pytest.mark.parametrize("name", ["../pointer.json", "a/b", "", "A" * 64])
def test_a_blob_has_no_other_name_than_a_sha256(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="not a sha256"):
        store.blobs.path(name)


def test_a_damaged_blob_is_found_before_a_release_is_made_of_it(store: Store) -> None:
    for each, data in A.blobs.items():
        store.blobs.put(data, each)
    victim = store.blobs.path(next(iter(A.blobs)).sha256)
    victim.chmod(0o644)
    victim.write_bytes(b"!" * victim.stat().st_size)
    with pytest.raises(Held, match="damaged on this disk"):
        store.install(A.manifest)
    assert not store.releases.path(A.release).exists()
    assert not victim.exists(), "it is fetched again"


def test_a_damaged_release_folder_is_made_again(store: Store) -> None:
    answering(store)
    file = store.releases.path(A.release) / "calibration.json"
    file.unlink()
    installed(store, A, 1)
    assert verify(store.releases.path(A.release)).release == A.release


def test_a_quarantined_release_does_not_come_again_until_a_person_allows_it(store: Store) -> None:
    answering(store)
    bad = installed(store, B, 2)
    store.activate(bad, GOOD)
    pointer = store.failed(B.release, "wrong answers")
    assert pointer.current == A.installed(1)
    with pytest.raises(Held, match="wrong answers"):
        store.activate(replace(bad, seq=3), GOOD)
    store.allow(B.release)
    assert store.activate(replace(bad, seq=3), GOOD).current == replace(bad, seq=3)


def test_what_was_proven_is_fallen_back_to_and_nothing_else(store: Store) -> None:
    answering(store)
    store.activate(installed(store, B, 2), GOOD)
    pointer = store.activate(installed(store, C, 3), GOOD)
    assert pointer.previous == A.installed(1)
    pointer = store.failed(C.release, "bad")
    assert (pointer.current, pointer.phase) == (A.installed(1), Phase.GOOD)


def test_what_was_never_proven_is_better_than_nothing_and_on_trial_again(store: Store) -> None:
    store.activate(installed(store, A, 1), GOOD)
    store.started()
    pointer = store.activate(installed(store, B, 2), GOOD)
    assert (pointer.previous, pointer.unproven) == (A.installed(1), True)
    store.collect()
    assert store.release(A.installed(1)).is_dir()
    pointer = store.failed(B.release, "bad")
    assert (pointer.current, pointer.phase, pointer.tries) == (A.installed(1), Phase.TRIAL, 0)
    assert store.failed(A.release, "bad too").current is None


def test_a_central_rollback_is_a_new_number_for_what_was_before(store: Store) -> None:
    answering(store)
    answering(store, B, 2)
    pointer = store.activate(A.installed(3), GOOD)
    assert pointer.current == A.installed(3)
    assert pointer.previous == B.installed(2)
    assert pointer.floor_seq == 3


def test_the_same_release_announced_again_needs_no_new_trial(store: Store) -> None:
    answering(store)
    pointer = store.activate(A.installed(5), GOOD)
    assert (pointer.phase, pointer.floor_seq) == (Phase.GOOD, 5)


def test_a_word_about_a_release_that_is_not_current_changes_nothing(store: Store) -> None:
    before = answering(store)
    assert store.failed(B.release, "late") == before
    assert store.good(B.release) == before
    assert store.ended(B.release) == before


def test_floors_only_grow(store: Store) -> None:
    store.raise_floors(9, NOW)
    pointer = store.raise_floors(4, NOW - timedelta(days=9))
    assert pointer.floor_seq == 9
    assert pointer.clock_floor == NOW.isoformat(timespec="seconds")


def test_collection_keeps_what_answers_what_was_before_and_what_is_fetched(store: Store) -> None:
    answering(store)
    answering(store, B, 2)
    answering(store, C, 3)
    wanted, other = blob(b"coming"), blob(b"given up")
    store.blobs.part(wanted.sha256).append(b"com")
    store.blobs.part(other.sha256).append(b"giv")
    store.collect({wanted.sha256})
    assert store.releases.listed() == tuple(sorted((B.release, C.release)))
    left = {path.name for path in store.blobs.folder.iterdir()}
    assert left == {each.sha256 for each in {*B.blobs, *C.blobs}} | {f"{wanted.sha256}.part"}


def test_what_is_not_of_the_store_is_left_alone_by_collection(store: Store) -> None:
    answering(store)
    answering(store, B, 2)
    answering(store, C, 3)
    theirs = [store.blobs.folder / "lost+found", store.releases.folder / "lost+found"]
    for folder in theirs:  # where it is a disk of its own
        (folder / "#12").mkdir(parents=True)
    store.collect()
    assert store.releases.listed() == tuple(sorted((B.release, C.release, "lost+found")))
    assert all((folder / "#12").is_dir() for folder in theirs)


@pytest.mark.parametrize("name", ["manifest.json", "calibration.json"])
def test_nobody_goes_back_by_hand_to_what_cannot_answer(store: Store, name: str) -> None:
    answering(store)
    before = answering(store, B, 2)
    file = store.releases.path(A.release) / name
    file.unlink()
    file.write_bytes(b"{}")
    with pytest.raises(Held, match="nothing was changed") as held:
        store.roll_back()
    assert held.value.code == "damaged_before"
    assert store.pointer() == before


def test_nothing_is_collected_while_a_kept_release_cannot_be_read(store: Store) -> None:
    answering(store)
    (store.releases.path(A.release) / "manifest.json").write_bytes(b"\0")
    assert store.collect() == 0
    assert len(list(store.blobs.folder.iterdir())) == len(A.blobs)


@pytest.mark.parametrize("damage", [b"", b"\0" * 500, b"{}", b'{"format": 1}', b"[" * 9999])
def test_a_damaged_pointer_is_made_good_from_what_is_on_the_disk(
    store: Store, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answering(store)
    answering(store, B, 2)
    word = Announcement(
        catalog="shop", channel="stable", seq=7, created=NOW.isoformat(), release=B.release,
        manifest=blob(B.manifest),
    )  # fmt: skip
    store.announce(to_json(word))
    store.path.write_bytes(damage)
    pointer = Store(store.folder).pointer()
    assert pointer.current == B.installed(7)
    assert pointer.previous is not None
    assert pointer.previous.release == A.release
    assert pointer.phase is Phase.TRIAL
    assert (pointer.floor_seq, pointer.catalog) == (7, "shop")
    assert pointer.clock_floor == NOW.isoformat(timespec="seconds")
    assert "is made again" in caplog.text
    assert parse((Store(store.folder).started(), store.path.read_bytes())[1]).tries == 1


def test_a_pointer_survives_being_written_and_any_changed_byte_is_noticed() -> None:
    pointer = refused(
        good(activated(Pointer(), A.installed(1), GOOD)), B.installed(2), "é\n", "now"
    )
    data = pointer_json(pointer)
    assert parse(data) == pointer
    for place in range(0, len(data), 7):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            assert parse(changed) == pointer
        except CatalogError:
            continue


def test_the_list_of_quarantined_releases_is_bounded() -> None:
    pointer = Pointer()
    for seq in range(3 * MOST_QUARANTINED):
        pointer = refused(pointer, Installed("0" * 16, f"{seq:064x}", seq), "bad", "now")
    assert len(pointer.quarantined) == MOST_QUARANTINED
    assert pointer.quarantined[-1].seq == 3 * MOST_QUARANTINED - 1


def test_falling_back_without_anything_to_fall_back_to_leaves_nothing_current() -> None:
    pointer = failed(activated(Pointer(), A.installed(1), GOOD), "bad", "now")
    assert pointer.current is None
    assert pointer.barred(A.installed(1).manifest)


def test_metadata_is_written_once_and_never_outside_its_folder(store: Store) -> None:
    assert store.publish({"root.json": b"1", "timestamp.json": b"2"}) == 2
    assert store.publish({"root.json": b"1", "timestamp.json": b"3"}) == 1
    assert store.metadata() == {"root.json": b"1", "timestamp.json": b"3"}
    for name in ("../pointer.json", "/etc/passwd", ".hidden", ""):
        with pytest.raises(ValueError, match="plain file name"):
            store.publish({name: b""})


def test_the_same_word_of_a_sync_pass_is_not_written_again(store: Store) -> None:
    said = SyncStatus(SyncState.OFFLINE, "no_answer", "nobody answers", at="2026-01-01")
    assert store.say(said)
    assert not store.say(replace(said, at="2026-01-02"))
    assert store.status() == said


def test_a_poll_without_news_writes_nothing() -> None:
    files = ModelFiles()
    files.mkdir(Path("/state"))
    store = Store(Path("/state/store"), files, now=lambda: NOW)
    answering(store)
    store.publish({"root.json": b"1", "timestamp.json": b"2"})
    said = SyncStatus(SyncState.CURRENT)
    store.say(said)
    store.kiosk_id()
    store.raise_floors(1, NOW)
    before = files.written
    for _ in range(100):
        store.publish({"root.json": b"1", "timestamp.json": b"2"})
        store.raise_floors(1, NOW)
        store.say(said)
        store.kiosk_id()
        store.collect()
    assert files.written == before


def test_the_id_of_a_kiosk_is_made_once(store: Store) -> None:
    assert store.known_id == ""
    made = store.kiosk_id()
    assert len(made) == 32
    assert Store(store.folder).kiosk_id() == made
    (store.folder / "kiosk_id").write_bytes(b"\0\0")
    assert len(store.kiosk_id()) == 32


def test_many_writers_lose_no_change(store: Store) -> None:
    answering(store)

    def raises(number: int) -> None:
        for step in range(10):
            Store(store.folder).raise_floors(100 * number + step)
            Store(store.folder).refuse(
                Installed("0" * 16, f"{number:032x}{step % 2:032x}", 1), "bad"
            )

    threads = [threading.Thread(target=raises, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pointer = store.pointer()
    assert pointer.floor_seq == 709
    assert len(pointer.quarantined) == 16


def test_no_space_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", reserve_bytes=2**60)
    with pytest.raises(Held, match="MB of room") as caught:
        store.room(1)
    assert caught.value.code == "no_space"
    Store(tmp_path / "store", reserve_bytes=0).room(1)


def test_a_disk_that_fills_leaves_the_old_release_and_a_part_to_resume() -> None:
    for free in range(0, 4000, 50):
        files = ModelFiles()
        files.mkdir(Path("/state"))
        store = Store(Path("/state/store"), files, reserve_bytes=0, now=lambda: NOW)
        answering(store)
        files.free = free
        try:
            store.activate(installed(store, B, 2), GOOD)
        except OSError as error:
            assert error.errno == errno.ENOSPC
            assert store.pointer().current == A.installed(1)
            files.free = 2**40
            store.activate(installed(store, B, 2), GOOD)
        assert store.pointer().current == B.installed(2)


def test_which_folder_answers(tmp_path: Path) -> None:
    config = Config(state=StateConfig(directory=str(tmp_path)))
    assert answering_folder(config) == tmp_path / "catalog"
    store = Store(tmp_path / "store")
    answering(store)
    assert answering_folder(config) == store.releases.path(A.release)
    named = replace(config, catalog=replace(config.catalog, directory="/else/where"))
    assert answering_folder(named) == Path("/else/where")


LIFE = """
import sys
from pathlib import Path
from test_store import A, B, C, GOOD, installed
from kiosk.store import Store
store = Store(Path(sys.argv[1]))
seq = store.pointer().floor_seq
while True:
    for made in (A, B, C):
        seq += 1
        store.activate(installed(store, made, seq), GOOD)
        print(seq, flush=True)
        store.started()
        store.good(made.release)
        store.collect()
"""


def test_a_store_that_is_killed_at_any_moment_holds_what_it_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    for kill in range(6):
        with python(LIFE, folder) as child:
            last = int(killed_after(child, 2 + 3 * kill)[-1])
        store = Store(folder)
        pointer = store.pointer()
        assert pointer.current is not None
        assert last <= pointer.floor_seq <= last + 1
        for held in (pointer.current, pointer.previous):
            if held is not None:
                assert verify(store.release(held)).release == held.release


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "2m") as disk:
        yield disk


def test_a_full_and_a_read_only_disk_leave_what_answers(disk: Path) -> None:
    store = Store(disk / "store", reserve_bytes=0)
    before = answering(store)
    filler = fill(disk)
    with pytest.raises(Held, match="MB of room"):
        store.room(10_000_000)
    with pytest.raises(OSError, match="No space left"):
        store.activate(installed(store, B, 2), GOOD)
    assert store.pointer() == before
    filler.unlink()
    store.activate(installed(store, B, 2), GOOD)
    remount(disk, "ro")
    with pytest.raises(OSError, match="Read-only"):
        store.failed(B.release, "bad")
    assert Store(store.folder).pointer().current == B.installed(2)
    assert os.access(disk, os.R_OK)


def test_what_stands_well_and_what_a_person_should_look_at(store: Store) -> None:
    assert standing(SyncStatus(), Pointer()) == (True, "")
    answering(store)
    offline = SyncStatus(SyncState.OFFLINE, "no_answer", "nobody answers")
    assert standing(offline, store.pointer()) == (True, "nobody answers")
    for state in (SyncState.STALE, SyncState.CLOCK_UNTRUSTED, SyncState.TAMPER, SyncState.HELD):
        assert not standing(SyncStatus(state), store.pointer())[0]
    well, said = standing(SyncStatus(), store.damaged(A.release, "vectors.npy is damaged"))
    assert not well
    assert "vectors.npy is damaged" in said
    nothing = failed(activated(Pointer(), B.installed(1), GOOD), "wrong answers", "now")
    well, said = standing(SyncStatus(), nothing)
    assert not well
    assert "wrong answers" in said


def test_old_indexes_go_and_the_newest_stay(store: Store) -> None:
    store.derived.mkdir(parents=True)
    for number in range(5):
        for suffix in (".ann", ".rows.npy", ".json"):
            path = store.derived / f"key{number}{suffix}"
            path.write_bytes(b"")
            os.utime(path, (number, number))
    assert trim(store.derived, 2) == 3
    assert {path.name.split(".")[0] for path in store.derived.iterdir()} == {"key3", "key4"}
    assert wipe(store.derived)
    assert list(store.derived.iterdir()) == []
    assert not wipe(store.derived)
