# SPDX-License-Identifier: Apache-2.0
"""Who may sign what, as values: no list of keys comes to be that nobody could sign for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from repositories import CHANNELS, ROOTS, Keys, signing_keys
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Targets

from kiosk.errors import PublishError, SigningKeyError
from kiosk.publish.ring import KeyRing
from kiosk.publish.roles import (
    Key,
    Roles,
    checked,
    find_key,
    holder,
    roles_of,
    with_keys,
    without_key,
)
from kiosk.publish.trust import verified

__all__ = ["signing_keys"]  # a fixture


@pytest.fixture
def roles(signing_keys: Keys) -> Roles:
    return signing_keys.roles()


def public(keys: Keys, name: str) -> Key:
    return keys.signers[name].public_key


def test_roles_are_shown_from_the_root_down(roles: Roles) -> None:
    assert roles.names() == ("root", "stable", "canary", "snapshot", "timestamp")
    assert [len(roles.keys(name)) for name in roles.names()] == [3, 1, 1, 1, 1]
    with pytest.raises(
        SigningKeyError,
        match="there is no role 'beta'; there are root, snapshot, timestamp, stable, canary",
    ):
        roles.keys("beta")


@pytest.mark.parametrize("role", ["root", "snapshot", "timestamp", "stable", "beta"])
def test_one_role_gets_other_keys_and_the_rest_stay(
    role: str, roles: Roles, signing_keys: Keys
) -> None:
    spare = [public(signing_keys, f"spare-{number}") for number in range(2)]
    after = with_keys(roles, role, spare)
    assert after.keys(role) == tuple(spare)
    for other in roles.names():
        assert other == role or after.keys(other) == roles.keys(other)


@pytest.mark.parametrize("role", ["targets", "Beta", "a/b", "", "../x", "x" * 33])
def test_what_cannot_be_a_channel_gets_no_key(role: str, roles: Roles, signing_keys: Keys) -> None:
    with pytest.raises(SigningKeyError, match="cannot be a channel"):
        with_keys(roles, role, [public(signing_keys, "spare-0")])


@pytest.mark.parametrize("role", ["snapshot", "timestamp", *CHANNELS])
def test_no_role_is_left_without_a_key(role: str, roles: Roles) -> None:
    with pytest.raises(SigningKeyError, match=f"the role {role} would have no key"):
        with_keys(roles, role, [])
    with pytest.raises(SigningKeyError, match=f"the role {role} would have no key"):
        without_key(roles, roles.keys(role)[0].keyid)


@pytest.mark.parametrize("role", ["snapshot", "timestamp", *CHANNELS])
def test_no_role_uses_a_root_key(role: str, roles: Roles) -> None:
    with pytest.raises(SigningKeyError, match=f"the role {role} would use a root key"):
        with_keys(roles, role, [*roles.keys(role), roles.root[0]])


@pytest.mark.parametrize(
    ("threshold", "number", "good"),
    [(0, 3, False), (1, 1, True), (3, 3, True), (4, 3, False), (1, 0, False)],
)
def test_as_many_root_signatures_as_are_asked_for_can_be_had(
    threshold: int, number: int, good: bool, roles: Roles
) -> None:
    asked = replace(roles, threshold=threshold, root=roles.root[:number])
    if good:
        assert checked(asked) == asked
        return
    with pytest.raises(SigningKeyError, match="cannot be had"):
        checked(asked)


def test_a_root_key_that_stands_twice_counts_once(roles: Roles) -> None:
    with pytest.raises(SigningKeyError, match="cannot be had"):
        with_keys(roles, "root", [roles.root[0], roles.root[0]])


def test_a_revoked_key_is_out_of_every_role(roles: Roles, signing_keys: Keys) -> None:
    shared = public(signing_keys, "spare-0")
    both = with_keys(roles, "stable", [*roles.keys("stable"), shared])
    both = with_keys(both, "snapshot", [shared, *roles.snapshot])
    both = with_keys(both, "timestamp", [shared, *roles.timestamp])
    assert without_key(both, shared.keyid) == roles
    assert without_key(roles, roles.root[1].keyid).root == (roles.root[0], roles.root[2])
    assert without_key(roles, "0" * 64) == roles


def test_a_key_is_found_by_its_holder_or_the_beginning_of_its_id(roles: Roles) -> None:
    key = roles.root[0]
    assert find_key(roles, ROOTS[0]) == find_key(roles, key.keyid[:8]) == key
    assert holder(key) == ROOTS[0]
    for nobody in ("nobody", key.keyid[:3], key.keyid[1:9], ""):
        with pytest.raises(SigningKeyError, match="names no key"):
            find_key(roles, nobody)


def test_a_name_that_two_keys_have_names_neither(roles: Roles, signing_keys: Keys) -> None:
    other = Keys.made()
    both = with_keys(roles, "stable", [public(signing_keys, "stable"), public(other, "stable")])
    with pytest.raises(SigningKeyError, match="names more than one key"):
        find_key(both, "stable")


def test_a_key_in_two_roles_is_one_key(roles: Roles, signing_keys: Keys) -> None:
    shared = public(signing_keys, "spare-0")
    both = with_keys(with_keys(roles, "snapshot", [shared]), "timestamp", [shared])
    assert find_key(both, "spare-0") == shared


def test_a_ring_opens_a_key_once_and_only_those_it_has(signing_keys: Keys) -> None:
    opened: list[str] = []
    spare = signing_keys.signers["spare-0"]

    def unlock() -> object:
        opened.append("spare-0")
        return spare

    ring = KeyRing({spare.public_key.keyid: unlock})  # type: ignore[dict-item]
    assert ring.has(spare.public_key)
    assert opened == []
    assert ring.signer(spare.public_key) is ring.signer(spare.public_key) is spare
    assert opened == ["spare-0"]
    other = public(signing_keys, "spare-1")
    assert not ring.has(other)
    with pytest.raises(SigningKeyError, match="the key of spare-1 is not at hand"):
        ring.signer(other)
    assert ring.one_of("stable", [other, spare.public_key]) == spare.public_key
    with pytest.raises(SigningKeyError, match="no key of the role stable.*of spare-1 with --keys"):
        ring.one_of("stable", [other])


def test_trust_begins_with_a_root() -> None:
    with pytest.raises(PublishError, match="there is no root"):
        verified((), b"")


def test_a_list_without_channels_has_none(signing_keys: Keys) -> None:
    trust = signing_keys.trust(datetime.now(UTC))
    found, wanted = trust.roles, signing_keys.roles()
    assert {key.keyid for key in found.root} == {key.keyid for key in wanted.root}
    assert replace(found, root=wanted.root) == wanted
    assert roles_of(trust.root.signed, Targets()) == replace(found, channels={})


def test_a_key_whose_holder_is_not_known_goes_by_the_start_of_its_id() -> None:
    key = CryptoSigner.generate_ed25519().public_key
    assert holder(key) == key.keyid[:12]
