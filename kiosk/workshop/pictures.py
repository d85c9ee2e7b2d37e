# SPDX-License-Identifier: Apache-2.0
"""A workshop's pictures, by the sha256 of their bytes: copies, so nothing depends on originals.

Rule: a picture is on the disk for good before a row of the database names it. So `keep` pictures,
`settle` them all at once, then `apply` the rows; what a kill leaves in between is only a file that
nothing names, and `kiosk.workshop.collecting` removes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kiosk.durable import sha256_of, sync, sync_file_system, write_durably
from kiosk.errors import BusyError, ImageError, StateError
from kiosk.vision.decode import decode_picture, read_bytes

_INCOMING = ".incoming"
"""Folder of what is not settled yet."""
_CATALOGS = ".catalogs"
"""Folder with a file for each catalog that keeps pictures here, by its id: what it is in words."""
_LOCK = ".lock"
_NAME = re.compile("[0-9a-f]{64}")
LEFT_S = 24 * 3600.0
"""Nobody needs longer than this to settle what was kept, and to name what was settled."""
_MANY = 32
"""Files from which one sync of the whole file system is cheaper: 1000 took 0.2 s instead of 4."""


@dataclass(frozen=True, slots=True)
class CheckedPicture:
    """A picture that can be enrolled."""

    sha256: str
    width: int
    """In pixels, upright, as regions count them."""
    height: int
    bytes: int


def checked_picture(data: bytes, name: str) -> CheckedPicture:
    """Decode a picture to the end and tell what it is; `name` is what messages call it.

    Pure, and safe in another process or thread. Raises ImageError with a stable code (see
    `kiosk.vision.decode`) and the allowed range.
    """
    height, width = decode_picture(data, name).shape[:2]
    return CheckedPicture(hashlib.sha256(data).hexdigest(), width, height, len(data))


class Pictures:
    """The folder of pictures of one workshop. Several processes may add to it at once."""

    def __init__(self, folder: Path, owner: Callable[[], tuple[str, str]] | None = None) -> None:
        """`owner` gives the id of the catalog whose pictures these are, and what to call it."""
        self.folder = folder
        self._owner = owner
        self._incoming = folder / _INCOMING
        self._begun = False
        self._using: int | None = None
        self._unsettled: dict[Path, Path] = {}
        """Scratch file by where it belongs."""

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def keep(self, data: bytes, sha256: str) -> None:
        """Write a checked picture; it is there for good only after `settle`. Raises StateError."""
        place = self.path(sha256)
        if place in self._unsettled:
            return
        self.use()
        if self._whole(place, sha256):
            return
        scratch = self._incoming / f"{sha256}.{os.getpid()}-{id(self):x}"
        try:
            if not self._begun:
                self._begin()
            if not place.parent.is_dir():
                place.parent.mkdir(exist_ok=True)
                sync(self.folder)
            scratch.write_bytes(data)
        except OSError as error:
            scratch.unlink(missing_ok=True)
            raise _refused(self.folder, error) from error
        self._unsettled[place] = scratch

    def settle(self) -> None:
        """Everything kept so far survives a power cut from now on. Raises StateError."""
        try:
            self._sync(self._unsettled.values())
            for place, scratch in self._unsettled.items():
                scratch.rename(place)
            self._sync({place.parent for place in self._unsettled})
        except OSError as error:
            self.forget()
            raise _refused(self.folder, error) from error
        self._unsettled.clear()

    def _begin(self) -> None:
        """Make room for scratch files, and remove those that killed processes have left."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        for left in self._incoming.iterdir():
            with suppress(FileNotFoundError):  # another process tidies up, too
                if time.time() - left.stat().st_mtime > LEFT_S:
                    left.unlink()
        if not (self.folder / _CATALOGS).is_dir():  # of a workshop that was made before there was
            self.register()
        self._begun = True

    def register(self) -> None:
        """Note whose pictures these are: another catalog may keep its own beside. Raises OSError,
        WorkshopError.
        """
        if self._owner is not None:
            identity, words = self._owner()
            listed = self.folder / _CATALOGS / identity
            listed.parent.mkdir(exist_ok=True)
            write_durably(listed, words.encode())
            sync(self.folder)

    def _sync(self, paths: Collection[Path]) -> None:
        if len(paths) < _MANY or not sync_file_system(self.folder):
            for path in paths:
                sync(path)

    def forget(self) -> None:
        """Take back what was kept and not settled."""
        for scratch in self._unsettled.values():
            scratch.unlink(missing_ok=True)
        self._unsettled.clear()

    def read(self, sha256: str, name: str) -> bytes:
        """The bytes of a picture, proven to be those that were added; `name` is for messages.

        Raises ImageError: Unreadable when the file is gone, Damaged when it is not the same.
        """
        try:
            data = read_bytes(self.path(sha256), name)
        except ImageError as error:
            raise ImageError(error.code, f"{error}; or add the picture again") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ImageError(
                "Damaged",
                f"{name}: its copy in the workshop ({self.path(sha256)}) was altered; add the "
                "picture again",
            )
        return data

    def use(self) -> None:
        """From now on until `close` nobody collects here; waits for whoever does."""
        if self._using is not None:
            return
        with suppress(OSError):  # a disk that is read-only or knows no locks: their age protects
            self._using = self._locked(fcntl.LOCK_SH)

    def close(self) -> None:
        """What was used may be collected again."""
        if self._using is not None:
            os.close(self._using)
        self._using = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """As `use`, for the length of a block and whoever closes these pictures meanwhile."""
        another = Pictures(self.folder)
        another.use()
        try:
            yield
        finally:
            another.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody adds or reads pictures meanwhile. Raises BusyError when somebody does."""
        try:
            handle = self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"{self.folder}: an import, a build or a dump is at work with these pictures; try "
                "again when it is done"
            ) from None
        except OSError as error:
            raise _refused(self.folder, error) from error
        try:
            yield
        finally:
            os.close(handle)

    def others(self) -> list[str]:
        """Other catalogs that keep their pictures here, in words."""
        own = self._owner()[0] if self._owner is not None else ""
        listed = self.folder / _CATALOGS
        found = sorted(listed.iterdir()) if listed.is_dir() else []
        return [
            f"{path.read_text(errors='replace')} (noted in {path})"
            for path in found
            if path.name != own and not path.name.startswith(".")
        ]

    def stored(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Every picture that is settled here, a folder at a time, in no order."""
        for folder in self.folder.glob("[0-9a-f][0-9a-f]"):
            for path in folder.iterdir():
                if _NAME.fullmatch(path.name):
                    with suppress(FileNotFoundError):
                        yield path, path.lstat()

    def _locked(self, how: int) -> int:
        path, flags = self.folder / _LOCK, os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            # To be written: a share over the network gives a lock on nothing else to one alone.
            handle = os.open(path, os.O_RDWR | flags, 0o666)
        except OSError:  # another user made it, or this disk is only read here
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, how)
        except BaseException:
            os.close(handle)
            raise
        return handle

    @staticmethod
    def _whole(place: Path, sha256: str) -> bool:
        """There already, and unaltered; one that was damaged is written anew."""
        try:
            with suppress(PermissionError):  # of another user: then only the lock protects it
                os.utime(place)  # somebody is about to name it: it is as good as new
            return sha256_of(place) == sha256
        except OSError:  # missing, or nothing that can be read: writing will tell
            return False


def _refused(folder: Path, error: OSError) -> StateError:
    return StateError(
        f"{folder}: cannot be written ({error.strerror}); free space or make it writable; nothing "
        "of this batch was stored"
    )
