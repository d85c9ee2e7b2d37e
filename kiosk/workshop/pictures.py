# SPDX-License-Identifier: Apache-2.0
"""A workshop's pictures, by the sha256 of their bytes: copies, so nothing depends on originals.

Rule: a picture is on the disk for good before a row of the database names it. So `keep` pictures,
`settle` them all at once, then `apply` the rows; what a kill leaves in between is only a file that
nothing names.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kiosk.durable import sha256_of, sync, sync_file_system
from kiosk.errors import ImageError, StateError
from kiosk.vision.decode import decode_picture, read_bytes

_INCOMING = ".incoming"
"""Folder of what is not settled yet."""
_LEFT_S = 24 * 3600.0
"""Nobody needs longer than this to settle what was kept."""
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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._incoming = folder / _INCOMING
        self._begun = False
        self._unsettled: dict[Path, Path] = {}
        """Scratch file by where it belongs."""

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def keep(self, data: bytes, sha256: str) -> None:
        """Write a checked picture; it is there for good only after `settle`. Raises StateError."""
        place = self.path(sha256)
        if place in self._unsettled or self._whole(place, sha256):
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
                if time.time() - left.stat().st_mtime > _LEFT_S:
                    left.unlink()
        self._begun = True

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

    @staticmethod
    def _whole(place: Path, sha256: str) -> bool:
        """There already, and unaltered; one that was damaged is written anew."""
        try:
            return sha256_of(place) == sha256
        except OSError:  # missing, or nothing that can be read: writing will tell
            return False


def _refused(folder: Path, error: OSError) -> StateError:
    return StateError(
        f"{folder}: cannot be written ({error.strerror}); free space or make it writable; nothing "
        "of this batch was stored"
    )
