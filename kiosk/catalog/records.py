# SPDX-License-Identifier: Apache-2.0
"""`records.sqlite`: what a segment knows of its SKUs, and which picture is behind which reference.

Written once in one order, so that equal catalogs are equal bytes; opened read-only and immutable.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kiosk.barcode import filed, normalised
from kiosk.errors import CatalogError
from kiosk.values import MOST_CUSTOM, Box, Record

_SCHEMA = """
CREATE TABLE skus(
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, category TEXT NOT NULL,
    barcodes TEXT NOT NULL, attributes TEXT NOT NULL);
CREATE TABLE pictures(
    id INTEGER PRIMARY KEY, sku INTEGER NOT NULL REFERENCES skus, name TEXT NOT NULL,
    sha256 BLOB NOT NULL, settings TEXT NOT NULL,
    thumbnail INTEGER NOT NULL, thumbnail_bytes INTEGER NOT NULL,
    x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL);
CREATE TABLE refs(
    row INTEGER PRIMARY KEY, picture INTEGER NOT NULL REFERENCES pictures, view TEXT NOT NULL);
"""
_CUSTOM_SCHEMA = """
CREATE TABLE custom(picture INTEGER PRIMARY KEY REFERENCES pictures, content TEXT NOT NULL);
"""
"""Only there when a picture has some: who reads without it reads all the rest."""


_PICTURES = (
    "SELECT sku, name, sha256, settings, thumbnail, thumbnail_bytes, x1, y1, x2, y2 FROM pictures "
    "ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thumbnail lies in the file of thumbnails."""

    start: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PictureEntry:
    """One enrolled picture. Its references follow each other, one for each of its views."""

    sku: int
    """Position of its SKU among the records."""
    name: str
    """Where it came from, relative to the source."""
    sha256: str
    key: str
    """Names what it was enrolled from and with; see `Enrolment.key`."""
    thumbnail: Place
    box: Box
    views: tuple[str, ...]
    custom: str = ""
    """Its custom content: what its owner wants handed back with it."""


def write_records(
    path: Path,
    skus: Iterable[Record],
    pictures: Iterable[PictureEntry],
) -> None:
    """Create the file. Rows are numbered in the order given. Raises OSError, sqlite3.Error."""
    with closing(sqlite3.connect(path)) as connection:
        # No journal: the file lies in a scratch folder until it is whole.
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA page_size=4096")
        connection.executescript(_SCHEMA)
        custom: list[tuple[int, str]] = []
        with connection:
            connection.executemany("INSERT INTO skus VALUES(?,?,?,?,?,?)", _sku_rows(skus))
            row = 0
            for number, picture in enumerate(pictures):
                box, place = picture.box, picture.thumbnail
                connection.execute(
                    "INSERT INTO pictures VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                    (number, picture.sku, picture.name, bytes.fromhex(picture.sha256))
                    # A key begins with the picture's sha256: what is the same is kept once.
                    + (picture.key.removeprefix(picture.sha256), place.start, place.bytes)
                    + (box.x1, box.y1, box.x2, box.y2),
                )
                views = [(row + step, number, view) for step, view in enumerate(picture.views)]
                connection.executemany("INSERT INTO refs VALUES(?,?,?)", views)
                row += len(views)
                if picture.custom:
                    custom.append((number, picture.custom))
            if custom:
                connection.execute(_CUSTOM_SCHEMA)
                connection.executemany("INSERT INTO custom VALUES(?,?)", custom)
        connection.execute("VACUUM")


def _sku_rows(skus: Iterable[Record]) -> Iterator[tuple[int, str, str, str, str, str]]:
    for number, record in enumerate(skus):
        barcodes = json.dumps(record.barcodes, ensure_ascii=False)
        attributes = json.dumps(dict(record.attributes), ensure_ascii=False)
        yield number, record.sku, record.name, record.category, barcodes, attributes


class Records:
    """An open `records.sqlite`. Safe to use from several threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Use `Records.open`."""
        self._path = path
        self._connection = connection
        self._lock = threading.Lock()
        self.skus: tuple[str, ...] = tuple(
            sku for (sku,) in self._rows("SELECT sku FROM skus ORDER BY id")
        )
        """SKU ids; positions in here are what `owners` holds."""
        self.kinds: tuple[str, ...] = tuple(
            category for (category,) in self._rows("SELECT category FROM skus ORDER BY id")
        )
        """The category of each of `skus`."""
        rows = self._rows(
            "SELECT refs.row, pictures.sku, pictures.id FROM refs "
            "JOIN pictures ON pictures.id = refs.picture ORDER BY refs.row"
        )
        table = np.array(rows, np.int64).reshape(-1, 3)
        self.picture_count = int(self._rows("SELECT count(*) FROM pictures")[0][0])
        self._check(table)
        self._has_custom = self._custom_checked()
        self.owners: NDArray[np.int32] = table[:, 1].astype(np.int32)
        """(N,) position in `skus` of the SKU of each reference."""
        self.pictures: NDArray[np.int32] = table[:, 2].astype(np.int32)
        """(N,) number of the picture behind each reference."""
        self.barcodes: dict[str, tuple[str, ...]] = filed(self.records())
        """SKUs by normalised barcode, see `kiosk.barcode`."""

    def _check(self, table: NDArray[np.int64]) -> None:
        """Every number names something, and all is in order. Raises CatalogError."""
        refs = int(self._rows("SELECT count(*) FROM refs")[0][0])
        row, sku, picture = table.T
        numbered = len(table) == refs and (row == np.arange(refs)).all()
        owned = ((sku >= 0) & (sku < len(self.skus))).all()
        known = np.array_equal(np.unique(picture), np.arange(self.picture_count))
        if not (numbered and owned and known and (np.diff(picture) >= 0).all()):
            raise CatalogError(
                f"{self._path}: its rows are not numbered in order; restore the release"
            )

    def _custom_checked(self) -> bool:
        """Whether there is custom content, none of it too long. Raises CatalogError."""
        if not self._rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'custom'"):
            return False
        if self._rows("SELECT 1 FROM custom WHERE length(content) > ? LIMIT 1", MOST_CUSTOM):
            raise CatalogError(
                f"{self._path}: holds custom content of more than {MOST_CUSTOM} characters; "
                "restore the release"
            )
        return True

    @classmethod
    def open(cls, path: Path) -> Records:
        """Raises CatalogError when the file is missing or not such a database."""
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise CatalogError(f"{path}: cannot be opened ({error}); restore the release") from None
        try:
            return cls(path, connection)
        except BaseException:
            connection.close()
            raise

    def record(self, sku: str) -> Record:
        """Raises CatalogError when the catalog has no such SKU."""
        rows = self._rows(
            "SELECT sku, name, category, barcodes, attributes FROM skus WHERE sku = ?", sku
        )
        if not rows:
            raise CatalogError(f"{self._path}: there is no SKU {sku!r} in this catalog")
        return _record(*rows[0])

    def records(self) -> list[Record]:
        """All of them, in the order of `skus`."""
        rows = self._rows("SELECT sku, name, category, barcodes, attributes FROM skus ORDER BY id")
        return [_record(*row) for row in rows]

    def by_barcode(self, code: str) -> tuple[str, ...]:
        """SKUs that are filed under a code, in whatever form it is written; several may be."""
        return self.barcodes.get(normalised(code), ())

    def entries(self) -> list[PictureEntry]:
        """All pictures, by number."""
        views: list[list[str]] = [[] for _ in range(self.picture_count)]
        for picture, view in self._rows("SELECT picture, view FROM refs ORDER BY row"):
            views[picture].append(view)
        custom: dict[int, str] = {}
        if self._has_custom:
            custom.update(self._rows("SELECT picture, content FROM custom"))
        found = []
        for number, (row, names) in enumerate(zip(self._rows(_PICTURES), views, strict=True)):
            sku, name, digest, settings, start, size, *corners = row
            sha256 = digest.hex()
            key, box = sha256 + settings, Box(*corners)
            place, own = Place(start, size), custom.get(number, "")
            found.append(PictureEntry(sku, name, sha256, key, place, box, tuple(names), own))
        return found

    def thumbnail(self, picture: int) -> Place:
        """Where the thumbnail of a picture lies. Raises CatalogError when there is none such."""
        query = "SELECT thumbnail, thumbnail_bytes FROM pictures WHERE id = ?"
        rows = self._rows(query, int(picture))
        if not rows:
            raise CatalogError(f"{self._path}: there is no picture {picture}")
        return Place(*rows[0])

    def custom(self, picture: int) -> str:
        """The custom content of a picture; empty: it has none. Raises CatalogError."""
        if not self._has_custom:
            return ""
        rows = self._rows("SELECT content FROM custom WHERE picture = ?", int(picture))
        return str(rows[0][0]) if rows else ""

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _rows(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except UnicodeEncodeError:  # half a character, such as in a badly typed SKU: in no catalog
            return []
        except sqlite3.Error as error:
            raise CatalogError(
                f"{self._path}: cannot be read ({error}); restore the release"
            ) from error


def _record(sku: str, name: str, category: str, barcodes: str, attributes: str) -> Record:
    return Record(
        sku, name, category, tuple(json.loads(barcodes)), tuple(json.loads(attributes).items())
    )
