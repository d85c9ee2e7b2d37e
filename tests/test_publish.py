# SPDX-License-Identifier: Apache-2.0
"""Publishing, judged by python-tuf's own client and by the blobs that are there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from repositories import HeadOffice, Keys, head_office, office, signing_keys, small_release
from tuf.api.exceptions import ExpiredMetadataError, UnsignedMetadataError
from tuf_reader import Reader, check_blobs

from kiosk import __version__
from kiosk.announcement import Gate, Rollout, Wave, to_json
from kiosk.catalog.manifest import FORMAT
from kiosk.errors import CatalogError, PublishError, SigningKeyError
from kiosk.publish import announce, history, standing
from kiosk.publish.announce import Office, Wish
from kiosk.publish.metadata import to_bytes
from kiosk.publish.requires import APP_MIN
from kiosk.publish.roles import with_keys, without_key
from kiosk.publish.storage import TIMESTAMP, blob_name

__all__ = ["office", "signing_keys"]  # fixtures


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return small_release(tmp_path / "r1", {"vectors.npy": b"one" * 400, "records.sqlite": b"r"})


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return small_release(tmp_path / "r2", {"vectors.npy": b"two" * 400, "records.sqlite": b"r"})


def test_a_reader_is_told_the_release_and_finds_every_byte(
    office: HeadOffice, release: Path
) -> None:
    made = office.publish(release, catalog="shop")
    with Reader(office.first_root) as reader:
        read = reader.announcement(office.storage)
    assert read == made
    assert (read.seq, read.catalog, read.channel) == (1, "shop", "stable")
    check_blobs(office.storage, read)


def test_each_channel_speaks_for_itself(office: HeadOffice, release: Path, second: Path) -> None:
    office.publish(release, "stable")
    office.publish(second, "canary")
    with Reader(office.first_root) as reader:
        stable = reader.announcement(office.storage, "stable")
        canary = reader.announcement(office.storage, "canary")
    assert (stable.seq, canary.seq) == (1, 1)
    assert stable.release != canary.release


def test_a_key_of_one_channel_cannot_speak_for_another(
    office: HeadOffice, release: Path, signing_keys: Keys
) -> None:
    ring = signing_keys.ring("canary", "snapshot", "timestamp")
    with pytest.raises(SigningKeyError, match="stable"):
        announce.publish(Office(office.storage, office.trust, ring), release, Wish("stable"))
    assert not office.path.exists()


def test_what_is_announced_already_is_not_announced_again(
    office: HeadOffice, release: Path
) -> None:
    first = announce.publish(office.office, release, Wish("stable"))
    again = announce.publish(office.office, release, Wish("stable"))
    other = announce.publish(office.office, release, Wish("stable", gate=Gate(agree_min=0.9)))
    assert (first.new, again.new, other.new) == (True, False, True)
    assert again.announcement == first.announcement
    assert (again.sent.new_files, other.announcement.seq) == (0, 2)


def test_only_what_changed_is_sent(office: HeadOffice, release: Path, second: Path) -> None:
    announce.publish(office.office, release, Wish("stable"))
    sent = announce.publish(office.office, second, Wish("stable")).sent
    assert (sent.files, sent.new_files) == (3, 2)  # the records are the same


def test_a_rollback_is_a_new_number_with_old_content(
    office: HeadOffice, release: Path, second: Path
) -> None:
    first = office.publish(release)
    office.publish(second, rollout=Rollout(waves=(Wave("2026-01-01T00:00:00+00:00", 10),)))
    with Reader(office.first_root) as reader:
        assert reader.announcement(office.storage).seq == 2
        office.roll_back("stable", 1)
        read = reader.announcement(office.storage)
        assert (read.seq, read.reverts_to, read.release) == (3, 1, first.release)
        assert read.manifest == first.manifest
        assert read.rollout.waves == ()
        assert reader.bytes < 4000


def test_a_rollback_to_what_never_was_is_refused(office: HeadOffice, release: Path) -> None:
    office.publish(release)
    with pytest.raises(PublishError, match="no number 7; there are 1"):
        office.roll_back("stable", 7)


def test_a_pause_and_its_end_keep_the_salt(office: HeadOffice, release: Path) -> None:
    begun = office.publish(release, rollout=Rollout(waves=(Wave("2026-01-01T00:00:00+00:00", 10),)))
    paused = office.roll_out("stable", replace(begun.rollout, pause=True, salt="")).announcement
    going = office.roll_out("stable", begun.rollout).announcement
    assert (paused.rollout.pause, paused.seq, going.seq) == (True, 2, 3)
    assert begun.rollout.salt == paused.rollout.salt == going.rollout.salt != ""
    assert paused.release == begun.release
    assert not office.roll_out("stable", begun.rollout).new


def test_what_a_kiosk_needs_is_read_off_the_release(office: HeadOffice, tmp_path: Path) -> None:
    plain = office.publish(small_release(tmp_path / "plain", {"vectors.npy": b"x" * 1000}))
    assert len(plain.requires.embedder) == 64
    assert plain.requires.disk_bytes == 1000 + plain.manifest.bytes
    brings = office.publish(
        small_release(tmp_path / "brings", {"models/embedder.onnx": b"m", "vectors.npy": b"v"}),
        app_below="9",
        disk_bytes=10**9,
    )
    assert (brings.requires.embedder, brings.requires.disk_bytes) == ("", 10**9)


def test_this_version_reads_what_it_publishes() -> None:
    least = tuple(int(part) for part in APP_MIN[FORMAT].split("."))
    assert least <= tuple(int(part) for part in __version__.split(".")[:3])


def test_a_damaged_release_is_not_published(office: HeadOffice, release: Path) -> None:
    (release / "vectors.npy").write_bytes(b"TWO" * 400)
    with pytest.raises(CatalogError, match="damaged"):
        office.publish(release)
    assert not office.path.exists()


def test_a_blob_that_was_left_half_written_is_sent_again(office: HeadOffice, release: Path) -> None:
    made = office.publish(release)
    other = head_office(office.path.parent / "elsewhere", office.keys)
    listed = office.storage.read(blob_name(made.manifest.sha256))
    assert listed is not None
    other.storage.create(blob_name(made.manifest.sha256), listed[:-1] + b"?")
    check_blobs(other.storage, other.publish(release))


def test_a_catalog_keeps_its_name(office: HeadOffice, release: Path, second: Path) -> None:
    office.publish(release, catalog="shop")
    assert office.publish(second).catalog == "shop"
    with pytest.raises(PublishError, match="another place"):
        office.publish(release, catalog="bakery")


def test_a_channel_nobody_made_is_refused_by_name(office: HeadOffice, release: Path) -> None:
    with pytest.raises(PublishError, match="'beta'; there are canary, stable"):
        office.publish(release, "beta")


def test_a_refresh_signs_the_timestamp_again_and_little_else(
    office: HeadOffice, release: Path
) -> None:
    office.publish(release)
    with Reader(office.first_root) as reader:
        reader.announcement(office.storage)
        office.refresh()
        reader.announcement(office.storage)
        assert reader.requests == 2  # is there a newer root; the timestamp
        assert reader.bytes < 600


def test_the_keys_of_snapshot_and_timestamp_are_enough_for_a_refresh(
    office: HeadOffice, release: Path, signing_keys: Keys
) -> None:
    office.publish(release)
    online = Office(office.storage, office.trust, signing_keys.ring("snapshot", "timestamp"))
    announce.refresh(online, now=datetime.now(UTC) + timedelta(days=100))
    with Reader(office.first_root) as reader:
        assert reader.announcement(office.storage).seq == 1


def test_a_refresh_of_an_empty_place_is_refused(office: HeadOffice) -> None:
    with pytest.raises(PublishError, match="nothing is announced here yet"):
        office.refresh()


def test_without_a_refresh_a_repository_goes_stale_and_a_refresh_mends_it(
    tmp_path: Path, signing_keys: Keys, release: Path
) -> None:
    now = datetime.now(UTC)
    past = head_office(tmp_path / "old", signing_keys, now - timedelta(days=20))
    past.publish(release, now=now - timedelta(days=20))
    with Reader(past.first_root) as reader:
        with pytest.raises(ExpiredMetadataError):
            reader.announcement(past.storage)
        past.refresh(now)
        assert reader.announcement(past.storage).seq == 1


def test_a_refresh_renews_a_channel_only_past_half_of_its_time(
    tmp_path: Path, signing_keys: Keys, release: Path
) -> None:
    now = datetime.now(UTC)
    past = head_office(tmp_path / "old", signing_keys, now - timedelta(days=100))
    past.publish(release, now=now - timedelta(days=100))
    past.refresh(now - timedelta(days=60))
    state = standing.read(past.storage, past.trust)
    assert state.channels is not None
    assert state.channels["stable"].metadata.signed.version == 1
    past.refresh(now)
    state = standing.read(past.storage, past.trust)
    assert state.channels is not None
    assert state.channels["stable"].metadata.signed.version == 2
    assert state.channels["stable"].announcement.seq == 1


def test_the_history_is_what_was_announced(office: HeadOffice, release: Path, second: Path) -> None:
    office.publish(release)
    office.publish(second)
    office.roll_back("stable", 1)
    state = standing.read(office.storage, office.trust)
    past = history.announced(office.storage, office.trust, state, "stable")
    assert [each.announcement.seq for each in past] == [1, 2, 3]
    assert [each.current for each in past] == [False, False, True]
    assert history.announced(office.storage, office.trust, state, "canary") == []


def test_a_place_of_somebody_else_is_not_signed(
    office: HeadOffice, release: Path, second: Path, signing_keys: Keys
) -> None:
    office.publish(release)
    ours = Keys.made()
    stranger = replace(office, keys=ours, trust=ours.trust(datetime.now(UTC)))
    with pytest.raises(PublishError, match="find out who wrote there"):
        stranger.publish(second)


def test_a_root_that_was_swapped_in_the_bucket_is_found_out(
    office: HeadOffice, release: Path, second: Path
) -> None:
    """New kiosks begin with it, so it must not stay."""
    office.publish(release)
    other = Keys.made().trust(datetime.now(UTC))
    (office.path / "metadata/1.root.json").write_bytes(other.roots[0])
    with pytest.raises(PublishError, match="1.root.json is not what the keys"):
        office.publish(second)


def test_an_announcement_that_was_swapped_in_the_bucket_is_not_signed_again(
    office: HeadOffice, release: Path, second: Path
) -> None:
    made = office.publish(release)
    for path in (office.path / "targets").iterdir():
        path.write_bytes(to_json(replace(made, release="0" * 16)))
    with pytest.raises(PublishError, match="find out who wrote there"):
        office.publish(second)


@pytest.mark.parametrize("role", ["snapshot", "timestamp", "stable", "root"])
def test_readers_follow_when_the_keys_of_a_role_are_replaced(
    office: HeadOffice, release: Path, second: Path, role: str
) -> None:
    roles, signers = office.trust.roles, office.keys.signers
    office.publish(release)
    with Reader(office.first_root) as reader:
        reader.announcement(office.storage)
        spares = [signers[f"spare-{n}"].public_key for n in range(3 if role == "root" else 1)]
        office.change_keys(with_keys(roles, role, spares))
        office.publish(second)
        assert reader.announcement(office.storage).seq == 2
    with Reader(office.first_root) as fresh:
        assert fresh.announcement(office.storage).seq == 2


@pytest.mark.parametrize("role", ["snapshot", "timestamp", "stable"])
def test_a_key_that_was_revoked_does_not_publish(
    office: HeadOffice, release: Path, second: Path, role: str
) -> None:
    office.publish(release)
    spare = office.keys.signers["spare-0"].public_key
    office.change_keys(with_keys(office.trust.roles, role, [spare]))
    old = office.keys.ring(*(name for name in office.keys.signers if not name.startswith("spare")))
    with pytest.raises(SigningKeyError, match="spare-0"):
        announce.publish(Office(office.storage, office.trust, old), second, Wish("stable"))


def test_what_a_revoked_key_signed_afterwards_is_refused_by_readers(
    office: HeadOffice, release: Path
) -> None:
    office.publish(release)
    spare = office.keys.signers["spare-0"].public_key
    office.change_keys(with_keys(office.trust.roles, "timestamp", [spare]))
    office.refresh()
    state = standing.read(office.storage, office.trust)
    assert state.timestamp is not None
    with Reader(office.first_root) as reader:
        reader.announcement(office.storage)
        forged = state.timestamp
        forged.signed.version += 1
        forged.sign(office.keys.signers["timestamp"])  # the old one
        office.storage.replace(TIMESTAMP, to_bytes(forged), state.timestamp_bytes)
        with pytest.raises(UnsignedMetadataError):
            reader.announcement(office.storage)


def test_a_lost_root_key_is_revoked_by_the_other_two(
    office: HeadOffice, release: Path, second: Path
) -> None:
    office.publish(release)
    lost = office.keys.signers["anna"].public_key
    with Reader(office.first_root) as reader:
        reader.announcement(office.storage)
        office.change_keys(without_key(office.trust.roles, lost.keyid), "bert", "cleo")
        office.publish(second)
        assert reader.announcement(office.storage).seq == 2


def test_a_reader_that_is_24_roots_behind_follows(
    office: HeadOffice, release: Path, second: Path
) -> None:
    office.publish(release)
    with Reader(office.first_root) as reader:
        reader.announcement(office.storage)
        for turn in range(12):
            spare = office.keys.signers[f"spare-{turn % 2}"].public_key
            office.change_keys(with_keys(office.trust.roles, "timestamp", [spare]))
            office.refresh()
        assert len(office.trust.roots) == 25
        office.publish(second)
        assert reader.announcement(office.storage).seq == 2
        assert reader.requests == 24 + 5  # no newer root, then what any release costs


def test_many_changes_of_keys_may_be_published_at_once(
    office: HeadOffice, release: Path, second: Path
) -> None:
    office.publish(release)
    for turn in range(4):
        spare = office.keys.signers[f"spare-{turn}"].public_key
        office.change_keys(with_keys(office.trust.roles, "timestamp", [spare]))
    office.publish(second)
    with Reader(office.first_root) as reader:
        assert reader.announcement(office.storage).seq == 2
