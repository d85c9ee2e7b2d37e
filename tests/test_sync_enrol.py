# SPDX-License-Identifier: Apache-2.0
"""Whom a kiosk believes: said once by a person, and moved only when a person says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.announcement import Gate, to_json
from kiosk.config import Config, SyncConfig
from kiosk.errors import ConfigError, Held, Tampered, UsageError
from kiosk.store import Installed, Store
from kiosk.sync import enrol
from kiosk.sync.anchor import fingerprint, fingerprint_of, in_groups, trusted_root
from tests.store_parts import NOW, bundle, installed
from tests.tuf_simulator import Simulator, announcement


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", now=lambda: NOW)


@pytest.fixture(scope="module")
def roots() -> tuple[bytes, bytes]:
    """Of two publishers."""
    return b"the first root", b"another root"


def believe(store: Store, root: bytes, *, replace: bool = False) -> bool:
    return enrol.enrol(store, root, fingerprint(root), replace=replace)


def test_a_kiosk_believes_whom_it_was_told_and_nobody_before(
    store: Store, roots: tuple[bytes, bytes]
) -> None:
    with pytest.raises(Held) as held:
        trusted_root(Config(), store)
    assert held.value.code == "not_enrolled"
    assert believe(store, roots[0]) is True
    assert trusted_root(Config(), store) == roots[0]
    assert believe(store, roots[0]) is False, "that is no news"
    assert believe(store, roots[0], replace=True) is False


def test_another_fingerprint_changes_nothing(store: Store, roots: tuple[bytes, bytes]) -> None:
    believe(store, roots[0])
    for replace in (False, True):
        with pytest.raises(Tampered) as refused:
            enrol.enrol(store, roots[1], fingerprint(roots[0]), replace=replace)
        assert in_groups(fingerprint(roots[1])) in str(refused.value)
    assert trusted_root(Config(), store) == roots[0]


def test_another_publisher_begins_anew_only_when_a_person_says_so(
    store: Store, roots: tuple[bytes, bytes]
) -> None:
    believe(store, roots[0])
    made = bundle("a")
    store.activate(installed(store, made, 7), Gate(), "shop")
    store.raise_floors(7, NOW, "stable")
    store.announce(to_json(announcement(7)))
    with pytest.raises(UsageError, match="--replace"):
        believe(store, roots[1])
    assert (store.pointer().floor_seq, trusted_root(Config(), store)) == (7, roots[0])
    assert believe(store, roots[1], replace=True) is True
    pointer = store.pointer()
    assert (pointer.floor_seq, pointer.catalog, pointer.channel) == (0, "", "")
    assert store.announced() is None
    assert trusted_root(Config(), store) == roots[1]
    current = Installed(made.release, made.installed(7).manifest, 7)
    assert pointer.current == current, "what answers goes on answering"
    assert pointer.clock_floor, "time does not begin anew"


def test_a_root_of_the_configuration_is_believed_before_an_enrolled_one(
    store: Store, roots: tuple[bytes, bytes], tmp_path: Path
) -> None:
    believe(store, roots[0])
    path = tmp_path / "root.json"
    config = Config(sync=SyncConfig(root=str(path)))
    with pytest.raises(ConfigError, match="cannot be read"):
        trusted_root(config, store)
    path.write_bytes(roots[1])
    assert trusted_root(config, store) == roots[1]


def test_what_is_offered_must_be_a_root() -> None:
    repository = Simulator()
    repository.announce(announcement(2))
    assert enrol.offered(repository.origin) == repository.first_root
    repository.files["metadata/1.root.json"] = repository.files["metadata/timestamp.json"]
    with pytest.raises(Held) as held:
        enrol.offered(repository.origin)
    assert held.value.code == "bad_root"


def test_a_fingerprint_is_read_as_people_type_it() -> None:
    digits = fingerprint(b"root")
    for typed in (digits, digits.upper(), in_groups(digits), f" {digits[:32]}:{digits[32:]}\n"):
        assert fingerprint_of(typed) == digits
    assert in_groups("0123456789") == "0123 4567 89"
    for wrong in ("", digits[:-1], digits + "0", digits[:-1] + "g"):
        with pytest.raises(UsageError, match="64 digits"):
            fingerprint_of(wrong)
