# SPDX-License-Identifier: Apache-2.0
"""What a store makes of disks that lost or garbled something, and of ones that are nearly full."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from store_parts import NOW, Bundle, blob, bundle, installed

from kiosk.announcement import Announcement, Gate, to_json
from kiosk.catalog.manifest import verify
from kiosk.durable import DiskFiles
from kiosk.errors import Held
from kiosk.store import Phase, Pointer, Store
from kiosk.values.sync import SyncState, SyncStatus

OLD, NEW = bundle("a"), bundle("b", "2026-11-02T00:00:00+00:00")
GATE = Gate(agree_min=0.5)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """With two whole releases, and no pointer that could be read."""
    store = Store(tmp_path / "store", now=lambda: NOW)
    for seq, made in enumerate((OLD, NEW), 1):
        store.activate(installed(store, made, seq), GATE, "shop")
    store.path.write_bytes(b"")
    return store


def says(made: Bundle, seq: int = 7) -> bytes:
    return to_json(
        Announcement(
            catalog="shop",
            channel="canary",
            seq=seq,
            created="2026-11-01T14:00:00+02:00",
            release=made.release,
            manifest=blob(made.manifest),
            gate=GATE,
        )
    )


def truncate(store: Store) -> None:
    place = store.releases.path(NEW.release) / "calibration.json"
    place.unlink()
    place.write_bytes(b"")


def garble(store: Store) -> None:
    place = store.releases.path(NEW.release) / "calibration.json"
    data = place.read_bytes()
    place.unlink()
    place.write_bytes(b"!" + data[1:])


def lose(store: Store) -> None:
    (store.releases.path(NEW.release) / "calibration.json").unlink()


def lose_manifest(store: Store) -> None:
    (store.releases.path(NEW.release) / "manifest.json").unlink()


def zero_manifest(store: Store) -> None:
    (store.releases.path(NEW.release) / "manifest.json").write_bytes(bytes(100))


def misname(store: Store) -> None:
    store.releases.path(NEW.release).rename(store.releases.path("f" * 16))


@pytest.mark.parametrize("damage", [truncate, garble, lose, lose_manifest, zero_manifest, misname])
def test_a_store_that_is_made_good_again_never_answers_from_a_damaged_release(
    damage: Callable[[Store], None], store: Store
) -> None:
    damage(store)
    store.announce(says(NEW))
    pointer = store.pointer()
    assert pointer.current == OLD.installed(0)
    assert (pointer.previous, pointer.phase) == (None, Phase.TRIAL)
    assert pointer.gate == Gate(), "that of another release says nothing of this one"
    assert (pointer.floor_seq, pointer.catalog, pointer.channel) == (7, "shop", "canary")


def test_the_newest_whole_release_is_current_with_what_was_announced_of_it(store: Store) -> None:
    store.announce(says(NEW))
    pointer = store.pointer()
    assert pointer == Pointer(
        current=NEW.installed(7),
        previous=OLD.installed(0),
        phase=Phase.TRIAL,
        gate=GATE,
        catalog="shop",
        channel="canary",
        floor_seq=7,
        clock_floor="2026-11-01T12:00:00+00:00",
    )
    assert datetime.fromisoformat(pointer.clock_floor) == NOW


def test_without_an_announcement_nothing_is_known_but_what_lies_there(store: Store) -> None:
    assert store.pointer() == Pointer(
        current=NEW.installed(0), previous=OLD.installed(0), phase=Phase.TRIAL
    )


@pytest.mark.parametrize("lost", ["calibration.json", "manifest.json"])
def test_where_nothing_is_whole_nothing_is_current(lost: str, store: Store) -> None:
    for made in (OLD, NEW):
        (store.releases.path(made.release) / lost).unlink()
    assert store.pointer() == Pointer()


def test_a_release_is_not_installed_while_one_of_its_files_is_missing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for each, data in list(NEW.blobs.items())[1:]:
        store.blobs.put(data, each)
    with pytest.raises(Held) as held:
        store.install(NEW.manifest)
    assert held.value.code == "missing_blob"
    assert store.releases.listed() == ()


def test_a_release_that_is_not_installed_is_not_activated(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(Held) as held:
        store.activate(NEW.installed(1), GATE)
    assert held.value.code == "not_installed"
    assert store.pointer() == Pointer()


def test_what_a_stopped_installation_left_behind_is_not_in_the_way(store: Store) -> None:
    left = store.releases.path(f".{NEW.release}.new") / "segments"
    left.mkdir(parents=True)
    for place in (left / "half", left.parent / "calibration.json"):
        place.write_bytes(b"x")
    lose(store)
    store.install(NEW.manifest)
    assert (
        store.releases.fault(store.releases.path(NEW.release), store.releases.manifest(NEW.release))
        == ""
    )
    assert verify(store.releases.path(NEW.release)).release == NEW.release
    assert not left.parent.exists()
    assert set(store.releases.listed()) == {OLD.release, NEW.release}


class BadLinks(DiskFiles):
    """A disk that fails when a file gets another name."""

    def __init__(self, number: int) -> None:
        self.number = number

    def link(self, old: Path, new: Path) -> None:
        raise OSError(self.number, os.strerror(self.number), str(new))


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_a_disk_that_fails_is_not_taken_for_one_without_links(number: int, tmp_path: Path) -> None:
    store = Store(tmp_path / "store", BadLinks(number))
    with pytest.raises(OSError) as failed:
        installed(store, NEW, 1)
    assert failed.value.errno == number
    assert store.releases.listed() == ()
    assert list(store.releases.folder.iterdir()) == [], "what is half made takes room from others"


@pytest.mark.parametrize("number", [errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP])
def test_a_disk_without_links_has_copies(number: int, tmp_path: Path) -> None:
    store = Store(tmp_path / "store", BadLinks(number))
    installed(store, NEW, 1)
    place = store.releases.path(NEW.release) / "calibration.json"
    assert place.read_bytes() == NEW.files["calibration.json"]
    assert place.stat().st_nlink == 1


class Room(DiskFiles):
    """A disk with so much free space, asked of a folder that is there."""

    def __init__(self, bytes: int) -> None:
        self.bytes = bytes

    def free_bytes(self, folder: Path) -> int:
        assert folder.is_dir()
        return self.bytes


def test_64_mb_stay_free_whatever_a_release_would_like(tmp_path: Path) -> None:
    reserve = 64 * 1024 * 1024
    folder = tmp_path / "not" / "made" / "yet"
    Store(folder, Room(reserve + 1000)).room(1000)
    with pytest.raises(Held) as held:
        Store(folder, Room(reserve + 999)).room(1000)
    assert held.value.code == "no_space"
    assert "keeps 64 MB free: make 1 MB of room on" in str(held.value)
    with pytest.raises(Held, match="needs 3 MB and .* make 67 MB of room"):
        Store(folder, Room(0)).room(2**21 + 1)
    assert not folder.exists(), "nothing is made by looking"


def test_a_link_in_the_place_of_a_release_is_not_followed_when_others_are_removed(
    store: Store, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    store.announce(says(NEW))
    lose(store)
    store.install(NEW.manifest)
    store.activate(NEW.installed(7), GATE)
    (store.releases.path(OLD.release) / "link").symlink_to(precious)
    store.good(NEW.release)
    store.activate(installed(store, bundle("c"), 8), GATE)
    store.collect()
    assert not store.releases.path(OLD.release).exists()
    assert (precious / "file").read_bytes() == b"x"


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"[]", b"5", b"null", b"{}", b'{"state":"x"}', b'{"state":[]}']
    + [b'{"state":"offline","more":1}', b"[" * 100_000],
    ids=lambda data: repr(data[:30]),
)
def test_a_garbled_word_of_a_pass_is_none(data: bytes, store: Store) -> None:
    (store.folder / "sync.json").write_bytes(data)
    assert store.status() == SyncStatus()


def test_a_place_whose_name_is_no_text_can_be_spoken_of(store: Store) -> None:
    place = os.fsdecode(b"/media/caf\xe9")
    store.say(SyncStatus(SyncState.OFFLINE, "unreachable", f"{place}: there is no such folder"))
    assert store.status().message == "/media/caf?: there is no such folder"


def test_a_manifest_that_is_here_is_not_fetched_and_another_one_is(store: Store) -> None:
    wanted = blob(NEW.manifest).sha256
    assert store.releases.manifest_bytes(NEW.release, wanted) == NEW.manifest
    assert store.releases.manifest_bytes(NEW.release, "0" * 64) == b""
    assert store.releases.manifest_bytes("0" * 16, wanted) == b""


def test_a_collection_says_how_much_it_removed(store: Store) -> None:
    store.activate(NEW.installed(2), GATE)
    store.blobs.part("0" * 64).append(b"x")
    store.blobs.part("1" * 64).append(b"x")
    only_old = {each.sha256 for each in OLD.blobs} - {each.sha256 for each in NEW.blobs}
    (store.folder / "pointer.json").unlink()
    store.activate(NEW.installed(2), GATE)
    assert store.collect({"0" * 64}) == 1 + len(only_old) + 1
    assert store.collect({"0" * 64}) == 0


def test_a_store_that_was_never_made_has_nothing_to_collect(tmp_path: Path) -> None:
    assert Store(tmp_path / "not" / "made").collect() == 0


class Named(DiskFiles):
    """Tells in which order files get their names."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def rename(self, old: Path, new: Path) -> None:
        self.made.append(new.name)
        super().rename(old, new)


def test_metadata_is_written_before_what_names_it(tmp_path: Path) -> None:
    files = Named()
    store = Store(tmp_path / "store", files)
    names = ["2.root.json", "10.root.json", "enrolled.root.json", "stable.json", "targets.json"]
    names += ["snapshot.json", "timestamp.json"]
    assert store.publish({name: b"1" for name in reversed(names)}) == len(names)
    assert files.made == names
    files.made.clear()
    news = {name: b"1" for name in names} | {"timestamp.json": b"2", "stable.json": b"2"}
    assert store.publish(news) == 2
    assert files.made == ["stable.json", "timestamp.json"]
    assert store.publish(news) == 0
    assert store.metadata() == news


@pytest.mark.parametrize("name", ["", ".hidden.json", "a/b.json", "../x.json", ".."])
def test_metadata_has_plain_names_only(name: str, store: Store) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        store.publish({"timestamp.json": b"1", name: b"2"})
    assert store.metadata() == {}, "nothing of it was written"


def test_what_is_no_metadata_is_left_alone(store: Store) -> None:
    store.publish({"timestamp.json": b"1"})
    for name in (".timestamp.json.new", "notes.txt"):
        (store.folder / "tuf" / name).write_bytes(b"x")
    assert store.metadata() == {"timestamp.json": b"1"}
