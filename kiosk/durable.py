# SPDX-License-Identifier: Apache-2.0
"""Durable files: written whole or not at all, and still there after a power cut.

The rule everywhere: write under another name, fsync, rename, fsync the folder.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
from pathlib import Path

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
