# SPDX-License-Identifier: Apache-2.0
"""A kiosk that syncs from a published repository, without the kiosk's other parts."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kiosk.announcement import Announcement
from kiosk.durable import DiskFiles
from kiosk.store import Store
from kiosk.sync.folder import FolderOrigin
from kiosk.sync.origin import Limits, Origin
from kiosk.sync.policy import Here
from kiosk.sync.sync_pass import Outcome, Pass
from kiosk.sync.web import WebOrigin
from tests.repositories import HeadOffice, Keys, head_office, small_release

QUICK = Limits(silence_s=0.5, small_s=0.7, pass_s=20.0, least_bytes_per_s=20_000.0, rate_s=0.2)
"""For servers whose faults are endless: each of these ends one."""
PATIENT = Limits(silence_s=60.0, small_s=60.0, pass_s=120.0, least_bytes_per_s=0.0)
"""For the others, however busy this machine is."""
LARGE = 300_000
"""Bytes of the large file of a release."""


class SmallDisk(DiskFiles):
    """A disk of `bytes`, of which only what lies in `folder` takes any, and with no power cuts."""

    def __init__(self, folder: Path, bytes: int) -> None:
        self._folder = folder
        self._bytes = bytes

    def free_bytes(self, folder: Path) -> int:
        sizes = {path.stat().st_ino: path.stat().st_size for path in _files(self._folder)}
        return self._bytes - sum(sizes.values())

    def sync(self, path: Path) -> None:
        pass

    def sync_folder(self, path: Path) -> None:
        pass


@dataclass
class Kiosk:
    """One device: its store, its clock, its root."""

    folder: Path
    root: bytes
    ahead: timedelta = timedelta()
    """How far its clock is from the true time."""
    verdict: str = ""
    """What its self-test finds."""
    checked: list[Path] = field(default_factory=list)
    channel: str = "stable"
    here: Here = field(default_factory=lambda: Here("a" * 32, "9.0"))
    disk_bytes: int = 2**40
    disk: DiskFiles | None = None

    @property
    def store(self) -> Store:
        disk = self.disk or SmallDisk(self.folder, self.disk_bytes)
        return Store(self.folder / "store", disk, reserve_bytes=1)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def sync(
        self,
        origin: Path | str | Origin,
        *,
        accept_expired: bool = False,
        limits: Limits = PATIENT,
    ) -> Outcome:
        if isinstance(origin, Path):
            origin = FolderOrigin(origin)
        elif isinstance(origin, str):
            origin = WebOrigin(origin, limits)
        run = Pass(
            origin,
            self.store,
            lambda: self.root,
            self.channel,
            self.here,
            check=self._check,
            now=self.now,
            accept_expired=accept_expired,
        )
        try:
            return run.run()
        finally:
            if isinstance(origin, WebOrigin):
                origin.close()

    def _check(self, folder: Path, announced: Announcement) -> str:
        self.checked.append(folder)
        return self.verdict

    @property
    def current(self) -> str:
        now = self.store.pointer().current
        return now.release if now else ""


def release(folder: Path, seed: int = 1, large: int = LARGE) -> Path:
    """A release with a large file, which depends on `seed`, a small one and an empty one."""
    noise = random.Random(seed)
    files = {
        "vectors.npy": noise.randbytes(large),
        "records.sqlite": noise.randbytes(3000),
        "same.bin": b"the same in every release" * 40,
    }
    return small_release(folder, files)


@functools.cache
def keys() -> Keys:
    """Real keys, made once."""
    return Keys.made()


def publisher(tmp_path: Path, now: datetime | None = None) -> HeadOffice:
    """Publishes to a folder below `tmp_path`; its root was signed at `now`."""
    return head_office(tmp_path / "repository", keys(), now)


def office_kiosk(tmp_path: Path, office: HeadOffice) -> Kiosk:
    return Kiosk(tmp_path / "state", office.first_root)


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below it: its bytes and when it was written, in nanoseconds."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in _files(folder)
    }


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
