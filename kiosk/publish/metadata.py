# SPDX-License-Identifier: Apache-2.0
"""TUF metadata of a repository: built, judged, turned into bytes. No IO.

The top-level targets role is signed with the root keys and names no file: it gives each channel
its own role, whose one file is `CHANNEL.json`, the announcement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Key,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from kiosk.errors import PublishError
from kiosk.publish.roles import Roles
from kiosk.publish.storage import METADATA
from kiosk.publish.storage import TARGETS as TARGETS_FOLDER

ROOT_DAYS = 540
"""Root and the list of channels are signed in one ceremony, so they end together."""
CHANNEL_DAYS = 180
SNAPSHOT_DAYS = 30
TIMESTAMP_DAYS = 14

Body = TypeVar("Body", Root, Targets, Snapshot, Timestamp)


def expiry(now: datetime, days: int) -> datetime:
    """Whole seconds, as TUF has them."""
    return now.replace(microsecond=0) + timedelta(days=days)


def root(
    roles: Roles, version: int, now: datetime, *, beside: Roles | None = None
) -> Metadata[Root]:
    """Root that names the keys of `roles`.

    With `beside`, whose keys are on their way out, what those signed still counts, except for root.
    """
    before = beside or roles
    keys: dict[str, Key] = {}

    def role(now_keys: Sequence[Key], then_keys: Sequence[Key], threshold: int) -> Role:
        every = {key.keyid: key for key in (*now_keys, *then_keys)}
        keys.update(every)
        return Role(sorted(every), threshold)

    named = {
        "root": role(roles.root, (), roles.threshold),
        "targets": role(roles.root, before.root, min(roles.threshold, before.threshold)),
        "snapshot": role(roles.snapshot, before.snapshot, 1),
        "timestamp": role(roles.timestamp, before.timestamp, 1),
    }
    return Metadata(Root(version=version, expires=expiry(now, ROOT_DAYS), keys=keys, roles=named))


def channels(roles: Roles, version: int, now: datetime) -> Metadata[Targets]:
    """The top-level targets: which key may speak for which channel."""
    keys = {key.keyid: key for each in roles.channels.values() for key in each}
    delegated = {
        name: DelegatedRole(
            name, sorted(key.keyid for key in each), 1, True, paths=[announcement_path(name)]
        )
        for name, each in sorted(roles.channels.items())
    }
    body = Targets(
        version=version,
        expires=expiry(now, ROOT_DAYS),
        delegations=Delegations(keys, delegated),
    )
    return Metadata(body)


def channel(name: str, announced: bytes, version: int, now: datetime) -> Metadata[Targets]:
    """The role of one channel, with its announcement."""
    path = announcement_path(name)
    target = TargetFile.from_data(path, announced, ["sha256"])
    return Metadata(
        Targets(version=version, expires=expiry(now, CHANNEL_DAYS), targets={path: target})
    )


def snapshot(
    listed: Mapping[str, tuple[int, bytes]], version: int, now: datetime
) -> Metadata[Snapshot]:
    """`listed`: version and bytes of the metadata of every role below it."""
    meta = {
        f"{name}.json": MetaFile.from_data(number, data, ["sha256"])
        for name, (number, data) in listed.items()
    }
    return Metadata(Snapshot(version=version, expires=expiry(now, SNAPSHOT_DAYS), meta=meta))


def timestamp(of: tuple[int, bytes], version: int, now: datetime) -> Metadata[Timestamp]:
    """`of`: version and bytes of the snapshot."""
    meta = MetaFile.from_data(of[0], of[1], ["sha256"])
    return Metadata(
        Timestamp(version=version, expires=expiry(now, TIMESTAMP_DAYS), snapshot_meta=meta)
    )


def announcement_path(channel_name: str) -> str:
    """The TUF target of a channel."""
    return f"{channel_name}.json"


def announcement_name(channel_name: str, sha256: str) -> str:
    """Where it lies in a repository."""
    return f"{TARGETS_FOLDER}/{sha256}.{announcement_path(channel_name)}"


def metadata_name(role: str, version: int) -> str:
    """Where the metadata of a role lies, except the timestamp's."""
    return f"{METADATA}/{version}.{role}.json"


def to_bytes(metadata: Metadata[Body]) -> bytes:
    """Compact JSON."""
    return metadata.to_bytes(JSONSerializer(compact=True))


def parsed(kind: type[Body], data: bytes, what: str) -> Metadata[Body]:
    """Raises PublishError naming `what`."""
    try:
        metadata = Metadata[Body].from_bytes(data)
    except (DeserializationError, ValueError) as error:
        raise PublishError(f"{what}: is damaged ({error}); restore it") from error
    if not isinstance(metadata.signed, kind):
        raise PublishError(f"{what}: is not the metadata of that role; restore it")
    return metadata


def is_signed(by: Root | Targets, role: str, metadata: Metadata[Body]) -> bool:
    """Whether enough keys that `by` gives the role have signed."""
    try:
        by.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError):
        return False
    return True
