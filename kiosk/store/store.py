# SPDX-License-Identifier: Apache-2.0
"""The releases of one kiosk on its disk, and the one pointer that says which of them answers.

Rule: nothing is said to be so before it would survive a power cut. A sync pass and the running
kiosk use the same store at once; the pointer is read, changed and written under a lock. What is on
the disk is taken as it is: a store that is damaged or missing is no error.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from kiosk.announcement import Announcement, Gate
from kiosk.durable import DiskFiles, Files, made_folder, replace_file
from kiosk.errors import CatalogError, Held
from kiosk.store import metadata
from kiosk.store import pointer as rules
from kiosk.store.blobs import Blobs
from kiosk.store.derived import DERIVED_FOLDER
from kiosk.store.notes import announced_in, status_from, status_json
from kiosk.store.pointer import Installed, Pointer
from kiosk.store.pointer_file import parse, to_json
from kiosk.store.recovery import recovered
from kiosk.store.releases import Releases
from kiosk.values.sync import SyncStatus

_log = logging.getLogger(__name__)

STORE_FOLDER = "store"
"""Its name in the state directory."""
POINTER, STATUS, ANNOUNCED, IDENTITY = "pointer.json", "sync.json", "announced.json", "kiosk_id"
TUF = "tuf"
RESERVE_BYTES = 64 * 1024 * 1024
"""Space that is left for the journal whatever a release would like."""
_IDENTITY = re.compile(r"[0-9a-f]{32}")


class Store:
    """Safe to use from several threads and processes; nothing is made before the first change."""

    def __init__(
        self,
        folder: Path,
        files: Files | None = None,
        *,
        reserve_bytes: int = RESERVE_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`folder`: `STORE_FOLDER` in the state directory."""
        self.folder = folder
        self._files = files or DiskFiles()
        self._reserve_bytes = reserve_bytes
        self._now = now
        self.blobs = Blobs(folder / "blobs", self._files)
        self.releases = Releases(folder / "releases", self._files, self.blobs)
        self._recovered: tuple[bytes, Pointer] | None = None

    # What answers.

    @property
    def path(self) -> Path:
        """The pointer's file; it changes with every change of the pointer."""
        return self.folder / POINTER

    @property
    def derived(self) -> Path:
        """Where indexes over its releases are kept; see `kiosk.store.derived`."""
        return self.folder / DERIVED_FOLDER

    def pointer(self) -> Pointer:
        """What is current. A damaged pointer is made good from what is on the disk, which the log
        says. Raises OSError when it is there and cannot be read.
        """
        return self._read()[0]

    def release(self, installed: Installed) -> Path:
        """The folder of a release, whether it is there or not."""
        return self.releases.path(installed.release)

    def install(self, manifest: bytes) -> Path:
        """Make the release folder of a manifest whose blobs are here. Raises as
        `Releases.install`.
        """
        made_folder(self._files, self.folder)
        return self.releases.install(manifest)

    def activate(
        self, new: Installed, gate: Gate, catalog: str = "", *, tested: bool = False
    ) -> Pointer:
        """Make an installed release current, on trial; the commit point of an update. `tested`: it
        just passed its self-test here. Raises Held when quarantined or not installed, OSError.
        """

        def rule(pointer: Pointer) -> Pointer:
            bar = pointer.barred(new.manifest)
            if bar is not None:
                raise Held("quarantined", f"release {new.release} was refused here: {bar.reason}")
            return rules.activated(pointer, new, gate, catalog, tested=tested)

        if not self._files.is_folder(self.release(new)):
            raise Held("not_installed", f"release {new.release} is not on this disk; fetch it")
        return self._change(rule)

    def started(self) -> Pointer:
        """Call before anything of the current release is opened: a start is counted, to stay.

        After too many starts that ended badly this is the release before. Raises OSError.
        """
        return self._change(lambda pointer: rules.started(pointer, self._at()))

    def ended(self, release: str) -> Pointer:
        """The kiosk that was started with `release` stops in order."""
        return self._of(release, rules.ended)

    def failed(self, release: str, reason: str) -> Pointer:
        """`release` is on trial and bad: back to the one before, and it may not come again."""
        return self._of(release, lambda pointer: rules.failed(pointer, reason, self._at()))

    def damaged(self, release: str, reason: str) -> Pointer:
        """`release` was good and cannot be opened any more: the next pass installs it again."""
        return self._of(release, lambda pointer: rules.damaged(pointer, reason))

    def good(self, release: str) -> Pointer:
        """`release` has proven itself."""
        return self._of(release, rules.good)

    def roll_back(self) -> Pointer:
        """A person wants the release before; this one may not come again. Raises Held when there
        is none.
        """

        def rule(pointer: Pointer) -> Pointer:
            if pointer.previous is None:
                raise Held("nothing_before", "there is no release before the current one here")
            return rules.failed(pointer, rules.BY_HAND, self._at())

        return self._change(rule)

    def refuse(self, bad: Installed, reason: str) -> Pointer:
        """An installed release failed its self-test: it is not activated, and may not come."""
        return self._change(lambda pointer: rules.refused(pointer, bad, reason, self._at()))

    def noted(self, manifests: Iterable[str]) -> Pointer:
        """The journal has what was quarantined under these."""
        return self._change(lambda pointer: rules.noted(pointer, manifests))

    def allow(self, release: str) -> Pointer:
        """A person says that a quarantined release may come again."""
        return self._change(lambda pointer: rules.allowed(pointer, release))

    def raise_floors(
        self, seq: int = 0, clock: datetime | None = None, channel: str = ""
    ) -> Pointer:
        """From now on nothing older than this is believed; `clock`: aware. Writes only news."""
        text = clock.astimezone(UTC).isoformat(timespec="seconds") if clock else ""
        return self._change(lambda pointer: rules.floored(pointer, seq, text, channel))

    def unbind(self) -> Pointer:
        """A person says whom this kiosk believes from now on: no number counts any more."""
        self._put(ANNOUNCED, b"")
        return self._change(rules.unbound)

    # Room.

    def room(self, wanted_bytes: int) -> None:
        """Raises Held when that much does not fit and leave the reserve free."""
        folder = self.folder
        while not self._files.is_folder(folder):
            folder = folder.parent
        free = self._files.free_bytes(folder)
        if free < wanted_bytes + self._reserve_bytes:
            short = (wanted_bytes + self._reserve_bytes - free) // 2**20 + 1
            raise Held(
                "no_space",
                f"the new release needs {wanted_bytes // 2**20 + 1} MB and the kiosk keeps "
                f"{self._reserve_bytes // 2**20} MB free: make {short} MB of room on {folder}. "
                "The release that is here goes on answering.",
            )

    def collect(self, wanted: Collection[str] = ()) -> int:
        """Remove releases that are neither current, previous nor pinned, and blobs and parts that
        neither these nor `wanted` (sha256 of what is being fetched) need. Gives how many.
        """
        made_folder(self._files, self.folder)
        with self._files.lock(self.folder / "lock"):
            pointer = self.pointer()
            self._files.sync_folder(self.folder)  # what it says must not come undone
            try:
                needed = {
                    sha256
                    for release in pointer.kept.intersection(self.releases.listed())
                    for sha256 in self.releases.blobs_of(release)
                }
            except (CatalogError, OSError) as error:
                _log.warning("nothing is collected until it is mended: %s", error)
                return 0
            gone = self.releases.collect(pointer.kept)
            return gone + self.blobs.collect(needed.union(wanted))

    # What sync keeps.

    def metadata(self) -> dict[str, bytes]:
        """The verified metadata by file name; what cannot be read is left out."""
        return metadata.read(self._files, self.folder / TUF)

    def publish(self, news: Mapping[str, bytes]) -> int:
        """Keep verified metadata by plain file name: only what differs is written, roots first,
        what names the rest last. Gives how many files were. Raises OSError.
        """
        return metadata.publish(self._files, self.folder / TUF, news)

    def announced(self) -> Announcement | None:
        """The newest announcement that was verified here."""
        return announced_in(self._bytes(ANNOUNCED))

    def announce(self, data: bytes) -> None:
        """Keep the bytes of a verified announcement; the same again writes nothing."""
        self._put(ANNOUNCED, data)

    def status(self) -> SyncStatus:
        """The last word of a sync pass; none yet when there is none that can be read."""
        return status_from(self._bytes(STATUS))

    def say(self, status: SyncStatus) -> bool:
        """Keep the word of a sync pass; the same as before writes nothing, whatever the time."""
        before = self.status()
        if replace(before, at="") == replace(status, at=""):
            status = before
        if self._bytes(STATUS) == status_json(status):
            self._files.sync_folder(self.folder)
            return False
        self._put(STATUS, status_json(status))
        return True

    def kiosk_id(self) -> str:
        """32 hex digits that name this kiosk, made once. Raises OSError."""
        made_folder(self._files, self.folder)
        with self._files.lock(self.folder / "lock"):
            self._put(IDENTITY, f"{self.known_id or uuid4().hex}\n".encode())
        return self.known_id

    @property
    def known_id(self) -> str:
        """As `kiosk_id`; empty while there is none."""
        text = self._bytes(IDENTITY).decode("ascii", "replace").strip()
        return text if _IDENTITY.fullmatch(text) else ""

    def _of(self, release: str, rule: Callable[[Pointer], Pointer]) -> Pointer:
        """A change that holds only while `release` is current."""

        def same(pointer: Pointer) -> Pointer:
            current = pointer.current
            return rule(pointer) if current and current.release == release else pointer

        return self._change(same)

    def _change(self, rule: Callable[[Pointer], Pointer]) -> Pointer:
        made_folder(self._files, self.folder)
        with self._files.lock(self.folder / "lock"):
            before, whole = self._read()
            after = rule(before)
            if after == before and whole:
                # Whoever wrote it may have been killed before this.
                self._files.sync_folder(self.folder)
            else:
                replace_file(self._files, self.path, to_json(after))
            return after

    def _read(self) -> tuple[Pointer, bool]:
        """The pointer, and whether its file says so."""
        if self._files.size(self.path) is None:
            return Pointer(), True
        data = self._files.read(self.path)
        try:
            return parse(data), True
        except CatalogError as error:
            if self._recovered is None or self._recovered[0] != data:
                _log.error("%s: %s; it is made again from what is here", self.path, error)
                self._recovered = data, recovered(self.releases, self.announced())
            return self._recovered[1], False

    def _bytes(self, name: str) -> bytes:
        path = self.folder / name
        return b"" if self._files.size(path) is None else self._files.read(path)

    def _put(self, name: str, data: bytes) -> None:
        if self._bytes(name) == data:
            self._files.sync_folder(self.folder)
        else:
            made_folder(self._files, self.folder)
            replace_file(self._files, self.folder / name, data)

    def _at(self) -> str:
        return self._now().isoformat(timespec="seconds")
