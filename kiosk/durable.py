# SPDX-License-Identifier: Apache-2.0
"""Durable files: written whole or not at all, and still there after a power cut.

The rule everywhere: write under another name, fsync, rename, fsync the folder. What must be proven
against power cuts does all of it through `Files`, so that a test can cut the power at every step.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NO_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}
"""The kernel or the file system (an old one, some network shares) cannot swap two names."""


def write_durably(path: Path, data: bytes) -> None:
    """Replace the file `path` by `data`: a reader sees the old bytes or all of the new ones.

    Raises OSError; then `path` is as it was.
    """
    scratch = path.with_name(f".{path.name}.new")
    try:
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.rename(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """fsync a file, or a folder: its list of names."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file_system(path: Path) -> bool:
    """fsync all that is written on the file system of `path`, at once: for many files much faster
    than one after the other. False: this system cannot. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    syncfs = getattr(libc, "syncfs", None)
    if syncfs is None:
        return False
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(handle) == 0:
            return True
        code = ctypes.get_errno()
        if code == errno.ENOSYS:
            return False
        raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(handle)


def sync_tree(directory: Path) -> None:
    """fsync everything below `directory`, contents before the folders that name them."""
    for folder, _, names in os.walk(directory, topdown=False):
        for name in names:
            sync(Path(folder) / name)
        sync(Path(folder))


def exchange(first: Path, second: Path) -> None:
    """Swap two names of one file system at once: nobody ever sees one of them missing.

    Where the file system cannot, `second` is renamed aside first: for that moment it is missing,
    but what it held is never lost. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    renameat2 = getattr(libc, "renameat2", None)
    if renameat2 is not None:
        old, new = os.fsencode(first), os.fsencode(second)
        if renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_EXCHANGE) == 0:
            return
        code = ctypes.get_errno()
        if code not in _NO_EXCHANGE:
            raise OSError(code, os.strerror(code), str(first), None, str(second))
    exchange_in_steps(first, second)


def exchange_in_steps(first: Path, second: Path) -> None:
    """`exchange` for file systems that cannot do it at once."""
    aside = first.with_name(f".{first.name}.aside")
    second.rename(aside)
    try:
        first.rename(second)
    except OSError:
        aside.rename(second)
        raise
    aside.rename(first)


def locked(path: Path) -> int:
    """Lock the file `path`, made when missing, until the descriptor given back is closed.

    The kernel lets go when the process ends, however it ends; the file stays. Raises
    BlockingIOError when another process holds it, OSError when it cannot be made or locked.
    """
    # Not blocking: a pipe of that name would be waited for without end.
    handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Files(Protocol):
    """Every step that changes a disk. Nothing lasts through a power cut before its `sync`: bytes
    by that of the file, names by that of the folder. All raise OSError.
    """

    def read(self, path: Path) -> bytes: ...

    def size(self, path: Path) -> int | None:
        """Bytes of a regular file; None when there is none."""

    def sha256(self, path: Path) -> str: ...

    def names(self, folder: Path) -> tuple[str, ...]:
        """What lies in a folder, sorted; nothing when there is no such folder."""

    def is_folder(self, path: Path) -> bool: ...

    def free_bytes(self, folder: Path) -> int:
        """Space for who is not root, on the file system of a folder that is there."""

    def write(self, path: Path, data: bytes) -> None:
        """Make the file, or replace what it holds."""

    def append(self, path: Path, data: bytes) -> None:
        """Make the file, or lengthen it."""

    def copy(self, old: Path, new: Path) -> None:
        """Another file with the same bytes."""

    def link(self, old: Path, new: Path) -> None:
        """Another name for the same file; the name must be free."""

    def rename(self, old: Path, new: Path) -> None:
        """What had the new name before loses it, in the same step."""

    def exchange(self, first: Path, second: Path) -> None: ...

    def unlink(self, path: Path) -> None: ...

    def mkdir(self, path: Path) -> None:
        """Nothing to do when there is such a folder."""

    def rmdir(self, path: Path) -> None: ...

    def freeze(self, path: Path) -> None:
        """Nobody may write into the file any more, by whatever name."""

    def sync(self, path: Path) -> None: ...

    def sync_folder(self, path: Path) -> None: ...

    def lock(self, path: Path) -> AbstractContextManager[None]:
        """One process or thread at a time; others wait. The file is made when missing."""


class DiskFiles:
    """`Files` on the disk of this machine."""

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def size(self, path: Path) -> int | None:
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def sha256(self, path: Path) -> str:
        return sha256_of(path)

    def names(self, folder: Path) -> tuple[str, ...]:
        try:
            return tuple(sorted(path.name for path in folder.iterdir()))
        except FileNotFoundError:
            return ()

    def is_folder(self, path: Path) -> bool:
        return path.is_dir() and not path.is_symlink()

    def free_bytes(self, folder: Path) -> int:
        status = os.statvfs(folder)
        return status.f_bavail * status.f_frsize

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)

    def append(self, path: Path, data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data)

    def copy(self, old: Path, new: Path) -> None:
        shutil.copyfile(old, new)

    def link(self, old: Path, new: Path) -> None:
        new.hardlink_to(old)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def exchange(self, first: Path, second: Path) -> None:
        exchange(first, second)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def mkdir(self, path: Path) -> None:
        path.mkdir(exist_ok=True)

    def rmdir(self, path: Path) -> None:
        path.rmdir()

    def freeze(self, path: Path) -> None:
        path.chmod(0o444)

    def sync(self, path: Path) -> None:
        sync(path)

    def sync_folder(self, path: Path) -> None:
        sync(path)

    @contextmanager
    def lock(self, path: Path) -> Iterator[None]:
        handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def replace_file(files: Files, path: Path, data: bytes) -> None:
    """`write_durably`, step by step through `files`."""
    scratch = path.with_name(f".{path.name}.new")
    files.write(scratch, data)
    files.sync(scratch)
    files.rename(scratch, path)
    files.sync_folder(path.parent)


def made_folder(files: Files, path: Path) -> None:
    """Make the folder `path` and those above it that are missing, to stay."""
    if not files.is_folder(path):
        made_folder(files, path.parent)
        files.mkdir(path)
    # Also one that is there: whoever made it may have been killed before this.
    files.sync_folder(path.parent)
