# SPDX-License-Identifier: Apache-2.0
"""One sync pass from a published repository to an activated release."""

from __future__ import annotations

import errno
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.announcement import Announcement, Blob, Requires, Rollout, Wave
from kiosk.catalog.manifest import verify
from kiosk.errors import Held, StateError
from kiosk.store import Pointer
from kiosk.sync import policy
from kiosk.sync.policy import Here
from kiosk.values.sync import SyncState
from tests.fault_server import serving
from tests.repositories import HeadOffice, small_release
from tests.sync_parts import LARGE, Kiosk, SmallDisk, office_kiosk, publisher, release, snapshot
from tests.tuf_simulator import Simulator, announcement


@pytest.fixture
def office(tmp_path: Path) -> HeadOffice:
    return publisher(tmp_path)


@pytest.fixture
def kiosk(tmp_path: Path, office: HeadOffice) -> Kiosk:
    return office_kiosk(tmp_path, office)


def test_a_published_release_is_fetched_proven_and_current(
    tmp_path: Path,
    office: HeadOffice,
    kiosk: Kiosk,
) -> None:
    announced = office.publish(release(tmp_path / "release"))
    with serving(office.path) as server:
        outcome = kiosk.sync(server.url)
    assert outcome.status.state is SyncState.CURRENT, outcome.status
    assert (outcome.status.seq, outcome.status.release) == (1, announced.release)
    assert outcome.activated == kiosk.current == announced.release
    assert verify(kiosk.store.releases.path(announced.release)).release == announced.release
    assert kiosk.checked == [kiosk.store.releases.path(announced.release)]
    assert kiosk.store.status() == outcome.status


def test_a_folder_such_as_a_stick_gives_the_same(
    tmp_path: Path,
    office: HeadOffice,
    kiosk: Kiosk,
) -> None:
    announced = office.publish(release(tmp_path / "release"))
    assert kiosk.sync(office.path).activated == announced.release


def test_a_hundred_polls_without_a_change_write_nothing(
    tmp_path: Path,
    office: HeadOffice,
    kiosk: Kiosk,
) -> None:
    office.publish(release(tmp_path / "release"))
    with serving(office.path) as server:
        assert kiosk.sync(server.url).error is None
        before = snapshot(kiosk.folder)
        server.asked.clear()
        for _ in range(100):
            assert kiosk.sync(server.url).status.state is SyncState.CURRENT
        assert len(server.asked) == 200
    assert snapshot(kiosk.folder) == before


def test_a_poll_costs_two_requests_and_half_a_kilobyte(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    office.publish(release(tmp_path / "release"))
    with serving(office.path) as server:
        kiosk.sync(server.url)
        server.asked.clear()
        kiosk.sync(server.url)
        assert [each.path for each in server.asked] == [
            "/metadata/2.root.json",
            "/metadata/timestamp.json",
        ]
        assert server.sent < 600


def test_only_what_changed_is_fetched(tmp_path: Path, office: HeadOffice, kiosk: Kiosk) -> None:
    office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    changed = tmp_path / "second"
    changed.mkdir()
    files = {"vectors.npy": (tmp_path / "first" / "vectors.npy").read_bytes(), "new.bin": b"new"}
    announced = office.publish(small_release(changed, files))
    with serving(office.path) as server:
        assert kiosk.sync(server.url).activated == announced.release
        assert server.sent < 10_000


def test_a_central_rollback_is_a_new_number_and_costs_kilobytes(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    first = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    kiosk.store.good(first.release)
    office.publish(release(tmp_path / "second", seed=2))
    kiosk.sync(office.path)
    office.roll_back("stable", 1)
    with serving(office.path) as server:
        outcome = kiosk.sync(server.url)
        assert not any("blobs" in each.path for each in server.asked)
        assert server.sent < 4_000
    assert (outcome.activated, outcome.status.seq) == (first.release, 3)


def test_a_release_that_is_announced_again_only_gets_its_number(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    announced = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    office.roll_out("stable", Rollout(salt="other"))
    outcome = kiosk.sync(office.path)
    assert (outcome.activated, outcome.status.state, outcome.status.seq) == (
        "",
        SyncState.CURRENT,
        2,
    )
    now = kiosk.store.pointer().current
    assert now is not None and (now.release, now.seq) == (announced.release, 2)
    assert len(kiosk.checked) == 1


def test_a_release_that_fails_its_self_test_is_never_current_and_does_not_come_again(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    first = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    bad = office.publish(release(tmp_path / "bad", seed=2))
    kiosk.verdict = "its answers are wrong"
    outcome = kiosk.sync(office.path)
    assert (outcome.status.state, outcome.status.code) == (SyncState.HELD, "failed_selftest")
    assert kiosk.current == first.release
    with serving(office.path) as server:
        again = kiosk.sync(server.url)
        assert (again.status.state, again.status.code) == (SyncState.HELD, "quarantined")
        assert "its answers are wrong" in again.status.message
        assert len(server.asked) == 2
    kiosk.verdict = ""
    kiosk.store.allow(bad.release)
    assert kiosk.sync(office.path).activated == bad.release


def test_a_release_that_was_damaged_on_the_disk_is_installed_again(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    announced = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    kiosk.store.good(announced.release)
    place = kiosk.store.releases.path(announced.release) / "vectors.npy"
    place.chmod(0o644)
    place.write_bytes(bytes(LARGE))
    kiosk.store.damaged(announced.release, "vectors.npy is damaged")
    kiosk.sync(office.path)  # finds the blob damaged, and drops it
    assert kiosk.sync(office.path).activated == announced.release
    assert verify(kiosk.store.releases.path(announced.release)).release == announced.release
    assert not kiosk.store.pointer().damaged


def lone(tmp_path: Path, office: HeadOffice, kiosk: Kiosk) -> tuple[Announcement, Announcement]:
    """A good release that is current, and the announced one, which was put away."""
    good = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    kiosk.store.good(good.release)
    bad = office.publish(release(tmp_path / "bad", seed=2))
    kiosk.sync(office.path)
    kiosk.store.failed(bad.release, "its answers are wrong")
    kiosk.store.damaged(good.release, "vectors.npy is damaged")
    return good, bad


@pytest.mark.parametrize("lost", [("vectors.npy",), ("vectors.npy", "records.sqlite")])
def test_a_release_that_is_damaged_is_mended_though_the_announced_one_was_put_away(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk, lost: tuple[str, ...]
) -> None:
    first, bad = lone(tmp_path, office, kiosk)
    folder = kiosk.store.releases.path(first.release)
    for name in lost:
        (folder / name).chmod(0o644)
        (folder / name).write_bytes(bytes((folder / name).stat().st_size))
    outcome = kiosk.sync(office.path)
    assert (outcome.status.state, outcome.status.code) == (SyncState.HELD, "quarantined")
    assert verify(folder).release == kiosk.current == first.release
    pointer = kiosk.store.pointer()
    assert not pointer.damaged and pointer.barred(bad.manifest.sha256) is not None
    with serving(office.path) as server:
        kiosk.sync(server.url)
        assert len(server.asked) == 2, "there is nothing to mend any more"


def test_a_damaged_release_whose_files_nobody_has_is_said_as_before(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    first, _ = lone(tmp_path, office, kiosk)
    kiosk.store.blobs.collect(())
    place = kiosk.store.releases.path(first.release) / "vectors.npy"
    place.chmod(0o644)
    place.write_bytes(b"")
    for path in (office.path / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    outcome = kiosk.sync(office.path)
    assert outcome.status.code == "quarantined"
    assert kiosk.store.pointer().damaged == "vectors.npy is damaged"


def test_a_release_that_does_not_fit_fetches_nothing_until_there_is_room(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    first = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    second = office.publish(release(tmp_path / "second", seed=2))
    kiosk.disk_bytes = LARGE * 3 // 2
    with serving(office.path) as server:
        outcome = kiosk.sync(server.url)
        assert (outcome.status.state, outcome.status.code) == (SyncState.HELD, "no_space")
        assert kiosk.current == first.release
        server.asked.clear()
        assert kiosk.sync(server.url).status.code == "no_space"
        assert len(server.asked) == 2
        kiosk.disk_bytes = LARGE * 3
        assert kiosk.sync(server.url).activated == second.release


def test_what_nobody_needs_is_collected_first_when_it_would_not_fit(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    kiosk.store.blobs.part("f" * 64).append(bytes(LARGE))
    second = office.publish(release(tmp_path / "second", seed=2))
    kiosk.disk_bytes = LARGE * 5 // 2
    assert kiosk.sync(office.path).activated == second.release


@pytest.mark.parametrize(
    ("rollout", "state", "code"),
    [
        (Rollout(pause=True), SyncState.HELD, "paused"),
        (Rollout(waves=(Wave("2020-01-01T00:00:00+00:00", 0),)), SyncState.CURRENT, "wave"),
        (Rollout(waves=(Wave("2999-01-01T00:00:00+00:00", 1000),)), SyncState.CURRENT, "wave"),
    ],
)
def test_a_release_whose_time_has_not_come_waits(
    rollout: Rollout, state: SyncState, code: str, tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    first = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    second = office.publish(release(tmp_path / "second", seed=2), rollout=rollout)
    outcome = kiosk.sync(office.path)
    assert (outcome.status.state, outcome.status.code, kiosk.current) == (
        state,
        code,
        first.release,
    )
    office.roll_out("stable", Rollout(waves=(Wave("2020-01-01T00:00:00+00:00", 1000),)))
    assert kiosk.sync(office.path).activated == second.release


@pytest.mark.parametrize(
    ("requires", "code"),
    [
        (Requires(app_min="9.1"), "needs_newer_app"),
        (Requires(app_min="10"), "needs_newer_app"),
        (Requires(app_below="9.0"), "needs_older_app"),
        (Requires(embedder="b" * 64), "needs_other_embedder"),
        (Requires(memory_bytes=2**31), "needs_memory"),
        (Requires(app_min="9", app_below="9.0.1", embedder="e" * 64, memory_bytes=2**30), ""),
        (Requires(app_min="9.0.0"), ""),
    ],
)
def test_a_release_for_other_kiosks_is_held(requires: Requires, code: str) -> None:
    here = Here("a" * 32, "9.0", "e" * 64, 2**30)
    announced = announcement(1, requires=requires, rollout=Rollout())
    if not code:
        policy.check(announced, Pointer(), here, datetime.now(UTC))
        return
    with pytest.raises(Held) as held:
        policy.check(announced, Pointer(), here, datetime.now(UTC))
    assert held.value.code == code


def test_another_channel_has_its_own_numbers(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    for seed in range(3):
        office.publish(release(tmp_path / f"stable-{seed}", seed))
    tried = office.publish(release(tmp_path / "canary", 9), "canary")
    kiosk.sync(office.path)
    kiosk.channel = "canary"
    outcome = kiosk.sync(office.path)
    assert (outcome.activated, outcome.status.seq) == (tried.release, 1)
    kiosk.channel = "stable"
    assert kiosk.sync(office.path).status.seq == 3


def test_a_manifest_of_another_release_is_held(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    repository = Simulator()
    folder = release(tmp_path / "first")
    data = (folder / "manifest.json").read_bytes()
    blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
    repository.files[f"blobs/{blob.sha256[:2]}/{blob.sha256}"] = data
    repository.announce(announcement(2, manifest=blob, rollout=Rollout()))
    kiosk.root = repository.first_root
    outcome = kiosk.sync(repository.origin)
    assert (outcome.status.state, outcome.status.code) == (SyncState.HELD, "wrong_release")


def test_a_manifest_that_is_none_is_held(kiosk: Kiosk) -> None:
    repository = Simulator()
    blob = Blob(hashlib.sha256(b"x" * 100).hexdigest(), 100)
    repository.files[f"blobs/{blob.sha256[:2]}/{blob.sha256}"] = b"x" * 100
    repository.announce(announcement(2, manifest=blob, rollout=Rollout()))
    kiosk.root = repository.first_root
    outcome = kiosk.sync(repository.origin)
    assert (outcome.status.state, outcome.status.code) == (SyncState.HELD, "unusable_release")


def test_a_store_that_cannot_be_written_is_said_and_what_answers_stays(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    first = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    office.publish(release(tmp_path / "second", seed=2))
    (kiosk.folder / "store" / "blobs").rename(tmp_path / "aside")
    (kiosk.folder / "store" / "blobs").write_text("not a folder")
    with pytest.raises(StateError, match="blobs"):
        kiosk.sync(office.path)
    assert kiosk.current == first.release


def test_a_copy_past_its_date_must_be_newer_than_what_is_here(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    first = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    kiosk.ahead = timedelta(days=40)
    assert kiosk.sync(office.path).status.state is SyncState.STALE
    with serving(office.path) as server:
        assert kiosk.sync(server.url).status.code == "expired"
        outcome = kiosk.sync(server.url, accept_expired=True)
        assert (outcome.status.state, outcome.status.code) == (SyncState.STALE, "expired")
        assert "not newer" in outcome.status.message
    outcome = kiosk.sync(office.path, accept_expired=True)
    assert (outcome.status.state, outcome.status.code) == (SyncState.STALE, "older_copy")
    assert "nothing newer" in outcome.status.message
    second = office.publish(release(tmp_path / "second", seed=2))
    kiosk.ahead = timedelta(days=500)
    assert kiosk.sync(office.path).status.state is SyncState.STALE
    assert kiosk.current == first.release
    assert kiosk.sync(office.path, accept_expired=True).activated == second.release


class FullDisk(SmallDisk):
    """Says that there is room when there is none, as a quota does."""

    full = True

    def append(self, path: Path, data: bytes) -> None:
        if self.full and (self.size(path) or 0) + len(data) > LARGE // 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        super().append(path, data)


def test_a_disk_that_is_full_in_the_middle_keeps_what_came(
    tmp_path: Path, office: HeadOffice, kiosk: Kiosk
) -> None:
    first = office.publish(release(tmp_path / "first"))
    kiosk.sync(office.path)
    second = office.publish(release(tmp_path / "second", seed=2))
    disk = FullDisk(kiosk.folder, 2**40)
    kiosk.disk = disk
    with serving(office.path) as server:
        outcome = kiosk.sync(server.url)
        assert (outcome.status.state, outcome.status.code) == (SyncState.HELD, "no_space")
        assert kiosk.current == first.release
        disk.full = False
        server.asked.clear()
        assert kiosk.sync(server.url).activated == second.release
        assert server.sent < LARGE * 0.7
