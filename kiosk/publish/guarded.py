# SPDX-License-Identifier: Apache-2.0
"""Files that only their owner may read: refused when anybody else could, or could swap them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kiosk.errors import SigningKeyError

MAX_BYTES = 64 * 1024
_OTHERS_READ = 0o077
_OTHERS_WRITE = 0o022


def read_guarded(path: Path) -> bytes:
    """The bytes of a secret file. Raises SigningKeyError when it is missing or lies unsafely."""
    _check_folder(path.parent)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise SigningKeyError(f"{path}: is missing; give the folder that holds it") from None
    except OSError as error:
        raise SigningKeyError(
            f"{path}: cannot be opened ({error.strerror}); it must be a file of your own, no link"
        ) from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())  # of what was opened, not of what is there by now
        if not stat.S_ISREG(status.st_mode):
            raise SigningKeyError(f"{path}: is not a regular file; restore it")
        if status.st_uid != os.geteuid():
            raise SigningKeyError(
                f"{path}: belongs to another user, who could read or change it; "
                f"make it yours (chown {os.geteuid()})"
            )
        if status.st_mode & _OTHERS_READ:
            raise SigningKeyError(
                f"{path}: others than its owner may open it (mode {status.st_mode & 0o777:o}); "
                f"run `chmod 600 {path}`, and if others did have access, revoke the key"
            )
        return file.read(MAX_BYTES)


def write_guarded(path: Path, data: bytes) -> None:
    """A new secret file in a folder of its own, on the disk when this returns. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _check_folder(folder: Path) -> None:
    """Whoever may write in the folder may put another key there."""
    try:
        status = folder.stat()
    except OSError as error:
        raise SigningKeyError(f"{folder}: cannot be opened ({error.strerror})") from error
    if status.st_uid not in (os.geteuid(), 0):
        raise SigningKeyError(
            f"{folder}: belongs to another user, who could put other keys there; "
            f"make it yours (chown {os.geteuid()})"
        )
    if status.st_mode & _OTHERS_WRITE:
        raise SigningKeyError(
            f"{folder}: others than its owner may write in it (mode {status.st_mode & 0o777:o}); "
            f"run `chmod 700 {folder}`"
        )
