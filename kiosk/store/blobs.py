# SPDX-License-Identifier: Apache-2.0
"""Files by their sha256: immutable once whole; what is being fetched is a `.part` beside them.

A blob has its name only after its bytes were proven and are on the disk.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from kiosk.announcement import Blob
from kiosk.durable import Files, made_folder
from kiosk.errors import Tampered

PART = ".part"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Part:
    """A blob that is not whole yet. What is appended is there for the next pass, unless the power
    fails; only `Blobs.keep` proves it.
    """

    def __init__(self, files: Files, path: Path) -> None:
        self._files = files
        self.path = path

    @property
    def size(self) -> int:
        """Bytes of it that are there: where to resume."""
        return self._files.size(self.path) or 0

    def append(self, data: bytes) -> None:
        """Raises OSError, such as for a full disk; then some of it may have been appended."""
        made_once(self._files, self.path.parent)
        self._files.append(self.path, data)

    def clear(self) -> None:
        """Begin again."""
        if self._files.size(self.path) is not None:
            self._files.unlink(self.path)


class Blobs:
    """The folder of blobs; made with the first one."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.folder = folder
        self._files = files

    def path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a sha256")
        return self.folder / sha256

    def has(self, blob: Blob) -> bool:
        """It is here in its length; its bytes were proven when it came, and are again when a
        release is made of it.
        """
        return self._files.size(self.path(blob.sha256)) == blob.bytes

    def read(self, blob: Blob) -> bytes:
        """A small one, such as a manifest. Raises OSError."""
        return self._files.read(self.path(blob.sha256))

    def part(self, sha256: str) -> Part:
        return Part(self._files, self.path(sha256).with_name(sha256 + PART))

    def keep(self, blob: Blob) -> None:
        """The part is whole: prove it, and make it the blob, to stay.

        Raises Tampered when it is not the blob (then the part is gone), OSError.
        """
        part = self.part(blob.sha256)
        if part.size != blob.bytes or self._files.sha256(part.path) != blob.sha256:
            part.clear()
            raise Tampered(
                "wrong_content",
                f"blob {blob.sha256[:12]}… came with other bytes than were signed; it is fetched "
                "again. If this stays so, check the server or the stick it comes from.",
            )
        self._files.sync(part.path)
        self._files.freeze(part.path)
        self._files.rename(part.path, self.path(blob.sha256))
        self._files.sync_folder(self.folder)

    def put(self, data: bytes, blob: Blob) -> None:
        """A small blob that is in memory already, such as a manifest. Raises as `keep`."""
        part = self.part(blob.sha256)
        part.clear()
        part.append(data)
        self.keep(blob)

    def drop(self, sha256: str) -> None:
        """Forget a blob, such as one that was found damaged."""
        if self._files.size(self.path(sha256)) is not None:
            self._files.unlink(self.path(sha256))

    def collect(self, kept: Collection[str]) -> int:
        """Unlink every blob and part whose sha256 is not in `kept`; gives how many. What else lies
        there, such as `lost+found` of a disk of its own, is not ours.
        """
        found = {name: name.removesuffix(PART) for name in self._files.names(self.folder)}
        gone = [
            name for name in found if _SHA256.fullmatch(found[name]) and found[name] not in kept
        ]
        for name in gone:
            self._files.unlink(self.folder / name)
        return len(gone)


def made_once(files: Files, folder: Path) -> None:
    """As `made_folder`, without a word to the disk for one that is there."""
    if not files.is_folder(folder):
        made_folder(files, folder)
