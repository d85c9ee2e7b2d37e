# SPDX-License-Identifier: Apache-2.0
"""Where a published catalog is read from: a web server, or a folder such as a USB stick.

The rule: names below the origin are made here from fixed patterns, never taken from what was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from kiosk.errors import UsageError
from kiosk.sync.evidence import Absent, cut_off, unreachable, unusable

CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an answer may take."""

    silence_s: float = 20.0
    """Longest time without a byte."""
    small_s: float = 60.0
    """Longest time for a small file as a whole, and for the head of a large one."""
    pass_s: float = 1800.0
    """Longest time for all that is asked of one origin; what came is kept."""
    least_bytes_per_s: float = 500.0
    """A large file that comes slower, over `rate_s`, is given up for now; what came is kept."""
    rate_s: float = 30.0


@dataclass(slots=True)
class Traffic:
    """What was asked and what came, in bytes of bodies."""

    requests: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file, as the origin gives it: that may be more than was asked for."""

    start: int
    """Where in the file it begins, at most where it was asked for."""
    chunks: Iterator[bytes]


class Origin(Protocol):
    """A published repository. Reading raises Unanswered, Absent among them, and nothing else."""

    name: str
    traffic: Traffic

    def begin(self) -> None:
        """A new pass begins, with all of its time."""

    def small(self, path: str, max_bytes: int) -> bytes:
        """A whole small file."""

    def tail(self, path: str, size: int, offset: int) -> AbstractContextManager[Tail]:
        """The file of `size` bytes from `offset` on, or from before that."""


class FolderOrigin:
    """A folder with the same tree that a web server would give."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self.traffic = Traffic()
        self._folder = folder

    def begin(self) -> None:
        """A folder needs no patience."""

    def small(self, path: str, max_bytes: int) -> bytes:
        with self._opened(path) as tail:
            data = b""
            for chunk in tail.chunks:
                data += chunk
                if len(data) > max_bytes:
                    raise unusable(f"{self.name}/{path}", f"it has more than {max_bytes} bytes")
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
            if not self._folder.is_dir():
                raise unreachable(self.name, "there is no such folder: is the stick in?")
            if not place.is_file():
                raise Absent(str(place), 404)
            found = place.stat().st_size
            if size not in (-1, found):
                raise unusable(str(place), f"it has {found} bytes instead of {size}")
            file = place.open("rb")
            file.seek(offset)
            return file
        except OSError as error:
            raise cut_off(str(place), error.strerror or "unreadable") from error

    def _chunks(self, place: Path, file: BufferedReader) -> Iterator[bytes]:
        # Only what is read is judged here: the disk that is written to has faults of its own.
        while True:
            try:
                chunk = file.read(CHUNK)
            except OSError as error:
                raise cut_off(str(place), error.strerror or "unreadable") from error
            if not chunk:
                return
            self.traffic.received += len(chunk)
            yield chunk


def folder_of(source: str) -> Path | None:
    """The folder that `source` names, by a path or a file:// URL; None for a web address.

    Raises UsageError for anything else.
    """
    parts = urlsplit(source)
    if parts.scheme in ("http", "https"):
        if not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"{source}: give an address without `?` or `#` in it")
        return None
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    if "://" in source:
        raise UsageError(f"{source}: only http://, https://, file:// or a folder can be read from")
    return Path(source).expanduser()
