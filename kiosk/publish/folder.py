# SPDX-License-Identifier: Apache-2.0
"""A repository in a folder: a disk, a share, a USB stick, the root of a static file server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kiosk.durable import locked, sha256_of, sync
from kiosk.errors import BusyError, PublishError
from kiosk.publish.storage import MAX_READ_BYTES, Stored

_LOCK = ".publishing"


class FolderStorage:
    """`Storage` on a file system. What it says is written has reached the disk."""

    def __init__(self, root: Path, *, link: Callable[[Path, Path], None] = os.link) -> None:
        """`link` makes a hard link; some file systems cannot."""
        self._root, self._link = root, link

    @property
    def address(self) -> str:
        return str(self._root)

    def read(self, name: str) -> bytes | None:
        try:
            with (self._root / name).open("rb") as file:
                data = file.read(MAX_READ_BYTES + 1)
        except FileNotFoundError:
            return None
        if len(data) > MAX_READ_BYTES:
            raise PublishError(f"{self._root / name}: is too large; restore the repository")
        return data

    def size(self, name: str) -> int | None:
        try:
            return (self._root / name).stat().st_size
        except FileNotFoundError:
            return None

    def sha256(self, name: str) -> str:
        return sha256_of(self._root / name)

    def create(self, name: str, source: bytes | Path) -> bool:
        path = self._root / name
        if path.exists():
            return False
        scratch = self._scratch(path, source)
        try:
            self._link(scratch, path)  # unlike a rename it never takes the place of another file
        except FileExistsError:
            return False
        except OSError:  # a file system without links, such as FAT on a stick
            if path.exists():
                return False
            scratch.rename(path)
        finally:
            scratch.unlink(missing_ok=True)
        sync(path.parent)
        return True

    def replace(self, name: str, data: bytes, before: bytes | None) -> None:
        path = self._root / name
        scratch = self._scratch(path, data)
        try:
            if self.read(name) != before:  # whoever writes here holds the lock: see `held`
                raise BusyError(
                    f"{path}: was changed by another publisher meanwhile; run the command again"
                )
            scratch.rename(path)
        finally:
            scratch.unlink(missing_ok=True)
        sync(path.parent)

    def names(self, folder: str) -> Iterator[Stored]:
        for path in (self._root / folder).rglob("*"):
            with suppress(FileNotFoundError):  # removed meanwhile
                status = path.lstat()
                if path.is_file():
                    name = path.relative_to(self._root).as_posix()
                    yield Stored(name, status.st_size, status.st_mtime)

    def remove(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        try:
            handle = locked(self._root / _LOCK)
        except BlockingIOError:
            raise BusyError(
                f"{self._root}: another publisher is at work here; wait for it and try again"
            ) from None
        try:
            yield
        finally:
            os.close(handle)

    def _scratch(self, path: Path, source: bytes | Path) -> Path:
        """A file beside `path` with all the bytes, on the disk."""
        self._folder(path.parent)
        scratch = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with scratch.open("wb") as file:
                if isinstance(source, bytes):
                    file.write(source)
                else:
                    with source.open("rb") as opened:
                        shutil.copyfileobj(opened, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
        return scratch

    def _folder(self, folder: Path) -> None:
        """Make it with its parents, each of them on the disk."""
        if folder.is_dir():
            return
        self._folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)
