# SPDX-License-Identifier: Apache-2.0
"""A workshop as a source to build from: one moment of it, read as it is needed.

The moment is copied into a temporary database on disk that has no name and is gone with the
process. So a build of hours holds nothing up in the workshop, needs no connection to a server, and
a million pictures do not have to fit into memory.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import overload

from kiosk.catalog.sources import Source, SourcePicture
from kiosk.errors import SourceError, StateError
from kiosk.values import Box, Record
from kiosk.workshop.changes import INTS, STRINGS, Picture, Sku
from kiosk.workshop.listing import items
from kiosk.workshop.pictures import Pictures
from kiosk.workshop.repository import Reading

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE pictures (
    n INTEGER PRIMARY KEY, sku TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    x1 REAL, y1 REAL, x2 REAL, y2 REAL, custom TEXT NOT NULL);
CREATE TABLE records (sku TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
"""
_AT_ONCE = 1000
_SHOWN = 20


@contextmanager
def frozen(reading: Reading, pictures: Pictures, workshop: Path) -> Iterator[Source]:
    """All of a snapshot as a source, for as long as the block lasts; the snapshot may end before.

    A picture is called `SKU/NAME`, as in a folder with a sub-folder per SKU, so both give the same
    release. Raises SourceError when there is no picture, StateError when the temporary disk is
    full.
    """
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    with closing(connection):
        try:
            connection.executescript(_SCHEMA)
            copied = _Copying(connection, reading)
            count = copied.run()
        except sqlite3.Error as error:
            raise StateError(
                f"the workshop cannot be copied for the build ({error}); free space in the folder "
                "for temporary files, or name another one in TMPDIR"
            ) from error
        if not count:
            raise SourceError(f"{workshop}: holds no picture; add or import some first")
        lock = threading.Lock()
        yield Source(
            pictures=_Pictures(connection, lock, pictures, count),
            records=_Records(connection, lock),
            flips=frozenset(copied.flips),
            fixed=frozenset(copied.fixed),
            empty=(),
            warnings=tuple(copied.warnings()),
        )


class _Copying:
    """Copies pictures and the records of SKUs that have some."""

    def __init__(self, connection: sqlite3.Connection, reading: Reading) -> None:
        self._connection = connection
        self._reading = reading
        self._empty: list[str] = []
        self._more = 0
        self.flips: list[str] = []
        self.fixed: list[str] = []

    def run(self) -> int:
        """How many pictures there are."""
        self._connection.execute("BEGIN")
        count = 0
        for item in items(self._reading):
            if not item.pictures:
                self._note_empty(item.sku.record.sku)
                continue
            agreed = _Agreed()
            for picture in item.pictures:
                count += 1
                self._connection.execute(
                    "INSERT INTO pictures VALUES (?,?,?,?,?,?,?,?,?)", (count, *_row(picture))
                )
                agreed.take(picture)
            self._put(item.sku, agreed)
        self._connection.execute("COMMIT")
        return count

    def warnings(self) -> Iterator[str]:
        for sku in self._empty:
            yield f"{sku}: has no picture and is not enrolled"
        if self._more:
            yield f"{self._more} more SKUs have no picture and are not enrolled"

    def _note_empty(self, sku: str) -> None:
        if len(self._empty) < _SHOWN:
            self._empty.append(sku)
        else:
            self._more += 1

    def _put(self, sku: Sku, agreed: _Agreed) -> None:
        record = sku.record
        if sku.flip is not None:
            (self.flips if sku.flip else self.fixed).append(record.sku)
        attributes = agreed.attributes() | dict(record.attributes)
        body = [record.name, record.category, record.barcodes, list(attributes.items())]
        self._connection.execute(
            "INSERT INTO records VALUES (?,?)", (record.sku, json.dumps(body, ensure_ascii=False))
        )


class _Agreed:
    """Numbers and texts that all pictures of a SKU have alike: a release keeps them per SKU."""

    def __init__(self) -> None:
        self._values: tuple[int | str | None, ...] | None = None

    def take(self, picture: Picture) -> None:
        given = (*picture.ints, *picture.strings)
        before = given if self._values is None else self._values
        self._values = tuple(
            one if one == other else None for one, other in zip(before, given, strict=True)
        )

    def attributes(self) -> dict[str, str]:
        named = zip((*INTS, *STRINGS), self._values or (), strict=False)
        return {name: str(value) for name, value in named if value not in (None, "")}


class _Pictures(Sequence[SourcePicture]):
    def __init__(
        self, connection: sqlite3.Connection, lock: threading.Lock, pictures: Pictures, count: int
    ) -> None:
        self._connection = connection
        self._lock = lock
        self._pictures = pictures
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> SourcePicture: ...
    @overload
    def __getitem__(self, index: slice) -> list[SourcePicture]: ...
    def __getitem__(self, index: int | slice) -> SourcePicture | list[SourcePicture]:
        wanted = range(self._count)[index]
        if isinstance(wanted, int):
            return self._some(wanted, 1)[0]
        return [self._some(number, 1)[0] for number in wanted]

    def __iter__(self) -> Iterator[SourcePicture]:
        for start in range(0, self._count, _AT_ONCE):
            yield from self._some(start, _AT_ONCE)

    def _some(self, start: int, count: int) -> list[SourcePicture]:
        columns = "sku, name, sha256, custom, x1, y1, x2, y2"
        query = f"SELECT {columns} FROM pictures WHERE n > ? AND n <= ? ORDER BY n"
        with self._lock:
            found = self._connection.execute(query, (start, start + count))
            rows = found.fetchall()
        return [self._one(*row) for row in rows]

    def _one(
        self, sku: str, name: str, sha256: str, custom: str, *sides: float | None
    ) -> SourcePicture:
        given = [side for side in sides if side is not None]
        region = Box(*given) if given else None
        path = self._pictures.path(sha256)
        return SourcePicture(f"{sku}/{name}", path, sku, region, sha256, custom)


class _Records(Mapping[str, Record]):
    def __init__(self, connection: sqlite3.Connection, lock: threading.Lock) -> None:
        self._connection = connection
        self._lock = lock

    def __len__(self) -> int:
        return int(self._rows("SELECT count(*) FROM records")[0][0])

    def __iter__(self) -> Iterator[str]:
        after = ""  # no SKU is empty
        while some := self._rows(
            "SELECT sku FROM records WHERE sku > ? ORDER BY sku LIMIT ?", after, _AT_ONCE
        ):
            yield from (sku for (sku,) in some)
            (after,) = some[-1]

    def __getitem__(self, sku: str) -> Record:
        found = self._rows("SELECT body FROM records WHERE sku = ?", sku)
        if not found:
            raise KeyError(sku)
        name, category, barcodes, attributes = json.loads(found[0][0])
        pairs = tuple((key, value) for key, value in attributes)
        return Record(sku, name, category, tuple(barcodes), pairs)

    def _rows(self, query: str, *values: str | int) -> list[tuple[str]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()


def _row(picture: Picture) -> tuple[str | float | None, ...]:
    box = picture.region
    sides = (None,) * 4 if box is None else (box.x1, box.y1, box.x2, box.y2)
    return (picture.sku, picture.name, picture.sha256, *sides, picture.custom)
