# SPDX-License-Identifier: Apache-2.0
"""Results of enrolment by picture and settings: what was computed once is not computed again.

A key names the sha256 of the picture and everything else that shapes its result, models included:
a picture that changed, or another model, is another key, and nothing is ever out of date. Only work
already done is in here: a damaged file is started anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from kiosk.catalog.result import Result
from kiosk.durable import locked
from kiosk.errors import BusyError
from kiosk.sqlite_file import checked_version
from kiosk.values import Box
from kiosk.vision.packed import pack, unpack

NAME = "cache.sqlite"
KEPT_BUILDS = 2
"""Builds whose results stay: the last, and the one before it, to go back to its model."""
VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS enrolled(
    key TEXT PRIMARY KEY, box TEXT NOT NULL, note TEXT NOT NULL, views TEXT NOT NULL,
    thumbnail BLOB NOT NULL, vectors BLOB NOT NULL, probes BLOB NOT NULL, features BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used(key TEXT PRIMARY KEY, build INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS builds(number INTEGER PRIMARY KEY);
PRAGMA user_version = {VERSION};
"""
_BUSY_S = 30.0


class Cache:
    """An open cache. Use `opened`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        row = connection.execute("SELECT max(number) FROM builds").fetchone()
        self._build = int(row[0] or 0) + 1

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM enrolled").fetchone()[0])

    def holds(self, key: str) -> bool:
        """There is a result under `key`."""
        query = "SELECT 1 FROM enrolled WHERE key = ?"
        return self._connection.execute(query, (key,)).fetchone() is not None

    def note(self, key: str) -> str | None:
        """What is to be said of the picture; None when there is no result under `key`."""
        query = "SELECT note FROM enrolled WHERE key = ?"
        row = self._connection.execute(query, (key,)).fetchone()
        return None if row is None else str(row[0])

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
            self._mark([key])

    def finish(self, keys: Iterable[str], kept_builds: int = KEPT_BUILDS) -> int:
        """A build that used `keys` is done: drop what the last `kept_builds` builds did not use or
        make. Gives how many results went.
        """
        with self._connection:
            self._connection.execute("INSERT INTO builds VALUES(?)", (self._build,))
            self._mark(keys)
            oldest = self._build - kept_builds + 1
            # A result is made and marked in one transaction: what has no mark is nobody's.
            gone = self._connection.execute(
                "DELETE FROM enrolled WHERE key NOT IN (SELECT key FROM used WHERE build >= ?)",
                (oldest,),
            ).rowcount
            self._connection.execute("DELETE FROM used WHERE build < ?", (oldest,))
            self._connection.execute("DELETE FROM builds WHERE number < ?", (self._build,))
        # As a script: executed by itself, this statement gives back one page and no more.
        self._connection.executescript("PRAGMA incremental_vacuum")
        self._build += 1
        return gone

    def _mark(self, keys: Iterable[str]) -> None:
        rows = ((key, self._build) for key in keys)
        self._connection.executemany("INSERT OR REPLACE INTO used VALUES(?,?)", rows)


@contextmanager
def opened(path: Path, *, exclusive: bool = False) -> Iterator[Cache]:
    """The cache at `path`, made when missing.

    `exclusive`: one build at a time, so that none drops what another one still needs. Raises
    BusyError when another one has it, StateError when it is of a newer kiosk, OSError and
    sqlite3.OperationalError when the disk refuses.
    """
    handle = _alone(path) if exclusive else None
    try:
        with contextlib.closing(_connect(path)) as connection:
            yield Cache(connection)
    finally:
        if handle is not None:
            os.close(handle)


def _alone(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return locked(path.with_name(f".{path.name}.lock"))
    except BlockingIOError:
        raise BusyError(
            f"{path}: another build is using it; wait until that has finished"
        ) from None


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
    connection = sqlite3.connect(path, timeout=_BUSY_S)
    try:
        # Before anything else: space of dropped results is to be given back.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        # A power cut may take the last results with it: they are computed again.
        connection.execute("PRAGMA synchronous = NORMAL")
        checked_version(connection, path, "cache", VERSION)
        connection.executescript(_SCHEMA)
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)
    except BaseException:
        connection.close()
        raise
    return connection
