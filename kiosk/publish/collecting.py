# SPDX-License-Identifier: Apache-2.0
"""Removing what no kept release needs: mark from what every channel announced, sweep the rest.

Every root stays for ever, so that a kiosk from years ago finds its way to the last one. What is
younger than the grace stays too: it may belong to a publication that is under way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kiosk.announcement import moment
from kiosk.errors import PublishError
from kiosk.publish import history, standing
from kiosk.publish.history import Past
from kiosk.publish.metadata import metadata_name
from kiosk.publish.roles import SNAPSHOT, TARGETS
from kiosk.publish.standing import Standing
from kiosk.publish.storage import BLOBS, METADATA, Storage, blob_name, digest, read_or_raise
from kiosk.publish.storage import TARGETS as TARGETS_FOLDER
from kiosk.publish.trust import Trust
from kiosk.publish.upload import named_blobs

DAYS = 180
"""A kiosk that was away for longer than this fetches what is new then, as a whole."""
GRACE_S = 24 * 3600.0
_NEVER = re.compile(rf"{METADATA}/(timestamp|[0-9]+\.root)\.json")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is kept of each channel, beside what it announces now: whatever any of these says."""

    releases: int = 1
    """Its last announcements, of this many releases."""
    days: float = DAYS
    """What was announced until this long ago."""
    grace_s: float = GRACE_S


@dataclass(frozen=True, slots=True)
class Swept:
    """What a collection came to."""

    removed: tuple[str, ...]
    removed_bytes: int
    kept_releases: int
    kept_bytes: int


@dataclass(slots=True)
class _Marked:
    names: set[str] = field(default_factory=set)
    releases: set[str] = field(default_factory=set)


def collect(
    storage: Storage, trust: Trust, rule: Rule, *, now: datetime | None = None, dry: bool = False
) -> Swept:
    """Raises PublishError, before anything is removed, when a kept manifest cannot be read."""
    at = now or datetime.now(UTC)
    with storage.held():
        state = standing.read(storage, trust)
        if state.timestamp is None:
            raise PublishError(f"{storage.address}: nothing is announced here; publish first")
        marked = _mark(storage, trust, state, rule, at)
        removed, removed_bytes, kept_bytes = [], 0, 0
        for folder in (METADATA, TARGETS_FOLDER, BLOBS):
            for stored in list(storage.names(folder)):
                young = stored.modified_s > at.timestamp() - rule.grace_s
                if stored.name in marked.names or young or _NEVER.fullmatch(stored.name):
                    kept_bytes += stored.bytes
                    continue
                if not dry:
                    storage.remove(stored.name)
                removed.append(stored.name)
                removed_bytes += stored.bytes
    return Swept(tuple(sorted(removed)), removed_bytes, len(marked.releases), kept_bytes)


def kept(past: list[Past], rule: Rule, now: datetime) -> list[Past]:
    """Those of one channel that stay, oldest first; `past` likewise. Pure.

    The days of an announcement count from when the next one took its place.
    """
    since = now - timedelta(days=rule.days)
    last: list[str] = []
    for each in reversed(past):
        if each.announcement.release not in last and len(last) < rule.releases:
            last.append(each.announcement.release)
    stays = []
    for number, each in enumerate(past):
        following = past[number + 1] if number + 1 < len(past) else None
        recent = following is None or moment(following.announcement.created) > since
        if each.current or recent or each.announcement.release in last:
            stays.append(each)
    return stays


def _mark(storage: Storage, trust: Trust, state: Standing, rule: Rule, now: datetime) -> _Marked:
    assert state.timestamp and state.targets and state.channels is not None
    marked = _Marked()
    marked.names.add(metadata_name(SNAPSHOT, state.timestamp.signed.snapshot_meta.version))
    marked.names.add(metadata_name(TARGETS, state.targets.signed.version))
    for channel, spoken in state.channels.items():
        marked.names.add(metadata_name(channel, spoken.metadata.signed.version))
        for past in kept(history.announced(storage, trust, state, channel), rule, now):
            marked.names.update(past.files)
            _mark_release(storage, past, marked)
    return marked


def _mark_release(storage: Storage, past: Past, marked: _Marked) -> None:
    wanted = past.announcement.manifest.sha256
    name = blob_name(wanted)
    if name in marked.names:
        return
    listed = read_or_raise(storage, name)
    if digest(listed) != wanted:
        raise PublishError(f"{storage.address}: {name} is damaged; publish that release again")
    marked.names |= {name, *map(blob_name, named_blobs(listed))}
    marked.releases.add(past.announcement.release)
