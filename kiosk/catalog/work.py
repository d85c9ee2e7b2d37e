# SPDX-License-Identifier: Apache-2.0
"""The workplace of one build, beside its target: what is done survives a kill and is not redone.

One build at a time holds it by a lock on the folder itself, which the system drops with the
process. Results are found again by picture content and settings (`kiosk.catalog.cache`), never by
name or date.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kiosk.catalog.cache import Cache, opened
from kiosk.catalog.manifest import NAME as MANIFEST
from kiosk.catalog.result import Result as Result
from kiosk.durable import exchange, sync
from kiosk.errors import BusyError, CatalogError, StateError

_RELEASE = "release"


class Workplace:
    """An open, locked workplace. Use `workplace`."""

    def __init__(self, path: Path, cache: Cache) -> None:
        self.path = path
        self.release = path / _RELEASE
        """Where the release is put together before it gets its name."""
        self.cache = cache

    def find(self, key: str) -> Result | None:
        """The result kept under `key`, from this run or an earlier one."""
        return self.cache.find(key)

    def clear_release(self) -> None:
        """Remove what is left of a release: an unfinished one, or the one just replaced."""
        _clear(self.release)


@contextmanager
def workplace(out: Path, cache: Path | None = None) -> Iterator[Workplace]:
    """The workplace of a build of `out`, removed when the block ends well, else kept to resume.

    `cache`: where results are kept for later builds too; None: in the workplace itself. Raises
    BusyError when another build of `out` or with this cache is running, OSError and
    sqlite3.OperationalError when the disk refuses.
    """
    path = out.with_name(f".{out.name}.building")
    handle = _locked(path, out)
    try:
        # Before anything is written: a full disk may need the space that a killed build holds.
        _clear(path / _RELEASE)
        with opened(cache or path / "work.sqlite", exclusive=cache is not None) as results:
            work = Workplace(path, results)
            try:
                yield work
            except BaseException:
                work.clear_release()
                raise
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)


def _clear(release: Path) -> None:
    shutil.rmtree(release, ignore_errors=True)


def check_free(out: Path, *, replace: bool) -> None:
    """Raises CatalogError unless a release may be put at `out`."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise CatalogError(f"{out}: exists and is not a release; choose another name")
    if not replace:
        raise CatalogError(f"{out}: a release is there already; add --replace to replace it")


def publish(work: Workplace, out: Path, *, replace: bool) -> None:
    """Give the finished release its name: the one moment at which anything changes for readers."""
    if replace and (out / MANIFEST).is_file():
        exchange(work.release, out)
        sync(work.path)
    else:
        work.release.rename(out)
    sync(out.parent)
    work.clear_release()


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Turns a refusal to write below `directory` into a StateError that says what to do."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StateError(
            f"{directory}: cannot be written ({reason}{_free(directory)}); "
            "free space or choose a folder that may be written"
        ) from error


def _free(directory: Path) -> str:
    for folder in (directory, *directory.parents):
        if folder.is_dir():
            return f"; {shutil.disk_usage(folder).free / 1e6:.0f} MB free"
    return ""


def _locked(path: Path, out: Path) -> int:
    while True:
        path.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:  # removed by the build that has just finished
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The lock may be on a folder that the build before has removed by now.
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            raise BusyError(
                f"{out}: another build of this release is running; wait until it has finished"
            ) from None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
