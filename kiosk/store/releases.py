# SPDX-License-Identifier: Apache-2.0
"""Release folders made of blobs: whole under their name, or not there.

Their files are other names of the blobs, so that a release costs no bytes of its own and what two
releases share lies on the disk once.
"""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from kiosk.announcement import Blob
from kiosk.catalog.manifest import NAME, FileEntry, Manifest, parse
from kiosk.durable import Files, made_folder
from kiosk.errors import Held
from kiosk.store.blobs import Blobs

_log = logging.getLogger(__name__)

_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}
"""The file system (a FAT one, some network shares) has no further names for a file."""
_RELEASE = re.compile(r"[0-9a-f]{16}")
_SCRATCH = "."
"""Begins the name of a folder that is not a release yet, or not any more."""


class Releases:
    """The folder of release folders."""

    def __init__(self, folder: Path, files: Files, blobs: Blobs) -> None:
        self.folder = folder
        self._files = files
        self._blobs = blobs

    def path(self, release: str) -> Path:
        return self.folder / release

    def listed(self) -> tuple[str, ...]:
        """Ids of the releases that are there."""
        names = self._files.names(self.folder)
        return tuple(name for name in names if not name.startswith(_SCRATCH))

    def manifest(self, release: str) -> Manifest:
        """Raises CatalogError, OSError."""
        return parse(self._files.read(self.path(release) / NAME))

    def digest(self, release: str) -> str:
        """sha256 of the manifest's bytes. Raises OSError."""
        return self._files.sha256(self.path(release) / NAME)

    def manifest_bytes(self, release: str, sha256: str) -> bytes:
        """The manifest of a release that is there, if it has this sha256; else nothing."""
        path = self.path(release) / NAME
        if self._files.size(path) is None or self._files.sha256(path) != sha256:
            return b""
        return self._files.read(path)

    def install(self, data: bytes) -> Path:
        """The release with these manifest bytes, whose blobs are here; gives its folder.

        Every byte is proven first. A folder that is there and whole stays as it is; a damaged one
        is replaced. Raises CatalogError for the manifest, Held for a blob that is missing or
        damaged (it is dropped: fetch it again), OSError.
        """
        manifest = parse(data)
        path = self.path(manifest.release)
        made_folder(self._files, self.folder)
        if self._files.is_folder(path) and not self.fault(path, manifest):
            # Whoever made it may have been killed before this.
            self._files.sync_folder(self.folder)
            return path
        for entry in manifest.needed:
            self._prove(entry)
        scratch = path.with_name(f"{_SCRATCH}{path.name}.new")
        self.remove(scratch)
        try:
            self._fill(scratch, manifest, data)
        except OSError:  # where files are copied it may have filled the disk, which others need
            self.remove(scratch)
            raise
        if self._files.is_folder(path):
            self._files.exchange(scratch, path)
        else:
            self._files.rename(scratch, path)
        self._files.sync_folder(self.folder)
        self.remove(scratch)
        return path

    def fault(self, path: Path, manifest: Manifest) -> str:
        """What is wrong with the files of a release, byte for byte; empty: nothing."""
        for entry in manifest.needed:
            place = path / entry.name
            try:
                whole = self._files.size(place) == entry.bytes
                if not whole or self._files.sha256(place) != entry.sha256:
                    return f"{place} is missing or damaged"
            except OSError as error:
                return f"{place} cannot be read ({error.strerror})"
        return ""

    def collect(self, kept: Collection[str]) -> int:
        """Remove every other release, and what was left half made; gives how many."""
        found = (name for name in self._files.names(self.folder) if name not in kept)
        gone = [name for name in found if name.startswith(_SCRATCH) or _RELEASE.fullmatch(name)]
        for name in gone:
            self.remove(self.folder / name)
        return len(gone)

    def remove(self, path: Path) -> None:
        """Take a folder away with all that is in it; nothing to do when it is not there."""
        if not self._files.is_folder(path):
            return
        for name in self._files.names(path):
            if self._files.is_folder(path / name):
                self.remove(path / name)
            else:
                self._files.unlink(path / name)
        self._files.rmdir(path)

    def blobs_of(self, release: str) -> Iterator[str]:
        """sha256 of every blob a release has its files from. Raises CatalogError, OSError."""
        yield from (entry.sha256 for entry in self.manifest(release).needed)

    def _prove(self, entry: FileEntry) -> None:
        blob = Blob(entry.sha256, entry.bytes)
        if not self._blobs.has(blob):
            raise Held(
                "missing_blob",
                f"{entry.name} of the new release is not here; it is fetched with the next pass.",
            )
        if self._files.sha256(self._blobs.path(entry.sha256)) != entry.sha256:
            self._blobs.drop(entry.sha256)
            raise Held(
                "damaged_blob",
                f"{entry.name} was damaged on this disk; it is fetched again with the next pass. "
                "If this happens often, replace the card or disk.",
            )

    def _fill(self, scratch: Path, manifest: Manifest, data: bytes) -> None:
        """Make the folder with all its files, to stay under this name."""
        self._files.mkdir(scratch)
        folders = sorted(
            {scratch / parent for entry in manifest.needed for parent in _parents(entry.name)}
        )
        for folder in folders:
            self._files.mkdir(folder)
        for entry in manifest.needed:
            self._place(self._blobs.path(entry.sha256), scratch / entry.name)
        self._files.write(scratch / NAME, data)
        self._files.sync(scratch / NAME)
        for folder in reversed(folders):
            self._files.sync_folder(folder)
        self._files.sync_folder(scratch)

    def _place(self, blob: Path, path: Path) -> None:
        try:
            self._files.link(blob, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _log.debug("%s: copied, for want of hard links", path)
            self._files.copy(blob, path)
            self._files.sync(path)


def _parents(name: str) -> tuple[PurePosixPath, ...]:
    """Every folder above a file, within its release."""
    return tuple(parent for parent in PurePosixPath(name).parents if parent.parts)
