# SPDX-License-Identifier: Apache-2.0
"""The releases of one kiosk on its disk, and the one pointer that says which of them answers.

Rule: nothing is said to be so before it would survive a power cut. A sync pass and the running
kiosk use the same store at once; the pointer is read, changed and written under a lock. What is on
the disk is taken as it is: a store that is damaged or missing is no error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

from kiosk.announcement import Gate
from kiosk.durable import DiskFiles, Files, made_folder
from kiosk.errors import CatalogError, Held
from kiosk.store import pointer as rules
from kiosk.store.blobs import Blobs
from kiosk.store.derived import DERIVED_FOLDER
from kiosk.store.notes import ANNOUNCED, Notes
from kiosk.store.pointer import Installed, Pointer
from kiosk.store.pointer_file import PointerFile
from kiosk.store.recovery import recovered
from kiosk.store.releases import Releases
from kiosk.store.room import Room

STORE_FOLDER = "store"
"""Its name in the state directory."""
RESERVE_BYTES = 64 * 1024 * 1024
"""Space that is left for the journal whatever a release would like."""


class Store(Notes):
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
        super().__init__(folder, files or DiskFiles())
        self._now = now
        self.blobs = Blobs(folder / "blobs", self._files)
        self.releases = Releases(folder / "releases", self._files, self.blobs)
        self._pointer = PointerFile(
            folder, self._files, lambda: recovered(self.releases, self.announced())
        )
        self._room = Room(self._pointer, self.releases, self.blobs, self._files, reserve_bytes)

    # What answers.

    @property
    def path(self) -> Path:
        """The pointer's file; it changes with every change of the pointer."""
        return self._pointer.path

    @property
    def derived(self) -> Path:
        """Where indexes over its releases are kept; see `kiosk.store.derived`."""
        return self.folder / DERIVED_FOLDER

    def pointer(self) -> Pointer:
        """What is current. A damaged pointer is made good from what is on the disk, which the log
        says. Raises OSError when it is there and cannot be read.
        """
        return self._pointer.read()

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
        return self._pointer.change(rule)

    def started(self) -> Pointer:
        """Call before anything of the current release is opened: a start is counted, to stay.

        After too many starts that ended badly this is the release before. Raises OSError.
        """
        return self._pointer.change(lambda pointer: rules.started(pointer, self._at()))

    def ended(self, release: str) -> Pointer:
        """The kiosk that was started with `release` stops in order."""
        return self._pointer.change_of(release, rules.ended)

    def failed(self, release: str, reason: str) -> Pointer:
        """`release` is on trial and bad: back to the one before, and it may not come again."""
        return self._pointer.change_of(
            release, lambda pointer: rules.failed(pointer, reason, self._at())
        )

    def damaged(self, release: str, reason: str) -> Pointer:
        """`release` was good and cannot be opened any more: the next pass installs it again."""
        return self._pointer.change_of(release, lambda pointer: rules.damaged(pointer, reason))

    def good(self, release: str) -> Pointer:
        """`release` has proven itself."""
        return self._pointer.change_of(release, rules.good)

    def roll_back(self) -> Pointer:
        """A person wants the release before; this one may not come again. Raises Held when there
        is none, or it could not answer.
        """

        def rule(pointer: Pointer) -> Pointer:
            if pointer.previous is None:
                raise Held("nothing_before", "there is no release before the current one here")
            fault = self._fault(pointer.previous)
            if fault:
                raise Held(
                    "damaged_before",
                    f"the release before the current one cannot answer ({fault}); nothing was "
                    "changed. Have head office publish it again, or another one",
                )
            return rules.failed(pointer, rules.BY_HAND, self._at())

        return self._pointer.change(rule)

    def _fault(self, installed: Installed) -> str:
        """What is wrong with its files, byte for byte; empty: nothing."""
        try:
            manifest = self.releases.manifest(installed.release)
        except (CatalogError, OSError) as error:
            return str(error)
        return self.releases.fault(self.release(installed), manifest)

    def refuse(self, bad: Installed, reason: str) -> Pointer:
        """An installed release failed its self-test: it is not activated, and may not come."""
        return self._pointer.change(lambda pointer: rules.refused(pointer, bad, reason, self._at()))

    def noted(self, manifests: Iterable[str]) -> Pointer:
        """The journal has what was quarantined under these."""
        return self._pointer.change(lambda pointer: rules.noted(pointer, manifests))

    def allow(self, release: str) -> Pointer:
        """A person says that a quarantined release may come again."""
        return self._pointer.change(lambda pointer: rules.allowed(pointer, release))

    def raise_floors(
        self, seq: int = 0, clock: datetime | None = None, channel: str = ""
    ) -> Pointer:
        """From now on nothing older than this is believed; `clock`: aware. Writes only news."""
        text = clock.astimezone(UTC).isoformat(timespec="seconds") if clock else ""
        return self._pointer.change(lambda pointer: rules.floored(pointer, seq, text, channel))

    def unbind(self) -> Pointer:
        """A person says whom this kiosk believes from now on: no number counts any more."""
        self._put(ANNOUNCED, b"")
        return self._pointer.change(rules.unbound)

    # Room.

    def room(self, wanted_bytes: int) -> None:
        """Raises Held when that much does not fit and leave the reserve free."""
        self._room.check(wanted_bytes)

    def collect(self, wanted: Collection[str] = ()) -> int:
        """Remove releases that are neither current, previous nor pinned, and blobs and parts that
        neither these nor `wanted` (sha256 of what is being fetched) need. Gives how many.
        """
        return self._room.collect(wanted)

    def _at(self) -> str:
        return self._now().isoformat(timespec="microseconds")
