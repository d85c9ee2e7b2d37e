# SPDX-License-Identifier: Apache-2.0
"""A published repository in a folder, such as a stick that somebody brought, and what can be wrong
with one: nobody who stands before it is told of networks and addresses.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from kiosk.sync.evidence import Absent, Unanswered
from kiosk.sync.origin import CHUNK, Tail, Traffic

_PARTS = ("metadata", "targets", "blobs")
"""Folders of a repository; the first one is in each."""
_AGAIN = "copy the published folder onto it again, and eject the stick before it is pulled out"
_DENIED = {errno.EACCES, errno.EPERM}


class FolderOrigin:
    """A folder with the same tree that a web server would give."""

    carried = True
    doubt = (
        "A damaged stick looks the same: copy the published folder onto it again. If it stays so, "
        "tell whoever publishes the catalog"
    )

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self.traffic = Traffic()
        self._folder = folder

    def odd(self, name: str, data: bytes, reason: str) -> Unanswered:
        return Unanswered("damaged_copy", f"{name}: {reason}; the copy is damaged: {_AGAIN}")

    def begin(self) -> None:
        """A folder needs no patience."""

    def small(self, path: str, max_bytes: int) -> bytes:
        with self._opened(path) as tail:
            data = b""
            for chunk in tail.chunks:
                data += chunk
                if len(data) > max_bytes:
                    name = f"{self.name}/{path}"
                    raise self.odd(name, data, f"it has more than {max_bytes} bytes")
        return data

    @contextmanager
    def tail(self, path: str, size: int, offset: int) -> Iterator[Tail]:
        with self._opened(path, offset, size) as tail:
            yield tail

    @contextmanager
    def _opened(self, path: str, offset: int = 0, size: int = -1) -> Iterator[Tail]:
        place = self._folder / path
        self.traffic.requests += 1
        with self._file(place, offset, size) as file:
            yield Tail(offset, self._chunks(place, file))

    def _file(self, place: Path, offset: int, size: int) -> BufferedReader:
        try:
            if not place.is_file():
                raise self._missing(place)
            found = place.stat().st_size
            if size not in (-1, found):
                raise Unanswered(
                    "not_whole",
                    f"{place}: has {found} bytes instead of {size}: the copy is not whole; "
                    + _AGAIN,
                )
            file = place.open("rb")
            file.seek(offset)
            return file
        except OSError as error:
            raise _unreadable(place, error) from error

    def _chunks(self, place: Path, file: BufferedReader) -> Iterator[bytes]:
        # Only what is read is judged here: the disk that is written to has faults of its own.
        while True:
            try:
                chunk = file.read(CHUNK)
            except OSError as error:
                raise _unreadable(place, error) from error
            if not chunk:
                return
            self.traffic.received += len(chunk)
            yield chunk

    def _missing(self, place: Path) -> Unanswered:
        """Why there is no file `place`. Raises OSError where nobody can tell."""
        folder = self._folder
        if not folder.exists():
            return Unanswered(
                "no_folder",
                f"{folder}: there is no such folder. Is the stick in, and mounted? `lsblk -f` "
                "lists what is in, and where",
            )
        if not folder.is_dir():
            return Unanswered("no_folder", f"{folder}: is a file; name the published folder")
        if not any(folder.iterdir()):
            return Unanswered(
                "empty_folder",
                f"{folder}: is empty. If the stick is not mounted there, mount it (`lsblk -f` "
                "lists what is in, and where); else copy the published folder onto it",
            )
        if not _is_repository(folder):
            nearest = _nearest(folder)
            there = f"name {nearest}" if nearest else "name the folder that was published"
            return Unanswered(
                "no_repository",
                f"{folder}: holds no published catalog (there is no `{_PARTS[0]}` in it); {there}, "
                "or copy that onto it",
            )
        missing = f"{place}: is missing: the copy is not whole; {_AGAIN}"
        return Absent(missing, code="not_whole")


def _is_repository(folder: Path) -> bool:
    return (folder / _PARTS[0]).is_dir()


def _nearest(folder: Path) -> Path | None:
    """A repository one step up or down; None: there are none, or several."""
    if folder.name in _PARTS and _is_repository(folder.parent):
        return folder.parent
    below = [each for each in sorted(folder.iterdir()) if each.is_dir() and _is_repository(each)]
    return below[0] if len(below) == 1 else None


def _unreadable(place: Path, error: OSError) -> Unanswered:
    """The disk, or its permissions, are in the way."""
    to_do = (
        "let the user that runs this read it"
        if error.errno in _DENIED
        else "take the stick out and put it in again; if it stays so, use another one"
    )
    reason = error.strerror or "it fails"
    return Unanswered("cannot_read", f"{place}: cannot be read ({reason}); {to_do}")
