# SPDX-License-Identifier: Apache-2.0
"""What somebody who holds the server, or a key, can do to a kiosk. Named after the attacks.

The cases of the TUF conformance suite that apply to a client with one target in one delegated
role, and those beside it: the kept metadata is gone, the clock is wrong, one number is too large.
A kiosk that believes the simulator is HELD, as what it announces is paused.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, MetaFile, TargetFile

from kiosk.announcement import parse
from kiosk.errors import Held
from kiosk.store import Pointer
from kiosk.sync import floors
from kiosk.sync.sync_pass import Outcome
from kiosk.values.sync import SyncState
from tests.sync_parts import Kiosk
from tests.tuf_simulator import Simulator, announcement, signed, signer

PAST = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
BELIEVED = (SyncState.HELD, "paused")


@pytest.fixture
def repository() -> Simulator:
    return Simulator()


@pytest.fixture
def kiosk(tmp_path: Path, repository: Simulator) -> Kiosk:
    """It has seen the repository once."""
    kiosk = Kiosk(tmp_path / "state", repository.first_root)
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    return kiosk


def said(outcome: Outcome) -> tuple[SyncState, str]:
    return outcome.status.state, outcome.status.code


def version(kiosk: Kiosk, role: str) -> int:
    """Of the metadata that the kiosk keeps."""
    return int(Metadata.from_bytes(kiosk.store.metadata()[f"{role}.json"]).signed.version)


def test_an_honest_repository_is_believed_again_and_again(
    kiosk: Kiosk, repository: Simulator
) -> None:
    for seq in (2, 3, 7):
        repository.announce(announcement(seq))
        outcome = kiosk.sync(repository.origin)
        assert (*said(outcome), outcome.status.seq) == (*BELIEVED, seq)


def test_only_what_is_new_is_asked_for(kiosk: Kiosk, repository: Simulator) -> None:
    origin = repository.origin
    kiosk.sync(origin)
    assert origin.asked == ["metadata/2.root.json", "metadata/timestamp.json"]


# Replay: an older state is shown.


def test_replay_of_an_old_timestamp_is_refused(kiosk: Kiosk, repository: Simulator) -> None:
    old = repository.copied()
    repository.announce(announcement(2))
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    repository.files = old
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "rollback")
    assert version(kiosk, "timestamp") == 2


def test_snapshot_rollback_under_a_new_timestamp_is_refused(
    kiosk: Kiosk, repository: Simulator
) -> None:
    repository.announce(announcement(2))
    kiosk.sync(repository.origin)
    repository.snapshot.version = 1
    repository.put_snapshot_as_it_is()
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "rollback")
    assert (version(kiosk, "timestamp"), version(kiosk, "snapshot")) == (2, 2)


@pytest.mark.parametrize("role", ["targets", "stable"])
def test_targets_rollback_under_a_new_snapshot_is_refused(
    role: str, kiosk: Kiosk, repository: Simulator
) -> None:
    repository.put_targets()
    repository.announce(announcement(2))
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    before = version(kiosk, role)
    old = repository.files[f"metadata/1.{role}.json"]
    repository.snapshot.meta[f"{role}.json"] = MetaFile.from_data(1, old, ["sha256"])
    repository.put_snapshot()
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "rollback")
    assert version(kiosk, role) == before


def test_a_role_that_vanished_from_the_snapshot_is_refused(
    kiosk: Kiosk, repository: Simulator
) -> None:
    del repository.snapshot.meta["stable.json"]
    repository.put_snapshot()
    assert said(kiosk.sync(repository.origin))[0] is SyncState.TAMPER


def test_rollback_after_the_kept_metadata_was_zeroed_is_refused(
    kiosk: Kiosk, repository: Simulator
) -> None:
    old = repository.copied()
    repository.announce(announcement(2))
    kiosk.sync(repository.origin)
    for path in (kiosk.folder / "store" / "tuf").iterdir():
        path.write_bytes(bytes(path.stat().st_size))
    repository.files, new = old, repository.files
    outcome = kiosk.sync(repository.origin)
    assert said(outcome) == (SyncState.TAMPER, "rollback")
    assert outcome.status.seq == 2
    repository.files = new
    assert said(kiosk.sync(repository.origin)) == BELIEVED


def test_rollback_after_metadata_and_announcement_were_lost_is_refused(
    kiosk: Kiosk, repository: Simulator
) -> None:
    old = repository.copied()
    repository.announce(announcement(2))
    kiosk.sync(repository.origin)
    store = kiosk.folder / "store"
    for path in (*(store / "tuf").iterdir(), store / "announced.json", store / "sync.json"):
        path.unlink()
    repository.files = old
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "rollback")


def test_the_same_number_with_another_content_is_refused(
    kiosk: Kiosk, repository: Simulator
) -> None:
    repository.announce(announcement(1, release="f" * 16))
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "same_number")


# Mix and match: parts of several states are shown together.


@pytest.mark.parametrize("role", ["snapshot", "targets", "stable"])
def test_mix_and_match_is_refused(role: str, kiosk: Kiosk, repository: Simulator) -> None:
    repository.put_targets()
    repository.announce(announcement(2))
    repository.files[f"metadata/2.{role}.json"] = repository.files[f"metadata/1.{role}.json"]
    assert said(kiosk.sync(repository.origin))[0] is SyncState.TAMPER
    assert version(kiosk, role) == 1


def test_an_announcement_of_another_state_is_refused(kiosk: Kiosk, repository: Simulator) -> None:
    first = next(name for name in repository.files if name.startswith("targets/"))
    repository.announce(announcement(2))
    second = next(n for n in repository.files if n.startswith("targets/") and n != first)
    repository.files[second] = repository.files[first]
    assert said(kiosk.sync(repository.origin))[0] is not SyncState.HELD
    assert kiosk.store.announced() == parse(repository.files[first])


def test_a_snapshot_version_that_the_timestamp_does_not_name_is_refused(
    tmp_path: Path, repository: Simulator
) -> None:
    repository.snapshot.version += 1
    name = f"metadata/{repository.snapshot.version - 1}.snapshot.json"
    repository.files[name] = signed(repository.snapshot, repository.signers["snapshot"])
    kiosk = Kiosk(tmp_path / "other", repository.first_root)
    assert said(kiosk.sync(repository.origin))[0] is SyncState.TAMPER


def test_a_timestamp_with_the_same_number_and_another_content_changes_nothing(
    kiosk: Kiosk, repository: Simulator
) -> None:
    before = kiosk.store.metadata()
    assert repository.timestamp.snapshot_meta is not None
    repository.timestamp.snapshot_meta.version = 100
    repository.put_timestamp_as_it_is()
    kiosk.sync(repository.origin)
    assert kiosk.store.metadata() == before


def test_an_announcement_for_another_channel_is_held(kiosk: Kiosk, repository: Simulator) -> None:
    repository.announce(announcement(2, channel="canary"))
    assert said(kiosk.sync(repository.origin)) == (SyncState.HELD, "wrong_channel")


def test_another_catalog_is_held() -> None:
    with pytest.raises(Held) as held:
        floors.check(announcement(2), Pointer(catalog="other"), None, "stable")
    assert held.value.code == "other_catalog"


# Freeze: an old state is shown for ever.


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "stable", "root"])
def test_freeze_is_stale_and_nothing_more_is_believed(
    role: str, kiosk: Kiosk, repository: Simulator
) -> None:
    getattr(repository, role).expires = PAST
    repository.announce(announcement(2))
    if role == "targets":
        repository.put_targets()
        repository.put_snapshot()
    if role == "root":
        repository.put_root()
    outcome = kiosk.sync(repository.origin)
    assert said(outcome) == (SyncState.STALE, "expired")
    assert kiosk.store.pointer().floor_seq == 1
    if role == "root":  # it is kept although nothing else is
        assert "2.root.json" in kiosk.store.metadata()


def test_a_frozen_repository_is_noticed_when_its_date_is_past(
    kiosk: Kiosk, repository: Simulator
) -> None:
    kiosk.ahead = timedelta(days=31)
    assert said(kiosk.sync(repository.origin)) == (SyncState.STALE, "expired")


def test_what_is_kept_may_be_past_its_date_when_the_publisher_is_not(
    kiosk: Kiosk, repository: Simulator
) -> None:
    for each in (repository.root, repository.timestamp, repository.snapshot, repository.targets):
        each.expires += timedelta(days=60)
    repository.stable.expires += timedelta(days=60)
    repository.put_targets()
    repository.announce(announcement(2))
    repository.put_root()
    kiosk.ahead = timedelta(days=45)
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    assert version(kiosk, "timestamp") == 2


def test_a_clock_at_1971_does_not_make_an_old_state_fresh(
    kiosk: Kiosk, repository: Simulator
) -> None:
    repository.announce(announcement(2))
    kiosk.ahead = datetime(1971, 1, 1, tzinfo=UTC) - datetime.now(UTC)
    assert said(kiosk.sync(repository.origin)) == (SyncState.CLOCK_UNTRUSTED, "clock_behind")
    repository.timestamp.expires = datetime(2026, 10, 1, tzinfo=UTC)
    repository.put_timestamp()
    assert said(kiosk.sync(repository.origin)) == (SyncState.STALE, "expired")


def test_a_clock_behind_the_announcement_is_not_trusted(
    kiosk: Kiosk, repository: Simulator
) -> None:
    created = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    repository.announce(announcement(2, created=created))
    assert said(kiosk.sync(repository.origin)) == (SyncState.CLOCK_UNTRUSTED, "made_later")
    assert kiosk.store.pointer().floor_seq == 1
    kiosk.ahead = timedelta(days=3)
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    kiosk.ahead = timedelta()
    assert said(kiosk.sync(repository.origin)) == (SyncState.CLOCK_UNTRUSTED, "clock_behind")


def test_a_clock_at_2099_installs_nothing(kiosk: Kiosk, repository: Simulator) -> None:
    repository.announce(announcement(2))
    kiosk.ahead = datetime(2099, 1, 1, tzinfo=UTC) - datetime.now(UTC)
    outcome = kiosk.sync(repository.origin)
    assert said(outcome) == (SyncState.STALE, "expired")
    assert "2099" in outcome.status.message
    kiosk.ahead = timedelta()
    assert said(kiosk.sync(repository.origin)) == BELIEVED


def test_a_stick_past_its_date_is_taken_when_a_person_says_so_and_it_is_newer(
    kiosk: Kiosk, repository: Simulator
) -> None:
    old = repository.copied()
    repository.announce(announcement(2))
    kiosk.ahead = timedelta(days=40)
    assert said(kiosk.sync(repository.origin)) == (SyncState.STALE, "expired")
    assert said(kiosk.sync(repository.origin, accept_expired=True)) == BELIEVED
    assert kiosk.store.pointer().floor_seq == 2
    repository.files = old
    assert said(kiosk.sync(repository.origin, accept_expired=True))[0] is SyncState.TAMPER


# Keys: too few of them, the wrong ones, each other one.


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "stable"])
def test_metadata_of_another_key_is_refused(role: str, kiosk: Kiosk, repository: Simulator) -> None:
    repository.signers[role] = [signer(50)]
    repository.put_targets()
    repository.announce(announcement(2))
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "not_signed")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_too_few_signatures_are_refused(role: str, kiosk: Kiosk, repository: Simulator) -> None:
    for number in (60, 61):
        repository.root.add_key(signer(number).public_key, role)
    repository.root.roles[role].threshold = 3
    repository.put_root()
    repository.signers[role].append(signer(60))
    repository.put_targets()
    repository.announce(announcement(2))
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "not_signed")
    repository.signers[role].append(signer(61))
    repository.put_targets()
    repository.announce(announcement(3))
    assert said(kiosk.sync(repository.origin)) == BELIEVED


def test_one_key_cannot_sign_twice(kiosk: Kiosk, repository: Simulator) -> None:
    repository.root.roles["snapshot"].threshold = 2
    repository.put_root()
    repository.signers["snapshot"] *= 2
    repository.announce(announcement(2))
    assert said(kiosk.sync(repository.origin))[0] is SyncState.TAMPER


FIVE = [0, 1, 2, 3, 4]
ROOTS = {  # keys, threshold, who signs; the same of the next root; whether it is believed
    "rotated": ([1], 1, [1], [2], 1, [1, 2], True),
    "rotated, unused signatures too": ([1], 1, [1], [2], 1, [3, 1, 2, 4], True),
    "not signed with the old key": ([1], 1, [1], [2], 1, [2, 3], False),
    "not signed with the new key": ([1], 1, [1], [2], 1, [1, 3], False),
    "all rotated": (FIVE, 3, [0, 2, 4], [5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7], True),
    "too few of the new keys": (FIVE, 3, [0, 2, 4], [0, 1, 3, 4, 5], 3, [0, 2, 4], False),
    "too few of the old keys": (FIVE, 3, [0, 2, 4], [0, 1, 3, 4, 5], 3, [0, 4, 5], False),
    "threshold raised": ([1, 2, 3], 1, [1], [1, 2, 3], 2, [1, 2], True),
    "threshold raised and not reached": ([1, 2, 3], 1, [1], [1, 2, 3], 2, [2], False),
    "threshold lowered": ([1, 2, 3], 2, [1, 2], [1, 2, 3], 1, [1, 2], True),
    "threshold lowered, old one not reached": ([1, 2, 3], 2, [1, 2], [1, 2, 3], 1, [1], False),
}


@pytest.mark.parametrize("case", ROOTS)
def test_root_is_only_replaced_by_what_old_and_new_keys_signed(case: str, tmp_path: Path) -> None:
    keys, threshold, signing, new_keys, new_threshold, new_signing, good = ROOTS[case]
    repository = Simulator()
    root = repository.root
    for numbers, least, hands in (
        (keys, threshold, signing),
        (new_keys, new_threshold, new_signing),
    ):
        for keyid in list(root.roles["root"].keyids):
            root.revoke_key(keyid, "root")
        for number in numbers:
            root.add_key(signer(100 + number).public_key, "root")
        root.roles["root"].threshold = least
        repository.put_root([signer(100 + number) for number in hands])
    kiosk = Kiosk(tmp_path / "state", repository.files["metadata/2.root.json"])
    wanted = BELIEVED if good else (SyncState.TAMPER, "not_signed")
    assert said(kiosk.sync(repository.origin)) == wanted
    assert ("3.root.json" in kiosk.store.metadata()) is good


def test_a_root_that_skips_a_number_is_refused(kiosk: Kiosk, repository: Simulator) -> None:
    repository.put_root()
    repository.put_root()
    repository.files["metadata/2.root.json"] = repository.files["metadata/3.root.json"]
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "rollback")


def test_twenty_roots_behind_is_caught_up(kiosk: Kiosk, repository: Simulator) -> None:
    for number in range(20):
        repository.rotate("root", 200 + number)
    repository.announce(announcement(2))
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    origin = repository.origin
    kiosk.sync(origin)
    assert origin.asked == ["metadata/22.root.json", "metadata/timestamp.json"]


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_a_rotated_key_is_followed_and_the_old_one_is_worth_nothing(
    role: str, kiosk: Kiosk, repository: Simulator
) -> None:
    old = list(repository.signers[role])
    repository.rotate(role, 70)
    repository.put_targets()
    repository.announce(announcement(2))
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    repository.signers[role] = old
    repository.put_targets()
    repository.announce(announcement(3))
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "not_signed")


def test_fields_nobody_knows_are_signed_too(kiosk: Kiosk, repository: Simulator) -> None:
    repository.root.unrecognized_fields["x-more"] = {"a": 1}
    repository.put_root()
    assert said(kiosk.sync(repository.origin)) == BELIEVED


@pytest.mark.parametrize("damage", ["unsigned", "no version", "not JSON"])
def test_a_first_root_that_cannot_be_right_asks_nobody(
    damage: str, tmp_path: Path, repository: Simulator
) -> None:
    root = {
        "unsigned": signed(repository.root, [signer(50)]),
        "no version": repository.first_root.replace(b'"version":1', b'"revision":1'),
        "not JSON": b"\0" * 100,
    }[damage]
    origin = repository.origin
    kiosk = Kiosk(tmp_path / "other", root)
    assert said(kiosk.sync(origin)) == (SyncState.HELD, "bad_root")
    assert origin.asked == []


# Fast-forward: a stolen key uses up the numbers; rotating it gives them back.


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_fast_forward_is_recovered_from_by_rotating_the_key(
    role: str, kiosk: Kiosk, repository: Simulator
) -> None:
    getattr(repository, role).version = 1_000_000
    repository.announce(announcement(2))
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    repository.timestamp.version = 2
    repository.snapshot.version = 2
    repository.put_snapshot()
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "rollback")
    repository.rotate("timestamp", 80)
    if role == "snapshot":
        repository.rotate("snapshot", 81)
    repository.announce(announcement(3))
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    assert version(kiosk, role) < 100


def test_fast_forward_of_the_channel_is_recovered_from_by_rotating_the_snapshot_key(
    kiosk: Kiosk, repository: Simulator
) -> None:
    repository.stable.version = 1_000_000
    repository.announce(announcement(2))
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    repository.stable.version = 2
    repository.announce(announcement(3))
    assert said(kiosk.sync(repository.origin))[0] is SyncState.TAMPER
    repository.rotate("snapshot", 81)
    repository.announce(announcement(4))
    assert said(kiosk.sync(repository.origin)) == BELIEVED


def test_fast_forward_of_the_number_is_held_so_that_numbers_never_run_out(
    kiosk: Kiosk, repository: Simulator
) -> None:
    repository.announce(announcement(2**53 - 1))
    assert said(kiosk.sync(repository.origin)) == (SyncState.HELD, "number_jump")
    repository.announce(announcement(2))
    outcome = kiosk.sync(repository.origin)
    assert (*said(outcome), outcome.status.seq) == (*BELIEVED, 2)


# Endless data, bombs, and things that are no metadata.


LONG = b" " * 600_000


@pytest.mark.parametrize("role", ["timestamp", "2.snapshot", "2.stable", "2.root"])
def test_endless_metadata_is_not_read(role: str, kiosk: Kiosk, repository: Simulator) -> None:
    repository.put_root()
    repository.announce(announcement(2))
    repository.files[f"metadata/{role}.json"] += LONG
    assert said(kiosk.sync(repository.origin)) == (SyncState.OFFLINE, "unusable")


@pytest.mark.parametrize("data", [b"", b"[" * 10_000, b'{"signed":1}', b"\xff\xfe"])
def test_no_metadata_at_all_is_offline(data: bytes, kiosk: Kiosk, repository: Simulator) -> None:
    repository.files["metadata/timestamp.json"] = data
    assert said(kiosk.sync(repository.origin)) == (SyncState.OFFLINE, "unusable")


def test_metadata_with_one_other_bit_is_refused(kiosk: Kiosk, repository: Simulator) -> None:
    repository.announce(announcement(2))
    data = repository.files["metadata/timestamp.json"]
    repository.files["metadata/timestamp.json"] = data.replace(b'"version":2', b'"version":3')
    assert said(kiosk.sync(repository.origin)) == (SyncState.TAMPER, "not_signed")


@pytest.mark.parametrize("data", [b"{}", b"null", b'{"format":2}', b"x" * 60_000])
def test_an_announcement_that_is_signed_but_none_is_held(
    data: bytes, kiosk: Kiosk, repository: Simulator
) -> None:
    target = TargetFile.from_data("stable.json", data, ["sha256"])
    repository.files[f"targets/{target.hashes['sha256']}.stable.json"] = data
    repository.stable.targets = {"stable.json": target}
    repository.put_stable()
    assert said(kiosk.sync(repository.origin)) == (SyncState.HELD, "unreadable")


def test_a_channel_that_is_not_published_is_held(kiosk: Kiosk, repository: Simulator) -> None:
    kiosk.channel = "beta"
    assert said(kiosk.sync(repository.origin)) == (SyncState.HELD, "no_channel")


@pytest.mark.parametrize("name", ["timestamp.json", "snapshot.json", "targets.json", "stable.json"])
def test_a_kept_file_that_was_zeroed_heals_by_itself(
    name: str, kiosk: Kiosk, repository: Simulator
) -> None:
    path = kiosk.folder / "store" / "tuf" / name
    good = path.read_bytes()
    path.write_bytes(bytes(len(good)))
    assert said(kiosk.sync(repository.origin)) == BELIEVED
    assert path.read_bytes() == good
