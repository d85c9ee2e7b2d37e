# SPDX-License-Identifier: Apache-2.0
"""The trust folder and what is being signed in it: nothing half signed ever counts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from repositories import ROOTS, Keys, signing_keys

from kiosk.errors import PublishError
from kiosk.publish import draft
from kiosk.publish.draft import Draft
from kiosk.publish.roles import Roles, with_keys
from kiosk.publish.trust import drop_draft, keep_draft, open_draft, open_trust, settle

__all__ = ["signing_keys"]  # a fixture

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def folder(tmp_path: Path, signing_keys: Keys) -> Path:
    """With a first root and its channels, signed by all."""
    folder = tmp_path / "trust"
    begun = draft.first(signing_keys.roles(), NOW)
    draft.sign(begun, None, signing_keys.ring())
    keep_draft(folder, begun)
    assert settle(folder, begun, None)
    return folder


def step(folder: Path, keys: Keys, role: str, spare: int) -> tuple[Draft, Roles]:
    """Towards another key of one role; not signed yet."""
    trust = open_trust(folder)
    after = with_keys(trust.roles, role, [keys.signers[f"spare-{spare}"].public_key])
    root, targets = trust.root.signed, trust.targets.signed
    return draft.following(root, targets, trust.roles, after, NOW), after


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_what_has_all_signatures_is_what_the_folder_says(folder: Path, signing_keys: Keys) -> None:
    assert names(folder) == {"1.root.json", "1.targets.json"}
    assert open_draft(folder) is None
    assert open_trust(folder).roles.threshold == 2
    assert set(open_trust(folder).roles.channels) == {"stable", "canary"}


def test_one_signature_of_two_settles_nothing(folder: Path, signing_keys: Keys) -> None:
    made, after = step(folder, signing_keys, "snapshot", 0)
    trusted = open_trust(folder).root.signed
    draft.sign(made, trusted, signing_keys.ring(ROOTS[0]))
    keep_draft(folder, made)
    assert settle(folder, made, trusted) is False
    assert names(folder) == {"1.root.json", "1.targets.json"}
    found = open_draft(folder)
    assert found is not None
    draft.sign(found, trusted, signing_keys.ring(ROOTS[1]))
    assert settle(folder, found, trusted) is True
    assert open_draft(folder) is None
    assert open_trust(folder).roles.snapshot == after.snapshot
    assert "2.root.json" in names(folder)


def test_another_draft_leaves_nothing_of_the_one_before(folder: Path, signing_keys: Keys) -> None:
    both, _ = step(folder, signing_keys, "beta", 0)
    root, _ = step(folder, signing_keys, "snapshot", 1)
    assert set(root.files()) - set(both.files()) or set(both.files()) - set(root.files())
    for made in (both, root, both):
        keep_draft(folder, made)
        found = open_draft(folder)
        assert found is not None
        assert found.files() == made.files()


def test_a_dropped_draft_is_gone_and_may_be_dropped_again(folder: Path, signing_keys: Keys) -> None:
    made, _ = step(folder, signing_keys, "snapshot", 0)
    before = names(folder)
    keep_draft(folder, made)
    for _ in range(2):
        drop_draft(folder)
        assert open_draft(folder) is None
        assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize("lost", ["1.root.json", "1.targets.json"])
def test_a_folder_without_its_first_files_says_what_it_is_not(lost: str, folder: Path) -> None:
    (folder / lost).unlink()
    with pytest.raises(PublishError, match="is no trust folder"):
        open_trust(folder)


def test_a_root_that_is_missing_between_others_is_told(folder: Path) -> None:
    data = (folder / "1.root.json").read_bytes()
    (folder / "3.root.json").write_bytes(data)
    with pytest.raises(PublishError, match="missing between 1 and 3"):
        open_trust(folder)


@pytest.mark.parametrize("name", ["1.root.json", "1.targets.json"])
def test_a_damaged_file_is_told_with_its_folder(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"{}")
    with pytest.raises(PublishError, match=rf"{folder}: .*is damaged"):
        open_trust(folder)


def test_a_root_under_another_number_is_refused(folder: Path) -> None:
    (folder / "2.root.json").write_bytes((folder / "1.root.json").read_bytes())
    with pytest.raises(PublishError, match=r"2\.root\.json: lacks signatures"):
        open_trust(folder)
