# SPDX-License-Identifier: Apache-2.0
"""What a pass makes of what is rightly signed and still not for this kiosk, and of its own disk."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, TargetFile

from kiosk.announcement import MAX_BYTES as ANNOUNCEMENT_BYTES
from kiosk.announcement import Blob, Requires, Rollout, Wave
from kiosk.catalog.manifest import MAX_BYTES, parse
from kiosk.errors import Held, StateError
from kiosk.store import Pointer
from kiosk.sync import policy, trust
from kiosk.sync.evidence import Unanswered
from kiosk.sync.origin import Limits
from kiosk.sync.policy import Here
from kiosk.sync.web import WebOrigin
from kiosk.values.sync import SyncState
from tests.fault_server import serving
from tests.sync_parts import Kiosk, office_kiosk, publisher, release
from tests.tuf_simulator import Simulator, announcement, signed, signer

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def judged(app: str = "9.0", **fields: object) -> str:
    """The code of what holds a release, or nothing."""
    announced = announcement(1, **{"rollout": Rollout(), **fields})
    try:
        policy.check(announced, Pointer(), Here("a" * 32, app, "e" * 64, 2**30), NOW)
    except Held as held:
        return held.code
    return ""


@pytest.mark.parametrize(
    ("app", "least", "code"),
    [
        ("9.0", "9.0.1", "needs_newer_app"),
        ("9.1", "9.0.9", ""),
        ("9.1.0", "9.1", ""),
        ("9", "9.0.0", ""),
        ("10", "9.5", ""),
        ("9.1rc1", "9.1", ""),
        ("0", "0", ""),
        ("0.0", "0.1", "needs_newer_app"),
        ("unknown", "0.1", "needs_newer_app"),
        ("unknown", "0", ""),
        ("unknown", "", ""),
    ],
)
def test_versions_are_numbers_and_the_zeros_at_their_end_mean_nothing(
    app: str, least: str, code: str
) -> None:
    assert judged(app, requires=Requires(app_min=least)) == code


@pytest.mark.parametrize(
    ("app", "below", "code"),
    [("9.0", "9.0.0", "needs_older_app"), ("8.9", "9", ""), ("9.0", "", "")],
)
def test_the_first_version_that_is_too_new_is_too_new(app: str, below: str, code: str) -> None:
    assert judged(app, requires=Requires(app_below=below)) == code


@pytest.mark.parametrize(("more", "code"), [(0, ""), (1, "needs_memory")])
def test_all_of_the_memory_is_enough(more: int, code: str) -> None:
    assert judged(requires=Requires(memory_bytes=2**30 + more)) == code


def test_a_kiosk_that_waits_is_told_for_how_many() -> None:
    waves = (Wave("2026-11-01T00:00:00+00:00", 5), Wave("2027-11-01T00:00:00+00:00", 1000))
    here = Here("a" * 32, "9")
    with pytest.raises(Held, match=r"is with 0\.5 % of the kiosks"):
        policy.check(announcement(1, rollout=Rollout(waves=waves)), Pointer(), here, NOW)


def test_a_manifest_too_large_to_be_one_is_not_asked_for(tmp_path: Path) -> None:
    repository = Simulator()
    blob = Blob("d" * 64, MAX_BYTES + 1)
    repository.announce(announcement(2, manifest=blob, rollout=Rollout()))
    kiosk = Kiosk(tmp_path / "state", repository.first_root)
    origin = repository.origin
    outcome = kiosk.sync(origin)
    assert (outcome.status.state, outcome.status.code) == (SyncState.HELD, "unusable_release")
    assert not any(path.startswith("blobs") for path in origin.asked)


def test_a_word_that_cannot_be_kept_is_said_with_its_place(tmp_path: Path) -> None:
    repository = Simulator()
    kiosk = Kiosk(tmp_path / "state", repository.first_root)
    (kiosk.folder / "store" / "sync.json").mkdir(parents=True)
    with pytest.raises(StateError, match=r"sync\.json"):
        kiosk.sync(repository.origin)


def test_every_pass_has_all_of_its_time(tmp_path: Path) -> None:
    office = publisher(tmp_path)
    office.publish(release(tmp_path / "release"))
    kiosk = office_kiosk(tmp_path, office)
    now_s = 0.0
    with serving(office.path) as server:
        limits = Limits(silence_s=60.0, small_s=60.0, pass_s=100.0, least_bytes_per_s=0.0)
        origin = WebOrigin(server.url, limits, lambda: now_s)
        try:
            assert kiosk.sync(origin).activated
            now_s = 150.0
            assert kiosk.sync(origin).status.state is SyncState.CURRENT
            now_s = 251.0
            origin.begin()
            now_s = 351.0
            with pytest.raises(Unanswered, match="100 seconds"):
                origin.small("metadata/timestamp.json", 10_000)
        finally:
            origin.close()


def test_only_a_root_that_enough_of_its_own_keys_signed_is_one() -> None:
    repository = Simulator()
    assert trust.root_version(repository.first_root) == 1
    unsigned = signed(repository.root, [])
    stranger = signed(repository.root, [signer(50)])
    other_role = repository.files["metadata/timestamp.json"]
    repository.root.add_key(signer(60).public_key, "root")
    repository.root.roles["root"].threshold = 2
    too_few = signed(repository.root, repository.signers["root"])
    for data in (b"", b"{}", b"\xff", unsigned, stranger, other_role, too_few):
        with pytest.raises(Held) as held:
            trust.root_version(data)
        assert held.value.code == "bad_root"
    both = signed(repository.root, [*repository.signers["root"], signer(60)])
    assert trust.root_version(both) == Metadata.from_bytes(both).signed.version


def test_a_new_kiosk_takes_an_old_stick_when_a_person_says_so(tmp_path: Path) -> None:
    office = publisher(tmp_path)
    announced = office.publish(release(tmp_path / "release"))
    kiosk = office_kiosk(tmp_path, office)
    kiosk.ahead = timedelta(days=400)
    assert kiosk.sync(office.path).status.state is SyncState.STALE
    assert kiosk.sync(office.path, accept_expired=True).activated == announced.release


def test_what_was_past_its_date_when_this_kiosk_last_knew_the_time_is_never_taken(
    tmp_path: Path,
) -> None:
    repository = Simulator()
    kiosk = Kiosk(tmp_path / "state", repository.first_root)
    made = datetime.now(UTC).replace(microsecond=0)
    kiosk.store.raise_floors(1, made + timedelta(days=40), "stable")
    repository.announce(announcement(2))
    kiosk.ahead = timedelta(days=50)
    outcome = kiosk.sync(repository.origin, accept_expired=True)
    assert (outcome.status.state, outcome.status.code) == (SyncState.STALE, "expired")
    other = Kiosk(tmp_path / "other", repository.first_root)
    other.store.raise_floors(1, made + timedelta(days=20), "stable")
    other.ahead = timedelta(days=50)
    assert other.sync(repository.origin, accept_expired=True).status.code == "paused"


def test_an_old_stick_with_what_was_announced_and_never_installed_is_taken(tmp_path: Path) -> None:
    office = publisher(tmp_path)
    office.publish(release(tmp_path / "first"))
    kiosk = office_kiosk(tmp_path, office)
    kiosk.sync(office.path)
    second = office.publish(release(tmp_path / "second", seed=2), rollout=Rollout(pause=True))
    assert kiosk.sync(office.path).status.code == "paused"
    assert kiosk.store.pointer().floor_seq == 2
    kiosk.ahead = timedelta(days=40)
    outcome = kiosk.sync(office.path, accept_expired=True)
    assert (outcome.status.code, kiosk.store.pointer().floor_seq) == ("paused", 2)
    assert not kiosk.store.releases.path(second.release).exists()


def test_a_pass_leaves_what_answers_what_was_before_and_nothing_else(tmp_path: Path) -> None:
    office = publisher(tmp_path)
    kiosk = office_kiosk(tmp_path, office)
    made = []
    for seed in (1, 2, 3):
        made.append(office.publish(release(tmp_path / f"release-{seed}", seed)).release)
        assert kiosk.sync(office.path).activated == made[-1]
        assert kiosk.store.pointer().tested, "it was, a moment ago"
        kiosk.store.good(made[-1])
    assert set(kiosk.store.releases.listed()) == set(made[1:])
    kept = {each for name in made[1:] for each in kiosk.store.releases.blobs_of(name)}
    assert {path.name for path in kiosk.store.blobs.folder.iterdir()} == kept


def test_an_announcement_too_large_to_be_one_is_not_read_although_it_is_signed(
    tmp_path: Path,
) -> None:
    repository = Simulator()
    kiosk = Kiosk(tmp_path / "state", repository.first_root)
    data = b" " * (ANNOUNCEMENT_BYTES + 1)
    target = TargetFile.from_data("stable.json", data, ["sha256"])
    repository.files[f"targets/{target.hashes['sha256']}.stable.json"] = data
    repository.stable.targets = {"stable.json": target}
    repository.put_stable()
    assert kiosk.sync(repository.origin).status.code == "unusable"


def test_roots_are_kept_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = [f"{number}.root.json" for number in range(1, 13)]
    trust.fill(tmp_path, {name: name.encode() for name in sorted((*names, "snapshot.json"))})
    held = trust.verified(tmp_path, b"3.root.json")
    assert list(held) == [*(name for name in names if name != "3.root.json"), "snapshot.json"]
    assert held["12.root.json"] == b"12.root.json"


def test_a_first_release_asks_for_all_the_room_it_says_before_it_is_fetched(
    tmp_path: Path,
) -> None:
    repository = Simulator()
    manifest = (release(tmp_path / "release") / "manifest.json").read_bytes()
    wanted = parse(manifest)
    blob = Blob(hashlib.sha256(manifest).hexdigest(), len(manifest))
    repository.files[f"blobs/{blob.sha256[:2]}/{blob.sha256}"] = manifest
    for entry in wanted.needed:
        data = (tmp_path / "release" / entry.name).read_bytes()
        repository.files[f"blobs/{entry.sha256[:2]}/{entry.sha256}"] = data
    requires = Requires(disk_bytes=5_000_000)
    repository.announce(
        announcement(2, manifest=blob, release=wanted.release, rollout=Rollout(), requires=requires)
    )
    kiosk = Kiosk(tmp_path / "state", repository.first_root, disk_bytes=5_000_000)
    origin = repository.origin
    assert kiosk.sync(origin).status.code == "no_space"
    assert [path for path in origin.asked if path.startswith("blobs")] == [
        f"blobs/{blob.sha256[:2]}/{blob.sha256}"
    ]
    whole = wanted.needed[0]
    kiosk.store.blobs.put((tmp_path / "release" / whole.name).read_bytes(), Blob(
        whole.sha256, whole.bytes
    ))  # fmt: skip
    assert kiosk.sync(repository.origin).activated == wanted.release, "the rest of it fits"


def test_a_disk_without_room_for_a_manifest_asks_for_none(tmp_path: Path) -> None:
    repository = Simulator()
    repository.announce(announcement(2, rollout=Rollout()))
    kiosk = Kiosk(tmp_path / "state", repository.first_root, disk_bytes=0)
    origin = repository.origin
    assert kiosk.sync(origin).status.code == "no_space"
    assert not any(path.startswith("blobs") for path in origin.asked)
