# SPDX-License-Identifier: Apache-2.0
"""One sync pass: ask, prove, judge, fetch, install, check, activate. Each step only after the last.

Whatever happens, what answers now goes on answering; a pass that finds nothing new writes nothing.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kiosk import announcement
from kiosk.announcement import Announcement
from kiosk.catalog.manifest import MAX_BYTES, Manifest, parse
from kiosk.errors import (
    AnnouncementError,
    CatalogError,
    Held,
    Stale,
    StateError,
    SyncError,
    Tampered,
)
from kiosk.store import Installed, Pointer, Store
from kiosk.sync import anchor, floors, past, policy, trust
from kiosk.sync.evidence import TLS
from kiosk.sync.fetch import fetch, fetch_missing
from kiosk.sync.mending import mended
from kiosk.sync.origin import Origin
from kiosk.sync.policy import Here
from kiosk.sync.report import as_status, stands
from kiosk.values.sync import SyncStatus

Check = Callable[[Path, Announcement], str]
"""The self-test of an installed release folder: empty when it passed, else the reason."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pass came to."""

    status: SyncStatus
    error: SyncError | None = None
    activated: str = ""
    """The release that this pass made current; empty: none."""


class Pass:
    """Wired once; each `run` is one pass."""

    def __init__(
        self,
        origin: Origin,
        store: Store,
        root: Callable[[], bytes],
        channel: str,
        here: Here,
        *,
        check: Check,
        now: Callable[[], datetime],
        accept_expired: bool = False,
        by_hand: bool = False,
    ) -> None:
        """`root` gives the one to begin with, or raises Held; `now` gives aware times in UTC.

        `accept_expired`: a person says that what is past its date is fine, as on a stick that lay
        around; it must still be newer than what is here. `by_hand`: a person asks another origin
        than the one this kiosk asks by itself; see `kiosk.sync.report.stands`.
        """
        self._origin = origin
        self._store = store
        self._root = root
        self._channel = channel
        self._here = here
        self._check = check
        self._now = now
        self._accept_expired = accept_expired
        self._by_hand = by_hand

    def run(self) -> Outcome:
        """One pass; its word is kept in the store. Raises StateError when this kiosk's own disk
        does not do its part.
        """
        activated, error = "", None
        self._origin.begin()
        try:
            activated = self._attempt()
        except SyncError as found:
            error = found
        except OSError as found:
            if found.errno not in _FULL:
                raise _broken_disk(found, self._store.folder) from found
            error = Held("no_space", _FULL_DISK.format(folder=self._store.folder))
        status = self.status(error)
        try:
            if self._by_hand:
                self._store.say_by_hand(status)
            if stands(status, by_hand=self._by_hand):
                self._store.say(status)
        except OSError as found:
            raise _broken_disk(found, self._store.folder) from found
        return Outcome(status, error, activated)

    def status(self, error: SyncError | None) -> SyncStatus:
        """The word of this pass."""
        known = self._store.announced()
        if known is not None and known.channel != self._channel:
            known = None
        at = self._now().isoformat(timespec="seconds")
        before = self._store.by_hand() if self._by_hand else self._store.status()
        return as_status(error, known, self._channel, at, before)

    def _attempt(self) -> str:
        announced = self._announced()
        pointer = self._store.pointer()
        floors.check_clock(pointer, announced, self._now())
        if floors.raised(pointer, announced):
            created = announcement.moment(announced.created)
            pointer = self._store.raise_floors(announced.seq, created, self._channel)
        new = Installed(announced.release, announced.manifest.sha256, announced.seq)
        now = pointer.current
        if now is not None and now.manifest == new.manifest and not pointer.damaged:
            if now.seq != new.seq or pointer.gate != announced.gate:
                self._store.activate(new, announced.gate, announced.catalog)
            return ""
        try:
            policy.check(announced, pointer, self._here, self._now())
        except Held:
            mended(self._origin, self._store, pointer)
            raise
        self._install(announced, new)
        self._store.activate(new, announced.gate, announced.catalog, tested=True)
        self._store.collect()
        return new.release

    def _announced(self) -> Announcement:
        """The announcement, proven and not older than what was here. What was verified is kept."""
        try:
            return self._proven()
        except (Tampered, Stale) as error:
            older = self._older() if self._origin.carried else None
            if older is None:
                raise
            raise older from error

    def _older(self) -> Stale | None:
        pointer, known = self._store.pointer(), self._store.announced()
        return past.older(self._origin, self._root(), self._channel, pointer, known)

    def _proven(self) -> Announcement:
        root = self._root()
        pointer, known = self._store.pointer(), self._store.announced()
        with tempfile.TemporaryDirectory(dir=os.environ.get("RUNTIME_DIRECTORY")) as name:
            scratch = Path(name)
            kept = self._store.metadata()
            kept.pop(anchor.ENROLLED, None)
            trust.fill(scratch, kept, announcement.to_json(known) if known else b"")
            try:
                data = trust.announced(
                    scratch, self._origin, root, self._channel, self._judged_at(pointer)
                )
            except SyncError as error:
                self._store.publish(trust.verified(scratch, root))
                if error.code == TLS:
                    floors.check_own_clock(pointer, self._now())
                raise
            try:
                announced = announcement.parse(data)
            except AnnouncementError as error:
                raise Held("unreadable", str(error)) from error
            floors.check(announced, pointer, known, self._channel)
            if self._accept_expired:
                self._check_newer(announced, pointer)
            self._store.publish(trust.verified(scratch, root))
        self._store.announce(data)
        return announced

    def _judged_at(self, pointer: Pointer) -> datetime:
        """The time at which dates are judged: never earlier than it can be."""
        if self._accept_expired:
            return (
                announcement.moment(pointer.clock_floor) if pointer.clock_floor else past.LONG_AGO
            )
        return max(self._now(), floors.earliest(pointer))

    def _check_newer(self, announced: Announcement, pointer: Pointer) -> None:
        now = pointer.current
        seq = max(floors.floor_of(pointer, self._channel) - 1, now.seq if now else 0)
        if announced.seq <= seq:
            raise Stale(
                "expired",
                f"{self._origin.name}: is past its date, and number {announced.seq} is not newer "
                f"than what is here ({seq}); get a newer copy",
            )

    def _install(self, announced: Announcement, new: Installed) -> None:
        """Have the release folder, whole and checked. Raises SyncError, OSError."""
        data, manifest = self._manifest(announced)
        fetch_missing(
            self._origin, self._store, manifest, new.manifest, announced.requires.disk_bytes
        )
        folder = self._store.install(data)
        reason = self._check(folder, announced)
        if reason:
            self._store.refuse(new, reason)
            raise Held(
                "failed_selftest",
                f"release {new.release} did not pass its self-test ({reason}); it is not used. "
                "The release that is here goes on answering. Tell whoever publishes the catalog",
            )

    def _manifest(self, announced: Announcement) -> tuple[bytes, Manifest]:
        blob = announced.manifest
        if blob.bytes > MAX_BYTES:
            raise Held("unusable_release", f"a manifest of {blob.bytes} bytes cannot be one")
        data = self._store.releases.manifest_bytes(announced.release, blob.sha256)
        if not data:
            self._store.room(blob.bytes)
            fetch(self._origin, self._store.blobs, blob)
            data = self._store.blobs.read(blob)
        try:
            manifest = parse(data)
        except CatalogError as error:
            raise Held("unusable_release", str(error)) from error
        if manifest.release != announced.release:
            raise Held(
                "wrong_release",
                f"release {announced.release} is announced, but its manifest is that of "
                f"{manifest.release}; tell whoever publishes the catalog",
            )
        return data, manifest


_FULL_DISK = (
    "the disk of this kiosk is full: make room on {folder}. The release that is here goes on "
    "answering"
)


def _broken_disk(error: OSError, folder: Path) -> StateError:
    return StateError(
        f"{error.filename or folder}: the store of this kiosk cannot be used "
        f"({error.strerror or error}); fix the permissions or the disk. What answers goes on "
        "answering"
    )
