# SPDX-License-Identifier: Apache-2.0
"""What a channel has announced so far, read from its signed metadata, which stays in the place.

A stopped publisher can leave a version that nobody was ever told of: a later one with the same
sequence number stands for it, and versions beyond what the snapshot names do not count.

What a key has signed that was replaced since stays what was announced, by the list of channels of
its time. Whoever stole that key could write such a version today, so a snapshot of that time, by a
key that counts still, must name both files by their digests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tuf.api.metadata import MetaFile, Snapshot, Targets

from kiosk.announcement import Announcement
from kiosk.errors import AnnouncementError, PublishError
from kiosk.publish.metadata import announcement_name, is_signed, metadata_name, parsed
from kiosk.publish.roles import SNAPSHOT, TARGETS
from kiosk.publish.standing import Spoken, Standing, spoken_at
from kiosk.publish.storage import METADATA, Storage, digest
from kiosk.publish.trust import Trust


@dataclass(frozen=True, slots=True)
class Past:
    """One announcement, with the version of the channel's metadata that carried it first."""

    announcement: Announcement
    version: int
    current: bool
    files: tuple[str, ...] = ()
    """Of signed metadata and of the announcement: all it takes to believe it, now and later."""


def announced(storage: Storage, trust: Trust, state: Standing, channel: str) -> list[Past]:
    """Oldest first. What no key stands for any more, and no snapshot either, is left out."""
    spoken = state.spoken(channel)
    if spoken is None or state.targets is None:
        return []
    last = spoken.announcement.seq
    witnesses = _witnesses(storage, trust, channel)
    by_seq: dict[int, Past] = {}
    for version in versions(storage, channel):
        if version > spoken.metadata.signed.version:
            continue
        witness = witnesses.get(version)
        found = _spoken(storage, state.targets.signed, channel, version)
        if found is None and witness is not None:
            found = _spoken(storage, witness.targets, channel, version)
            if found is not None and digest(found.metadata_bytes) != witness.sha256:
                found = None  # not what was announced then
        if found is not None and found.announcement.channel == channel:
            said = found.announcement
            files = (
                metadata_name(channel, version),
                announcement_name(channel, digest(found.announced)),
                *(witness.files if witness else ()),
            )
            if said.seq <= last:
                by_seq[said.seq] = Past(said, version, said.seq == last, files)
    return [by_seq[seq] for seq in sorted(by_seq)]


def find(storage: Storage, trust: Trust, state: Standing, channel: str, seq: int) -> Announcement:
    """Raises PublishError naming those that there are."""
    past = announced(storage, trust, state, channel)
    for each in past:
        if each.announcement.seq == seq:
            return each.announcement
    there = ", ".join(str(each.announcement.seq) for each in past[-20:]) or "none"
    raise PublishError(
        f"{storage.address}: the channel {channel} has no number {seq}; there are {there}"
    )


def versions(storage: Storage, role: str) -> list[int]:
    """Every version of a role's metadata in the place, ascending."""
    pattern = re.compile(rf"{METADATA}/([1-9][0-9]*)\.{re.escape(role)}\.json")
    names = (pattern.fullmatch(stored.name) for stored in storage.names(METADATA))
    return sorted(int(matched[1]) for matched in names if matched)


@dataclass(frozen=True, slots=True)
class _Witness:
    """That one version of a channel was announced, and whose word counted then."""

    sha256: str
    """Of the channel's metadata."""
    targets: Targets
    files: tuple[str, ...]


def _witnesses(storage: Storage, trust: Trust, channel: str) -> dict[int, _Witness]:
    """By version of the channel, of the last snapshot that names it."""
    found: dict[int, _Witness] = {}
    lists: dict[int, tuple[str, Targets] | None] = {}
    for number in versions(storage, SNAPSHOT):
        name = metadata_name(SNAPSHOT, number)
        meta = _snapshot(storage, trust, name)
        here, then = meta.get(f"{channel}.json"), meta.get(f"{TARGETS}.json")
        if here is None or then is None:
            continue
        if then.version not in lists:
            lists[then.version] = _list_of(storage, trust, then.version)
        listed = lists[then.version]
        if listed is not None and listed[0] == _sha256(then):
            files = (name, metadata_name(TARGETS, then.version))
            found[here.version] = _Witness(_sha256(here), listed[1], files)
    return found


def _snapshot(storage: Storage, trust: Trust, name: str) -> Mapping[str, MetaFile]:
    """What it names; nothing when it is damaged, or its key counts no more."""
    data = storage.read(name)
    try:
        snapshot = parsed(Snapshot, data or b"", name)
    except PublishError:
        return {}
    return snapshot.signed.meta if is_signed(trust.root.signed, SNAPSHOT, snapshot) else {}


def _list_of(storage: Storage, trust: Trust, version: int) -> tuple[str, Targets] | None:
    """A list of channels that root keys, also those of then, have signed, with its digest."""
    name = metadata_name(TARGETS, version)
    data = storage.read(name) or b""
    try:
        listed = parsed(Targets, data, name)
    except PublishError:
        return None
    roots = (trust.root_at(number).signed for number in range(len(trust.roots), 0, -1))
    return (
        (digest(data), listed.signed) if any(is_signed(r, TARGETS, listed) for r in roots) else None
    )


def _sha256(meta: MetaFile) -> str:
    return (meta.hashes or {}).get("sha256", "")


def _spoken(storage: Storage, targets: Targets, channel: str, version: int) -> Spoken | None:
    """None: collected, of a key that `targets` does not know, or of a format before this one."""
    try:
        return spoken_at(storage, targets, channel, version)
    except (PublishError, AnnouncementError, KeyError):
        return None
