# SPDX-License-Identifier: Apache-2.0
"""The pictures beside an import: found inside its folders, read and judged once each.

Raises ImportRefused with the codes of `kiosk.imports.codes`; what `kiosk.vision.decode` calls
UnsupportedPicPixels or TooManyBytes is told as TooSmall or TooLarge.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kiosk.errors import ImageError, ImportRefused
from kiosk.vision.decode import MIN_SIDE, read_bytes
from kiosk.workshop.pictures import Pictures, checked_picture

_REMEMBERED = 65536
_HELD_BYTES = 64 * 2**20
_SIZE = re.compile(r": is (\d+)x(\d+) pixels")


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """A picture that can be used."""

    sha256: str
    size: tuple[int, int] | None
    """Width and height of the upright picture; None: it was judged by an earlier import."""


class PictureFiles:
    """Pictures by the names that lines give them. They must not change during an import."""

    def __init__(self, roots: Sequence[Path], kept: Pictures | None) -> None:
        """`roots`: where they may lie, the first is what relative names start from; `kept`: what a
        workshop has already was judged when it came.
        """
        self._roots = [Path(os.path.realpath(root)) for root in roots]
        self._kept = kept
        self._seen: dict[str, SeenPicture] = {}
        self._stored: set[str] = set()
        self._held: dict[str, bytes] = {}
        self._held_bytes = 0

    def look(self, file: str, *, sized: bool) -> SeenPicture:
        """Judge a picture to its last byte; `sized`: its width and height are needed."""
        seen = self._seen.get(file)
        if seen is not None and (seen.size is not None or not sized):
            return seen
        data = self._read(file)
        digest = hashlib.sha256(data).hexdigest()
        size = None
        if sized or not self._known(digest, len(data)):
            try:
                checked = checked_picture(data, file)
            except ImageError as error:
                raise _refused(error) from error
            size = (checked.width, checked.height)
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[file] = SeenPicture(digest, size)
        self._hold(digest, data)
        return self._seen[file]

    def keep(self, file: str, sha256: str) -> int:
        """Give a picture that was looked at to the workshop's pictures; how many bytes it has."""
        if self._kept is None or sha256 in self._stored:
            return 0
        data = self._held.get(sha256)
        if data is None:
            data = self._read(file)
            if hashlib.sha256(data).hexdigest() != sha256:
                raise ImportRefused("Unreadable", f"{file}: changed while it was imported")
        self._kept.keep(data, sha256)
        if len(self._stored) >= _REMEMBERED:
            self._stored.clear()
        self._stored.add(sha256)
        return len(data)

    def release(self) -> None:
        """Let go of the bytes that are held, as they are stored now."""
        self._held.clear()
        self._held_bytes = 0

    def _hold(self, digest: str, data: bytes) -> None:
        if self._held_bytes + len(data) > _HELD_BYTES:
            self.release()
        self._held[digest] = data
        self._held_bytes += len(data)

    def _known(self, digest: str, size: int) -> bool:
        if digest in self._held:
            return True
        try:
            return self._kept is not None and self._kept.path(digest).stat().st_size == size
        except OSError:
            return False

    def _read(self, file: str) -> bytes:
        try:
            path = Path(os.path.realpath(_as_it_lies(self._roots[0] / file)))
        except ValueError as error:  # a zero byte
            raise ImportRefused("Unreadable", f"{file!r}: {error}") from error
        if not any(path.is_relative_to(root) for root in self._roots):
            raise ImportRefused("PathOutsideRoot", f"{file} leads out of the folder of the import")
        try:
            return read_bytes(path, file)
        except ImageError as error:
            raise _refused(error) from error


def _as_it_lies(path: Path) -> Path:
    """The same name in the other Unicode form, where the disk has that: a Mac writes `Käse.jpg`
    with two characters for the ä, and nobody sees the difference.
    """
    name = str(path)
    if name.isascii() or os.path.lexists(path):
        return path
    for form in ("NFC", "NFD"):
        other = Path(unicodedata.normalize(form, name))
        if os.path.lexists(other):
            return other
    return path


def _refused(error: ImageError) -> ImportRefused:
    code = {"TooManyBytes": "TooLarge", "UnsupportedPicPixels": "TooLarge"}.get(error.code, "")
    sides = _SIZE.search(str(error))
    if sides and min(int(sides[1]), int(sides[2])) < MIN_SIDE:
        code = "TooSmall"
    return ImportRefused(code or error.code, str(error))
