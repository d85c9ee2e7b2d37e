# SPDX-License-Identifier: Apache-2.0
"""What readers of a repository see now: read once, and believed only as far as it is signed.

Dates are not judged here: a publisher comes to renew them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from kiosk.announcement import Announcement, parse
from kiosk.errors import PublishError
from kiosk.publish.metadata import (
    announcement_name,
    announcement_path,
    is_signed,
    metadata_name,
    parsed,
)
from kiosk.publish.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from kiosk.publish.storage import TIMESTAMP as TIMESTAMP_NAME
from kiosk.publish.storage import Storage, digest, read_or_raise
from kiosk.publish.trust import Trust


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one channel says, with its signature."""

    metadata: Metadata[Targets]
    metadata_bytes: bytes
    announcement: Announcement
    announced: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """Verified against the trust folder."""

    roots: int
    """How many there are; 0: the place is empty."""
    timestamp: Metadata[Timestamp] | None = None
    timestamp_bytes: bytes | None = None
    snapshot: Metadata[Snapshot] | None = None
    snapshot_bytes: bytes = b""
    targets: Metadata[Targets] | None = None
    channels: Mapping[str, Spoken] | None = None

    def spoken(self, channel: str) -> Spoken | None:
        return (self.channels or {}).get(channel)


def read(storage: Storage, trust: Trust) -> Standing:
    """Raises PublishError when the place holds anything that the root keys do not stand for."""
    roots = _roots(storage, trust)
    data = storage.read(TIMESTAMP_NAME)
    if data is None:
        return Standing(roots)
    if not roots:
        raise _foreign(storage, "1.root.json")
    # A publisher may have been stopped between two roots: any of them may be the right one.
    for version in range(roots, 0, -1):
        root = trust.root_at(version).signed
        timestamp = parsed(Timestamp, data, TIMESTAMP_NAME)
        if is_signed(root, TIMESTAMP, timestamp):
            return _below(storage, root, roots, timestamp, data)
    raise _foreign(storage, TIMESTAMP_NAME)


def _roots(storage: Storage, trust: Trust) -> int:
    for number, ours in enumerate(trust.roots, 1):
        there = storage.read(metadata_name(ROOT, number))
        if there is None:
            return number - 1
        if there != ours:
            raise _foreign(storage, f"{number}.root.json")
    if storage.read(metadata_name(ROOT, len(trust.roots) + 1)) is not None:
        raise PublishError(
            f"{storage.address}: has a newer root than the trust folder; use the newest copy of it"
        )
    return len(trust.roots)


def _below(
    storage: Storage, root: Root, roots: int, timestamp: Metadata[Timestamp], data: bytes
) -> Standing:
    meta = timestamp.signed.snapshot_meta
    name = metadata_name(SNAPSHOT, meta.version)
    snapshot_bytes = read_or_raise(storage, name)
    snapshot = parsed(Snapshot, snapshot_bytes, name)
    if not is_signed(root, SNAPSHOT, snapshot):
        raise _foreign(storage, name)
    listed = {
        path.removesuffix(".json"): meta.version for path, meta in snapshot.signed.meta.items()
    }
    name = metadata_name(TARGETS, listed.pop(TARGETS))
    targets = parsed(Targets, read_or_raise(storage, name), name)
    if not is_signed(root, TARGETS, targets):
        raise _foreign(storage, name)
    spoken = {
        channel: spoken_at(storage, targets.signed, channel, version)
        for channel, version in listed.items()
    }
    return Standing(roots, timestamp, data, snapshot, snapshot_bytes, targets, spoken)


def spoken_at(storage: Storage, targets: Targets, channel: str, version: int) -> Spoken:
    """One version of a channel's word. Raises PublishError, also when its key no longer counts."""
    name = metadata_name(channel, version)
    data = read_or_raise(storage, name)
    metadata = parsed(Targets, data, name)
    if not is_signed(targets, channel, metadata) or metadata.signed.version != version:
        raise _foreign(storage, name)
    target = metadata.signed.targets[announcement_path(channel)]
    name = announcement_name(channel, target.hashes["sha256"])
    announced = read_or_raise(storage, name)
    if digest(announced) != target.hashes["sha256"]:
        raise _foreign(storage, name)
    return Spoken(metadata, data, parse(announced), announced)


def _foreign(storage: Storage, name: str) -> PublishError:
    return PublishError(
        f"{storage.address}: {name} is not what the keys of the trust folder stand for; use the "
        "right trust folder, or find out who wrote there before you publish again"
    )
