# SPDX-License-Identifier: Apache-2.0
"""A place that says in words why it cannot be read or written: which place, the reason, what to do.

Whatever a file system or a service answers becomes one PlaceError here. The order of writes sees to
the rest: a place that refuses in the middle shows its readers what they saw.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from kiosk.errors import KioskError, PlaceError
from kiosk.publish.storage import Storage, Stored

_T = TypeVar("_T")
_AFTER = "kiosks see what they saw; then the same command goes on"
_FULL = "make room there, `kiosk catalog collect` removes what no kept release needs"
_MAY_NOT = "let this user write there, or give other credentials"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "let larger files be written there (ulimit -f, or another file system)",
    errno.EROFS: "mount it to be written, or name another place",
    errno.EACCES: _MAY_NOT,
    errno.EPERM: _MAY_NOT,
    errno.ENOENT: "make it first, or correct the address",
    errno.ENOTDIR: "name a folder",
    errno.EIO: "check the disk or the service",
}


class Explained:
    """A `Storage` that raises PlaceError where another one raises what its library does."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def address(self) -> str:
        return self._storage.address

    def read(self, name: str) -> bytes | None:
        return self._asked(lambda: self._storage.read(name), name)

    def size(self, name: str) -> int | None:
        return self._asked(lambda: self._storage.size(name), name)

    def sha256(self, name: str) -> str:
        return self._asked(lambda: self._storage.sha256(name), name)

    def create(self, name: str, source: bytes | Path) -> bool:
        if isinstance(source, Path):
            with source.open("rb"):  # what cannot be read here is no fault of the place
                pass
        return self._asked(lambda: self._storage.create(name, source), name)

    def replace(self, name: str, data: bytes, before: bytes | None) -> None:
        self._asked(lambda: self._storage.replace(name, data, before), name)

    def names(self, folder: str) -> Iterator[Stored]:
        yield from self._asked(lambda: list(self._storage.names(folder)), folder)

    def remove(self, name: str) -> None:
        self._asked(lambda: self._storage.remove(name), name)

    @contextmanager
    def held(self) -> Iterator[None]:
        holding = self._storage.held()
        self._asked(holding.__enter__)
        try:
            yield
        finally:
            self._asked(lambda: holding.__exit__(None, None, None))

    def _asked(self, ask: Callable[[], _T], name: str = "") -> _T:
        try:
            return ask()
        except KioskError:
            raise
        except Exception as error:  # the libraries behind fsspec have no family of errors in common
            raise refused(self.address, name, error) from error


def refused(address: str, name: str, error: Exception) -> PlaceError:
    """`error` in words for people; `name` is that of the file in the place, where it is of one."""
    code = error.errno if isinstance(error, OSError) else None
    if isinstance(error, PermissionError):  # a service has no number for it
        code = code or errno.EACCES
    if isinstance(error, FileNotFoundError):
        code = errno.ENOENT
    # Services say more in the text of the error than in its number.
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    reason = " ".join(reason.split()) or type(error).__name__
    todo = _REMEDIES.get(code or 0, "check the address, the network and the credentials")
    what = f" ({name})" if name else ""
    return PlaceError(f"{address}: refused{what}: {reason}; {todo}; {_AFTER}")
