# SPDX-License-Identifier: Apache-2.0
"""One new edition of the signed metadata: everything immutable first, `timestamp.json` last.

A publisher that is stopped anywhere before that leaves readers with what they had; what it left
behind is skipped by the next one, which takes the next free number, and collected later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from tuf.api.metadata import Key, Metadata, Root, Targets

from kiosk.errors import PublishError
from kiosk.publish import metadata
from kiosk.publish.metadata import Body, is_signed, metadata_name, to_bytes
from kiosk.publish.ring import KeyRing
from kiosk.publish.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from kiosk.publish.standing import Spoken, Standing
from kiosk.publish.storage import TIMESTAMP as TIMESTAMP_NAME
from kiosk.publish.storage import Storage, digest
from kiosk.publish.trust import Trust

_MOST_LEFT_BEHIND = 1000
"""Numbers that stopped publishers took; more of them is no accident."""


def put(
    storage: Storage,
    trust: Trust,
    ring: KeyRing,
    standing: Standing,
    announced: Mapping[str, bytes],
    now: datetime,
) -> None:
    """Make `announced` (channel to bytes) what readers see, and with it all that trust says.

    Whoever calls this holds the storage. Raises PublishError, BusyError, OSError.
    """
    edition = _Edition(storage, trust, ring, now)
    early = _roots_before(trust, standing)
    listed = {TARGETS: edition.targets(standing)}
    for channel in _channels(trust, standing, announced):
        listed[channel] = edition.channel(channel, standing.spoken(channel), announced.get(channel))
    snapshot = edition.snapshot(standing, listed)
    version = standing.timestamp.signed.version + 1 if standing.timestamp else 1
    stamp = metadata.timestamp(snapshot, version, now)
    ring.sign(stamp, TIMESTAMP, trust.roles.timestamp)
    if not is_signed(trust.root_at(early).signed, TIMESTAMP, stamp):
        early = len(trust.roots)
    _put_roots(storage, trust, standing.roots, early)
    storage.replace(TIMESTAMP_NAME, to_bytes(stamp), standing.timestamp_bytes)
    _put_roots(storage, trust, early, len(trust.roots))


def check_keys(trust: Trust, ring: KeyRing, channel: str) -> None:
    """Before anything is sent: whether it could be signed. Raises PublishError."""
    _check_channel(trust, channel)
    for role in (channel, SNAPSHOT, TIMESTAMP):
        ring.one_of(role, trust.roles.keys(role))


def finish(storage: Storage, trust: Trust, standing: Standing) -> None:
    """Put the roots there that a publisher stopped after the timestamp did not come to."""
    if standing.timestamp is not None:
        _put_roots(storage, trust, standing.roots, _roots_before(trust, standing))


def is_behind(trust: Trust, standing: Standing) -> bool:
    """Whether what readers see was signed before keys or channels were changed."""
    if standing.targets is None:
        return True
    return standing.targets.signed.version < trust.targets.signed.version or _roots_before(
        trust, standing
    ) < len(trust.roots)


def _put_roots(storage: Storage, trust: Trust, after: int, last: int) -> None:
    for number in range(after + 1, last + 1):
        _keep(storage, metadata_name(ROOT, number), trust.roots[number - 1])


class _Edition:
    """The files below the timestamp; each method gives the version and bytes of one role."""

    def __init__(self, storage: Storage, trust: Trust, ring: KeyRing, now: datetime) -> None:
        self._storage, self._trust, self._ring, self._now = storage, trust, ring, now

    def targets(self, standing: Standing) -> tuple[int, bytes]:
        """Signed by the root keys before: only put there."""
        version = self._trust.targets.signed.version
        if standing.targets is not None and standing.targets.signed.version > version:
            raise PublishError(
                f"{self._storage.address}: knows a newer list of channels than the trust folder; "
                "use the newest copy of it"
            )
        _keep(self._storage, metadata_name(TARGETS, version), self._trust.targets_bytes)
        return version, self._trust.targets_bytes

    def channel(
        self, name: str, spoken: Spoken | None, announced: bytes | None
    ) -> tuple[int, bytes]:
        """As it stands, unless it says something new, or its key or half its time has gone."""
        if spoken is not None and announced is None:
            wanted, keys = self._renewal(name, spoken), self._trust.roles.keys(name)
            if not wanted or (wanted == "due" and not any(self._ring.has(key) for key in keys)):
                return spoken.metadata.signed.version, spoken.metadata_bytes
            announced = spoken.announced
        assert announced is not None
        _keep(self._storage, metadata.announcement_name(name, digest(announced)), announced)
        body = announced

        def made(version: int) -> Metadata[Targets]:
            return metadata.channel(name, body, version, self._now)

        before = spoken.metadata.signed.version if spoken else 0
        return self._next_free(name, before, made, self._trust.roles.keys(name))

    def _renewal(self, name: str, spoken: Spoken) -> str:
        if not is_signed(self._trust.targets.signed, name, spoken.metadata):
            return "rekeyed"
        return "due" if half_gone(spoken.metadata, metadata.CHANNEL_DAYS, self._now) else ""

    def snapshot(
        self, standing: Standing, listed: Mapping[str, tuple[int, bytes]]
    ) -> tuple[int, bytes]:
        """As it stands when nothing below it is new and less than half its time has gone."""
        before = standing.snapshot
        if before is not None:
            made = metadata.snapshot(listed, before.signed.version, self._now)
            same = made.signed.meta == before.signed.meta
            keyed = is_signed(self._trust.root.signed, SNAPSHOT, before)
            if same and keyed and not half_gone(before, metadata.SNAPSHOT_DAYS, self._now):
                return before.signed.version, standing.snapshot_bytes
        return self._next_free(
            SNAPSHOT,
            before.signed.version if before else 0,
            lambda version: metadata.snapshot(listed, version, self._now),
            self._trust.roles.snapshot,
        )

    def _next_free(
        self,
        role: str,
        before: int,
        made: Callable[[int], Metadata[Body]],
        keys: tuple[Key, ...],
    ) -> tuple[int, bytes]:
        for version in range(before + 1, before + _MOST_LEFT_BEHIND):
            signed = made(version)
            self._ring.sign(signed, role, keys)
            data = to_bytes(signed)
            name = metadata_name(role, version)
            if self._storage.create(name, data):
                _proven(self._storage, name, data)
                return version, data
        raise PublishError(
            f"{self._storage.address}: every number for {role} from {before + 1} on is taken; "
            "find out who writes there"
        )


def half_gone(signed: Metadata[Body], days: int, now: datetime) -> bool:
    """Whether less than half of the time it was signed for is left."""
    return (signed.signed.expires - now).total_seconds() < days * 86400 / 2


def _channels(trust: Trust, standing: Standing, announced: Mapping[str, bytes]) -> list[str]:
    """Those that say something; one that trust no longer knows falls silent."""
    for channel in announced:
        _check_channel(trust, channel)
    known = trust.roles.channels
    return sorted(name for name in known if name in announced or standing.spoken(name))


def _check_channel(trust: Trust, channel: str) -> None:
    known = trust.roles.channels
    if channel not in known:
        raise PublishError(
            f"there is no channel {channel!r}; there are {', '.join(sorted(known))}; "
            "`kiosk keys add` makes one"
        )


def _roots_before(trust: Trust, standing: Standing) -> int:
    """The last root that readers may take while the timestamp is still the old one."""
    if standing.timestamp is None:
        return len(trust.roots)
    last = max(standing.roots, 1)
    for number in range(last + 1, len(trust.roots) + 1):
        if not _holds(trust.root_at(number).signed, standing):
            break
        last = number
    return last


def _holds(root: Root, standing: Standing) -> bool:
    assert standing.timestamp and standing.snapshot and standing.targets
    return (
        is_signed(root, TIMESTAMP, standing.timestamp)
        and is_signed(root, SNAPSHOT, standing.snapshot)
        and is_signed(root, TARGETS, standing.targets)
    )


def _keep(storage: Storage, name: str, data: bytes) -> None:
    """Put an immutable file there, unless the very same is. Raises PublishError."""
    storage.create(name, data)
    _proven(storage, name, data)


def _proven(storage: Storage, name: str, data: bytes) -> None:
    if storage.read(name) != data:
        raise PublishError(
            f"{storage.address}: {name} reads differently than it was written; check the place, "
            "remove that file and run the command again"
        )
