# SPDX-License-Identifier: Apache-2.0
"""What a channel has announced so far, read from its signed metadata, which stays in the place.

A stopped publisher can leave a version that nobody was ever told of: a later one with the same
sequence number stands for it, and versions beyond what the snapshot names do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kiosk.announcement import Announcement
from kiosk.errors import AnnouncementError, PublishError
from kiosk.publish.standing import Standing, spoken_at
from kiosk.publish.storage import METADATA, Storage


@dataclass(frozen=True, slots=True)
class Past:
    """One announcement, with the version of the channel's metadata that carried it first."""

    announcement: Announcement
    version: int
    current: bool


def announced(storage: Storage, state: Standing, channel: str) -> list[Past]:
    """Oldest first. What was signed with a key that no longer counts is left out."""
    spoken = state.spoken(channel)
    if spoken is None or state.targets is None:
        return []
    last = spoken.announcement.seq
    by_seq: dict[int, Past] = {}
    for version in versions(storage, channel):
        if version > spoken.metadata.signed.version:
            continue
        try:
            found = spoken_at(storage, state.targets.signed, channel, version).announcement
        except (PublishError, AnnouncementError, KeyError):
            continue  # collected, of a revoked key, or of a format before this one
        if found.channel == channel and found.seq <= last:
            by_seq[found.seq] = Past(found, version, found.seq == last)
    return [by_seq[seq] for seq in sorted(by_seq)]


def find(storage: Storage, state: Standing, channel: str, seq: int) -> Announcement:
    """Raises PublishError naming those that there are."""
    past = announced(storage, state, channel)
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
