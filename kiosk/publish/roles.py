# SPDX-License-Identifier: Apache-2.0
"""Who may sign what: root, snapshot, timestamp and one role per channel. Values in, values out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuf.api.metadata import Delegations, Root, Targets
from tuf.api.metadata import Key as Key

from kiosk.announcement import CHANNEL
from kiosk.errors import SigningKeyError

ROOT, TARGETS, SNAPSHOT, TIMESTAMP = "root", "targets", "snapshot", "timestamp"
TOP = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)
NAME_FIELD = "x-kiosk-holder"
"""Who holds a key, in words; said in the metadata, means nothing to a verifier."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The keys of every role. The root keys sign the list of channels too."""

    root: tuple[Key, ...]
    threshold: int
    snapshot: tuple[Key, ...]
    timestamp: tuple[Key, ...]
    channels: Mapping[str, tuple[Key, ...]]

    def keys(self, role: str) -> tuple[Key, ...]:
        """Raises SigningKeyError for a role that is not there."""
        if role in (ROOT, SNAPSHOT, TIMESTAMP):
            return tuple(getattr(self, role))
        if role not in self.channels:
            known = ", ".join((ROOT, SNAPSHOT, TIMESTAMP, *self.channels))
            raise SigningKeyError(f"there is no role {role!r}; there are {known}")
        return self.channels[role]

    def names(self) -> tuple[str, ...]:
        """Every role, in the order in which they are shown."""
        return (ROOT, *self.channels, SNAPSHOT, TIMESTAMP)


def with_keys(roles: Roles, role: str, keys: Sequence[Key]) -> Roles:
    """`roles` with these keys for one role; a new channel is added."""
    if role == ROOT:
        return checked(dataclasses.replace(roles, root=tuple(keys)))
    if role == SNAPSHOT:
        return checked(dataclasses.replace(roles, snapshot=tuple(keys)))
    if role == TIMESTAMP:
        return checked(dataclasses.replace(roles, timestamp=tuple(keys)))
    if role in TOP or not CHANNEL.fullmatch(role):
        raise SigningKeyError(f"{role!r} cannot be a channel: lower-case letters, digits and -")
    return checked(dataclasses.replace(roles, channels={**roles.channels, role: tuple(keys)}))


def without_key(roles: Roles, keyid: str) -> Roles:
    """`roles` with one key out of every role. Raises SigningKeyError when nobody is left."""

    def kept(keys: tuple[Key, ...]) -> tuple[Key, ...]:
        return tuple(key for key in keys if key.keyid != keyid)

    channels = {name: kept(keys) for name, keys in roles.channels.items()}
    return checked(
        dataclasses.replace(
            roles,
            root=kept(roles.root),
            snapshot=kept(roles.snapshot),
            timestamp=kept(roles.timestamp),
            channels=channels,
        )
    )


def checked(roles: Roles) -> Roles:
    """`roles`, when every role can be signed for. Raises SigningKeyError."""
    if not 1 <= roles.threshold <= len({key.keyid for key in roles.root}):
        raise SigningKeyError(
            f"{roles.threshold} signatures of {len(roles.root)} root keys cannot be had; "
            "add a root key first"
        )
    for role in roles.names():
        if not roles.keys(role):
            raise SigningKeyError(f"the role {role} would have no key; give it a new one instead")
        if role != ROOT and {k.keyid for k in roles.keys(role)} & {k.keyid for k in roles.root}:
            raise SigningKeyError(f"the role {role} would use a root key; make another key for it")
    return roles


def roles_of(root: Root, targets: Targets) -> Roles:
    """What signed metadata says."""

    def of(role: str) -> tuple[Key, ...]:
        return tuple(root.keys[keyid] for keyid in root.roles[role].keyids)

    delegations = targets.delegations or Delegations({}, {})
    return Roles(
        root=of(ROOT),
        threshold=root.roles[ROOT].threshold,
        snapshot=of(SNAPSHOT),
        timestamp=of(TIMESTAMP),
        channels={
            name: tuple(delegations.keys[keyid] for keyid in role.keyids)
            for name, role in (delegations.roles or {}).items()
        },
    )


def find_key(roles: Roles, text: str) -> Key:
    """The one key whose id begins with `text`, or whose holder has that name."""
    every = {key.keyid: key for role in roles.names() for key in roles.keys(role)}
    found = [
        key
        for keyid, key in every.items()
        if (len(text) >= 4 and keyid.startswith(text)) or holder(key) == text
    ]
    if len(found) != 1:
        what = "no key" if not found else "more than one key"
        raise SigningKeyError(f"{text!r} names {what}; `kiosk keys show` lists them with their ids")
    return found[0]


def holder(key: Key) -> str:
    """Who holds it, or the start of its id."""
    return str(key.unrecognized_fields.get(NAME_FIELD) or key.keyid[:12])
