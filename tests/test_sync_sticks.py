# SPDX-License-Identifier: Apache-2.0
"""Catalogs that somebody carries here: what is wrong with a stick is told in words for sticks, an
old one is no attack, and what was altered still is one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kiosk.board import State
from kiosk.service.statuses import release_status
from kiosk.sync.evidence import Absent, Unanswered
from kiosk.sync.folder import FolderOrigin
from kiosk.values.sync import SyncState
from kiosk.web.technician import status_view
from kiosk.web.words import RELEASES
from tests.fault_server import serving
from tests.repositories import HeadOffice
from tests.sync_parts import Kiosk, office_kiosk, publisher, release
from tests.tuf_simulator import MemoryOrigin, Simulator, announcement

OF_NETWORKS = ("network", "address", "server", "proxy", "nobody", "login")
"""Words that mean nothing to somebody with a stick in his hand."""


@pytest.fixture
def office(tmp_path: Path) -> HeadOffice:
    office = publisher(tmp_path)
    office.publish(release(tmp_path / "first"))
    return office


@pytest.fixture
def kiosk(tmp_path: Path, office: HeadOffice) -> Kiosk:
    return office_kiosk(tmp_path, office)


def stick(office: HeadOffice, folder: Path) -> Path:
    """What is published now, carried away."""
    shutil.copytree(office.path, folder)
    return folder


def gone(stick: Path) -> Path:
    return stick / "not" / "there"


def a_file(stick: Path) -> Path:
    (stick / "notes.txt").write_text("hello")
    return stick / "notes.txt"


def empty(stick: Path) -> Path:
    (stick / "empty").mkdir()
    return stick / "empty"


def other_things(stick: Path) -> Path:
    (stick / "other" / "DCIM").mkdir(parents=True)
    return stick / "other"


def one_above(stick: Path) -> Path:
    stick.rename(stick.with_name("moved"))
    stick.mkdir()
    stick.with_name("moved").rename(stick / "catalog")
    return stick


def one_below(stick: Path) -> Path:
    return stick / "metadata"


def without_timestamp(stick: Path) -> Path:
    (stick / "metadata" / "timestamp.json").unlink()
    return stick


def largest(stick: Path) -> Path:
    blobs = (path for path in (stick / "blobs").rglob("*") if path.is_file())
    return max(blobs, key=lambda path: path.stat().st_size)


def without_a_blob(stick: Path) -> Path:
    largest(stick).unlink()
    return stick


def half_a_blob(stick: Path) -> Path:
    path = largest(stick)
    path.write_bytes(path.read_bytes()[:1000])
    return stick


def zeros(stick: Path) -> Path:
    path = stick / "metadata" / "timestamp.json"
    path.write_bytes(bytes(path.stat().st_size))
    return stick


def a_page(stick: Path) -> Path:
    (stick / "metadata" / "timestamp.json").write_text("<html>saved from a browser</html>")
    return stick


def broken(stick: Path) -> Path:
    """The disk cannot be read there: a file whose first byte gives EIO."""
    path = stick / "metadata" / "timestamp.json"
    path.unlink()
    path.symlink_to("/proc/self/mem")
    return stick


WRONG: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "not there": (gone, "no_folder", "mounted"),
    "a file": (a_file, "no_folder", "is a file"),
    "empty": (empty, "empty_folder", "mount"),
    "with other things": (other_things, "no_repository", "no published catalog"),
    "one folder too high": (one_above, "no_repository", "name {stick}/catalog"),
    "one folder too low": (one_below, "no_repository", "name {stick}"),
    "without its newest word": (without_timestamp, "not_whole", "not whole"),
    "without a file": (without_a_blob, "not_whole", "not whole"),
    "with half a file": (half_a_blob, "not_whole", "not whole"),
    "with zeros in it": (zeros, "damaged_copy", "damaged"),
    "with a saved page in it": (a_page, "damaged_copy", "damaged"),
    "that cannot be read": (broken, "cannot_read", "Input/output error"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_stick_is_told_in_words_for_sticks(
    case: str, tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    harm, code, words = WRONG[case]
    carried = stick(office, tmp_path / "stick")
    outcome = kiosk.sync(harm(carried))
    assert (outcome.status.state, outcome.status.code) == (SyncState.OFFLINE, code)
    assert words.format(stick=carried) in outcome.status.message
    assert [word for word in OF_NETWORKS if word in outcome.status.message.lower()] == []
    assert kiosk.current == ""
    on_the_page = shown(kiosk)
    assert "stick" in on_the_page["rows"][0][1]
    assert outcome.status.message[1:] in on_the_page["message"]
    said = f"{on_the_page['rows'][0][1]} {on_the_page['message']}".lower()
    assert [word for word in OF_NETWORKS if word in said] == []


def shown(kiosk: Kiosk) -> dict[str, Any]:
    """What the status page of a kiosk that asks nobody by itself says of sync."""
    store = kiosk.store
    status = release_status(store.status(), store.pointer(), kiosk_id="", fingerprint="", source="")
    groups = status_view(State(releases=status), datetime.now(UTC), [])["groups"]
    return next(group for group in groups if group["title"] == RELEASES)


@pytest.fixture
def nobody() -> Iterator[None]:
    """As a user who may read nothing of others."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_stick_that_this_user_may_not_read_says_so(
    tmp_path: Path, office: HeadOffice, nobody: None
) -> None:
    if os.getuid() != 0:
        office.path.chmod(0)
    try:
        with pytest.raises(Unanswered) as raised:
            FolderOrigin(office.path).small("metadata/timestamp.json", 1000)
    finally:
        if os.getuid() != 0:
            office.path.chmod(0o755)
    assert raised.value.code == "cannot_read"
    assert "let the user that runs this read it" in str(raised.value)


def test_a_file_that_need_not_be_there_is_only_absent(office: HeadOffice) -> None:
    with pytest.raises(Absent) as raised:
        FolderOrigin(office.path).small("metadata/99.root.json", 1000)
    assert raised.value.status == 404


def test_an_older_stick_is_stale_and_nothing_of_it_is_installed(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    old = stick(office, tmp_path / "old")
    second = office.publish(release(tmp_path / "second", seed=2))
    kiosk.sync(office.path)
    outcome = kiosk.sync(old)
    assert (outcome.status.state, outcome.status.code) == (SyncState.STALE, "older_copy")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert f"older (number 1, of {today}) than what this kiosk has (number 2)" in (
        outcome.status.message
    )
    assert "fetch a newer stick" in outcome.status.message
    assert kiosk.current == second.release
    assert outcome.status.seq == 2
    on_the_page = shown(kiosk)
    assert on_the_page["rows"][0][1] == "The stick is not newer than what is here"
    assert "head office" not in on_the_page["message"]


def test_the_same_old_tree_behind_a_server_is_still_an_attack(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    old = stick(office, tmp_path / "old")
    office.publish(release(tmp_path / "second", seed=2))
    kiosk.sync(office.path)
    with serving(old) as server:
        outcome = kiosk.sync(server.url)
    assert (outcome.status.state, outcome.status.code) == (SyncState.TAMPER, "rollback")


def test_an_older_stick_after_the_kept_metadata_was_lost_is_stale_too(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    old = stick(office, tmp_path / "old")
    office.publish(release(tmp_path / "second", seed=2))
    kiosk.sync(office.path)
    shutil.rmtree(kiosk.folder / "store" / "tuf")
    assert kiosk.sync(old).status.code == "older_copy"
    assert kiosk.store.pointer().floor_seq == 2


def test_an_older_stick_that_is_past_its_date_is_called_older(
    tmp_path: Path,
) -> None:
    month_ago = datetime.now(UTC) - timedelta(days=30)
    office = publisher(tmp_path, month_ago)
    office.publish(release(tmp_path / "first"), now=month_ago)
    old = stick(office, tmp_path / "old")
    office.publish(release(tmp_path / "second", seed=2))
    kiosk = office_kiosk(tmp_path, office)
    assert kiosk.sync(old).status.code == "expired"
    assert kiosk.sync(office.path).status.state is SyncState.CURRENT
    shutil.rmtree(kiosk.folder / "store" / "tuf")
    outcome = kiosk.sync(old)
    assert (outcome.status.state, outcome.status.code) == (SyncState.STALE, "older_copy")


def test_a_stick_with_what_is_here_already_says_that_nothing_is_newer(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    same = stick(office, tmp_path / "same")
    office.refresh()  # as every day
    kiosk.sync(office.path)
    outcome = kiosk.sync(same)
    assert (outcome.status.state, outcome.status.code) == (SyncState.STALE, "older_copy")
    assert "holds nothing newer than what this kiosk has (number 1, of" in outcome.status.message


def test_a_stick_from_before_a_key_was_replaced_is_older_and_no_attack(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    old = stick(office, tmp_path / "old")
    spare = office.keys.signers["spare-0"].public_key
    office.change_keys(replace(office.keys.roles(), timestamp=(spare,)))
    office.publish(release(tmp_path / "second", seed=2))
    assert kiosk.sync(office.path).status.state is SyncState.CURRENT
    outcome = kiosk.sync(old)
    assert (outcome.status.state, outcome.status.code) == (SyncState.STALE, "older_copy")


@pytest.mark.parametrize("part", ["timestamp.json", "1.snapshot.json", "1.stable.json"])
def test_an_older_stick_with_one_other_byte_is_still_altered(
    part: str, tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    old = stick(office, tmp_path / "old")
    found = next((old / "metadata").glob(f"*{part}" if part[0].isdigit() else part))
    data = found.read_bytes()
    found.write_bytes(data.replace(b'"version":1', b'"version":0'))
    assert found.read_bytes() != data
    office.publish(release(tmp_path / "second", seed=2))
    kiosk.sync(office.path)
    outcome = kiosk.sync(old)
    assert outcome.status.state is SyncState.TAMPER
    assert "damaged stick" in outcome.status.message


class Carried(MemoryOrigin):
    """What an attacker has put on a stick."""

    carried = True


@pytest.fixture
def believer(tmp_path: Path) -> tuple[Kiosk, Simulator]:
    """A kiosk that has seen number 2 of a repository that signs whatever it is told to."""
    repository = Simulator()
    kiosk = Kiosk(tmp_path / "believer", repository.first_root)
    repository.announce(announcement(2))
    assert kiosk.sync(repository.origin).status.code == "paused"
    return kiosk, repository


def test_a_stick_with_a_higher_number_under_an_older_word_is_no_older_copy(
    believer: tuple[Kiosk, Simulator],
) -> None:
    kiosk, repository = believer
    repository.timestamp.version = 0
    repository.announce(announcement(3))
    outcome = kiosk.sync(Carried(repository.files))
    assert (outcome.status.state, outcome.status.code) == (SyncState.TAMPER, "rollback")


def test_a_stick_with_the_same_number_and_another_content_is_an_attack(
    believer: tuple[Kiosk, Simulator],
) -> None:
    kiosk, repository = believer
    repository.announce(announcement(2, release="f" * 16))
    outcome = kiosk.sync(Carried(repository.files))
    assert (outcome.status.state, outcome.status.code) == (SyncState.TAMPER, "same_number")


def test_a_stick_of_another_publisher_is_an_attack(believer: tuple[Kiosk, Simulator]) -> None:
    kiosk, repository = believer
    other = Simulator()
    other.signers["timestamp"] = [*repository.signers["root"]]
    other.put_timestamp()
    assert kiosk.sync(Carried(other.files)).status.state is SyncState.TAMPER
