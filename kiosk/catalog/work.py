# SPDX-License-Identifier: Apache-2.0
"""The workplace of one build, beside its target: what is done survives a kill and is not redone.

One build at a time holds it by a lock on the folder itself, which the system drops with the
process. Results are found again by picture content and settings, never by name or date.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.manifest import NAME as MANIFEST
from kiosk.durable import exchange, sync
from kiosk.errors import BusyError, CatalogError, StateError
from kiosk.values import Box, Features
from kiosk.vision.packed import pack, unpack

_SCHEMA = """
CREATE TABLE IF NOT EXISTS enrolled(
    key TEXT PRIMARY KEY, box TEXT NOT NULL, note TEXT NOT NULL, views TEXT NOT NULL,
    thumbnail BLOB NOT NULL, vectors BLOB NOT NULL, probes BLOB NOT NULL, features BLOB NOT NULL
) WITHOUT ROWID;
"""

_RELEASE = "release"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What enrolling one picture gave."""

    box: Box
    note: str
    views: tuple[str, ...]
    thumbnail: bytes
    """JPEG."""
    vectors: NDArray[np.float16]
    """(views, D), unit length."""
    probes: NDArray[np.float16]
    """(P, D), unit length: the item as a camera may see it; see `augment.CAMERA`. Then those of
    the views that were taken for the second look."""
    features: tuple[Features, ...] = ()
    """Those of the picture as it is, then of these views; empty: no second look."""


class Workplace:
    """An open, locked workplace. Use `workplace`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.release = path / _RELEASE
        """Where the release is put together before it gets its name."""
        self._connection = connection

    def find(self, key: str) -> Result | None:
        """The result kept under `key`, from this run or an earlier one."""
        query = (
            "SELECT box, note, views, thumbnail, vectors, probes, features FROM enrolled "
            "WHERE key = ?"
        )
        row = self._connection.execute(query, (key,)).fetchone()
        if row is None:
            return None
        views = tuple(json.loads(row[2]))
        vectors = np.frombuffer(row[4], np.float16).reshape(len(views), -1)
        probes = np.frombuffer(row[5], np.float16).reshape(-1, vectors.shape[1])
        box = Box(*json.loads(row[0]))
        return Result(box, row[1], views, row[3], vectors, probes, unpack(row[6]))

    def keep(self, key: str, result: Result) -> None:
        """Committed at once: a kill a moment later does not lose it."""
        box = json.dumps([result.box.x1, result.box.y1, result.box.x2, result.box.y2])
        views = json.dumps(result.views)
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO enrolled VALUES(?,?,?,?,?,?,?,?)",
                (key, box, result.note, views, result.thumbnail)
                + (result.vectors.tobytes(), result.probes.tobytes())
                + (b"".join(pack(each) for each in result.features),),
            )

    def clear_release(self) -> None:
        """Remove what is left of a release: an unfinished one, or the one just replaced."""
        _clear(self.release)


@contextmanager
def workplace(out: Path) -> Iterator[Workplace]:
    """The workplace of a build of `out`, removed when the block ends well, else kept to resume.

    Raises BusyError when another build of `out` is running, OSError and sqlite3.OperationalError
    when the disk refuses.
    """
    path = out.with_name(f".{out.name}.building")
    handle = _locked(path, out)
    try:
        # Before anything is written: a full disk may need the space that a killed build holds.
        _clear(path / _RELEASE)
        with contextlib.closing(_connect(path / "work.sqlite")) as connection:
            work = Workplace(path, connection)
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


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise  # the disk refuses; the file may be good
    except sqlite3.DatabaseError:
        # Spoiled by a power cut: only work already done is lost, not what was asked for.
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_SCHEMA)
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)
    except BaseException:
        connection.close()
        raise
    return connection
