# SPDX-License-Identifier: Apache-2.0
"""Places that hold what the root keys do not stand for: nothing is signed over it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from repositories import HeadOffice, Keys, head_office, signing_keys, small_release

from kiosk.errors import PublishError
from kiosk.publish import history, standing
from kiosk.publish.collecting import Rule, collect
from kiosk.publish.memory import MemoryStorage
from kiosk.publish.roles import with_keys

__all__ = ["signing_keys"]  # a fixture


@pytest.fixture
def office(tmp_path: Path, signing_keys: Keys) -> HeadOffice:
    """Has announced twice."""
    made = head_office(tmp_path / "place", signing_keys)
    for number in (1, 2):
        folder = tmp_path / f"release-{number}"
        made.publish(small_release(folder, {"vectors.npy": bytes([number])}))
    return made


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> HeadOffice:
    """Has announced the same, with keys of its own."""
    folder = tmp_path_factory.mktemp("stranger")
    made = head_office(folder / "place", Keys.made())
    for number in (1, 2):
        small = small_release(folder / f"release-{number}", {"vectors.npy": bytes([number])})
        made.publish(small)
    return made


def newest(office: HeadOffice, role: str) -> Path:
    return max((office.path / "metadata").glob(f"*{role}.json"))


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "stable", "1.root"])
def test_metadata_that_strange_keys_signed_is_named_and_not_signed_over(
    role: str, office: HeadOffice, stranger: HeadOffice
) -> None:
    place = newest(office, role)
    place.write_bytes(newest(stranger, role).read_bytes())
    for work in (office.refresh, lambda: standing.read(office.storage, office.trust)):
        with pytest.raises(PublishError, match=rf"{place.name} is not what the keys"):
            work()


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "stable"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data[:-2], "is damaged"),
        (lambda data: b"", "is damaged"),
        (lambda data: data.replace(b'"_type":"', b'"_type":"un'), "is damaged"),
    ],
    ids=["cut", "empty", "of no kind"],
)
def test_damaged_metadata_is_named(
    role: str, spoil: Callable[[bytes], bytes], words: str, office: HeadOffice
) -> None:
    place = newest(office, role)
    place.write_bytes(spoil(place.read_bytes()))
    with pytest.raises(PublishError, match=f"{place.name}: {words}"):
        office.refresh()


def test_metadata_of_another_role_in_the_place_of_one_is_refused(office: HeadOffice) -> None:
    newest(office, "snapshot").write_bytes(newest(office, "targets").read_bytes())
    with pytest.raises(PublishError, match="is not the metadata of that role"):
        office.refresh()


def test_an_older_word_of_a_channel_under_a_new_number_is_refused(office: HeadOffice) -> None:
    metadata = office.path / "metadata"
    (metadata / "2.stable.json").write_bytes((metadata / "1.stable.json").read_bytes())
    with pytest.raises(PublishError, match=r"2\.stable\.json is not what the keys"):
        office.refresh()


def test_a_place_whose_first_root_is_gone_is_not_begun_anew(office: HeadOffice) -> None:
    (office.path / "metadata" / "1.root.json").unlink()
    with pytest.raises(PublishError, match=r"1\.root\.json is not what the keys"):
        office.refresh()


def test_an_old_copy_of_the_trust_folder_is_told_of_a_newer_root(
    office: HeadOffice, tmp_path: Path
) -> None:
    old = office.trust
    spare = office.keys.signers["spare-0"].public_key
    office.change_keys(with_keys(old.roles, "timestamp", [spare]))
    office.refresh()
    office.trust = old
    with pytest.raises(PublishError, match="has a newer root than the trust folder"):
        office.refresh()


def test_an_old_copy_of_the_trust_folder_is_told_of_a_newer_list_of_channels(
    office: HeadOffice,
) -> None:
    old = office.trust
    spare = office.keys.signers["spare-0"].public_key
    office.change_keys(with_keys(old.roles, "beta", [spare]))
    office.refresh()
    office.trust = dataclasses.replace(
        office.trust, targets=old.targets, targets_bytes=old.targets_bytes
    )
    with pytest.raises(PublishError, match="newer list of channels than the trust folder"):
        office.refresh()


def test_numbers_that_are_all_taken_are_no_accident(tmp_path: Path, signing_keys: Keys) -> None:
    office = head_office(tmp_path, signing_keys)
    office.storage = MemoryStorage(lambda: datetime.now(UTC).timestamp())
    for number in range(1, 1000):
        office.storage.create(f"metadata/{number}.stable.json", b"{}")
    folder = small_release(tmp_path / "release", {"vectors.npy": b"1"})
    with pytest.raises(PublishError, match="every number for stable from 1 on is taken"):
        office.publish(folder)


def test_one_number_that_is_free_is_enough(tmp_path: Path, signing_keys: Keys) -> None:
    office = head_office(tmp_path, signing_keys)
    office.storage = MemoryStorage(lambda: datetime.now(UTC).timestamp())
    for number in range(1, 20):
        office.storage.create(f"metadata/{number}.stable.json", b"{}")
    announced = office.publish(small_release(tmp_path / "release", {"vectors.npy": b"1"}))
    spoken = standing.read(office.storage, office.trust).spoken("stable")
    assert spoken is not None
    assert (spoken.metadata.signed.version, spoken.announcement) == (20, announced)


def test_nothing_is_collected_where_nothing_was_announced(
    tmp_path: Path, signing_keys: Keys
) -> None:
    office = head_office(tmp_path, signing_keys)
    with pytest.raises(PublishError, match="nothing is announced here"):
        collect(office.storage, office.trust, Rule())


def test_history_leaves_out_what_was_collected_garbled_or_never_announced(
    office: HeadOffice, tmp_path: Path
) -> None:
    office.publish(small_release(tmp_path / "third", {"vectors.npy": b"3"}))
    state = standing.read(office.storage, office.trust)
    metadata = office.path / "metadata"
    (metadata / "1.stable.json").write_bytes(b"{}")
    (metadata / "9.stable.json").write_bytes((metadata / "3.stable.json").read_bytes())
    (metadata / "03.stable.json").write_bytes((metadata / "3.stable.json").read_bytes())
    past = history.announced(office.storage, office.trust, state, "stable")
    assert [(each.announcement.seq, each.version, each.current) for each in past] == [
        (2, 2, False),
        (3, 3, True),
    ]
    with pytest.raises(PublishError, match="has no number 1; there are 2, 3"):
        history.find(office.storage, office.trust, state, "stable", 1)


@pytest.mark.parametrize("role", ["snapshot", "timestamp", "stable"])
def test_a_refresh_signs_anew_what_a_replaced_key_had_signed(
    role: str, office: HeadOffice, tmp_path: Path
) -> None:
    before = standing.read(office.storage, office.trust)
    spare = office.keys.signers["spare-1"].public_key
    office.change_keys(with_keys(office.trust.roles, role, [spare]))
    office.refresh()
    after = standing.read(office.storage, office.trust)
    assert after.spoken("stable") is not None
    assert after.spoken("stable").announcement == before.spoken("stable").announcement
    signed = {
        "snapshot": after.snapshot,
        "timestamp": after.timestamp,
        "stable": after.spoken("stable").metadata,
    }[role]
    assert signed is not None
    assert list(signed.signatures) == [spare.keyid]
