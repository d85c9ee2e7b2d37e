# SPDX-License-Identifier: Apache-2.0
"""Removing what nothing in a workshop needs: pictures that no row names, and old releases.

A picture stays while a row or an open proposal names it, and for a day after it was added or asked
for, as an import names what it has kept a little later. Nobody adds or reads pictures meanwhile; on
a shared disk whose locks reach one machine only, that day protects the others.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.manifest import NAME as RELEASE_MANIFEST
from kiosk.catalog.work import writing
from kiosk.errors import WorkshopError
from kiosk.workshop.announced import current
from kiosk.workshop.folder import Workshop
from kiosk.workshop.pictures import LEFT_S
from kiosk.workshop.repository import Note, Verdict

KEPT_RELEASES = 3
_ALL = 2**31 - 1
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Swept:
    """What a collection came to."""

    pictures: int
    picture_bytes: int
    kept_pictures: int
    kept_bytes: int
    young: int
    """Of these, how many nothing needs and are too young."""
    releases: tuple[str, ...]
    """Folders of releases that went."""
    release_bytes: int
    """What they alone held: releases share files."""


def collect(
    shop: Workshop, *, keep: int = KEPT_RELEASES, dry: bool = False, grace_s: float = LEFT_S
) -> Swept:
    """`keep`: releases that stay, the newest first, beside those that are announced.

    Raises BusyError while somebody imports, builds or dumps, WorkshopError when the pictures are
    those of another catalog too, StateError when the disk refuses; what was removed was needed by
    nothing.
    """
    with writing(shop.folder), shop.pictures.alone():
        others = shop.pictures.others()
        if others:
            raise WorkshopError(
                f"{shop.pictures.folder}: holds the pictures of {'; '.join(others)}, too, and what "
                "that needs is not known here, so nothing was removed; give each catalog a folder "
                "of its own, or remove what is noted of one that is gone"
            )
        releases, release_bytes = _releases(shop, keep, dry)
        swept = _pictures(shop, grace_s, dry, releases, release_bytes)
    if not dry and (swept.pictures or swept.releases):
        figures = (("pictures", swept.pictures), ("releases", len(swept.releases)))
        about = f"{swept.picture_bytes + swept.release_bytes} bytes"
        shop.repository.note(Note("collect", about, figures=figures))
    return swept


def _pictures(
    shop: Workshop, grace_s: float, dry: bool, releases: tuple[str, ...], release_bytes: int
) -> Swept:
    count = size = kept = kept_bytes = young = 0
    with _needed(shop) as needed:
        for path, status in shop.pictures.stored():
            wanted = needed(path.name)
            if wanted or time.time() - status.st_mtime < grace_s:
                kept, kept_bytes = kept + 1, kept_bytes + status.st_size
                young += not wanted
                continue
            if not dry:
                path.unlink(missing_ok=True)
            count, size = count + 1, size + status.st_size
    return Swept(count, size, kept, kept_bytes, young, releases, release_bytes)


class _Needed:
    """The sha256 of all pictures that something names, on the disk: they may be millions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __call__(self, sha256: str) -> bool:
        found = self._connection.execute("SELECT 1 FROM needed WHERE sha256 = ?", (sha256,))
        return found.fetchone() is not None


@contextmanager
def _needed(shop: Workshop) -> Iterator[_Needed]:
    # Proposals first: one that is accepted meanwhile is found among the rows then.
    proposals = shop.repository.proposals(Verdict.OPEN)
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("CREATE TABLE needed (sha256 TEXT PRIMARY KEY) WITHOUT ROWID")
        connection.execute("BEGIN")
        put = "INSERT OR IGNORE INTO needed VALUES (?)"
        connection.executemany(
            put, ((name,) for each in proposals for name in _SHA256.findall(each.body))
        )
        with shop.repository.reading() as reading:
            connection.executemany(put, ((each.sha256,) for each in reading.pictures()))
        connection.execute("COMMIT")
        yield _Needed(connection)


def _releases(shop: Workshop, keep: int, dry: bool) -> tuple[tuple[str, ...], int]:
    """Folders that were built here and went, and the bytes that nothing else holds."""
    noted = {built.folder: built.release for built in shop.repository.releases()}
    there = [name for name in noted if (shop.releases / name / RELEASE_MANIFEST).is_file()]
    inside = [name for name in there if (shop.releases / name).parent == shop.releases]
    said = current(shop.repository.history(_ALL))
    # The newest is what the next build stands on and a publication sends.
    going = [name for name in inside[max(keep, 1) :] if noted[name] not in said]
    size = _freed([shop.releases / name for name in going])
    if not dry:
        for left in shop.releases.glob(".*.gone"):  # of a collection that was killed
            shutil.rmtree(left)
        for name in going:
            gone = shop.releases / f".{name}.gone"
            (shop.releases / name).rename(gone)  # never half of it under its name
            shutil.rmtree(gone)
    return tuple(going), size


def _freed(folders: list[Path]) -> int:
    """Bytes of the files whose every name is in these folders."""
    names: dict[tuple[int, int], int] = {}
    size = 0
    for folder in folders:
        for path in folder.rglob("*"):
            status = path.lstat()
            key = status.st_dev, status.st_ino
            names[key] = names.get(key, 0) + 1
            if path.is_file() and names[key] == status.st_nlink:
                size += status.st_size
    return size
