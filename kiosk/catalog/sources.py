# SPDX-License-Identifier: Apache-2.0
"""What a release is to be built from: which pictures belong to which SKU, and its record.

Three forms, told apart by what lies in the folder: a sub-folder per SKU, a list of pictures
(`file`, `sku` and more), or a manifest of a data set (`path,sku,role,…`, references only). When
two fit, nothing is guessed. All mistakes are reported at once, before a picture is opened.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.manifest import NAME as RELEASE_MANIFEST
from kiosk.catalog.tables import Row, Table, flip_of, is_plain, read_table, record_of, sku_id
from kiosk.errors import SourceError
from kiosk.values import MOST_CUSTOM, Box, Record

SKU_LIST = "skus.csv"
MANIFEST_LIST = "manifest.csv"
SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "bmp", "gif", "webp", "tif", "tiff"),
        *("ppm", "pgm", "pbm", "pnm"),
        # Not readable, but surely meant: each gets its own failed line instead of silence.
        *("heic", "heif", "avif"),
    )
)
_SHOWN_MISTAKES = 20


@dataclass(frozen=True, slots=True)
class SourcePicture:
    """A picture to enrol."""

    name: str
    """Path relative to the source, with `/`: what reports and records call it."""
    path: Path
    sku: str
    region: Box | None = None
    """Where the item is, in pixels of the upright picture; None: it is looked for."""
    sha256: str = ""
    """What its bytes must be; empty: nobody has said, whatever they are will do."""
    custom: str = ""
    """Its custom content: what its owner wants handed back with it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything to enrol, sorted by SKU and name."""

    pictures: Collection[SourcePicture]
    """Gone through in order; a workshop's are read as they are needed, however many there are."""
    records: Mapping[str, Record]
    """One for each SKU with a picture."""
    flips: frozenset[str]
    """SKUs whose list allows mirrored references."""
    fixed: frozenset[str]
    """SKUs whose list forbids them."""
    empty: tuple[str, ...]
    """SKU folders without a picture: each is a failure of its own."""
    warnings: tuple[str, ...]


def read_source(source: Path) -> Source:
    """Find out which form `source` (a folder or a CSV file) has and read it.

    Raises SourceError, with every mistake found, when it cannot be built from.
    """
    if source.is_dir():
        table, base = _list_in(source), source
    elif source.is_file() and source.suffix.lower() == ".csv":
        table, base = _picture_list(source), source.parent
    elif source.exists():
        raise SourceError(f"{source}: is neither a folder nor a CSV list; name one of these")
    else:
        raise SourceError(f"{source}: does not exist; check the path")
    reading = _Reading(base)
    if table is None:
        reading.read_folders()
    else:
        reading.read_list(table)
    reading.read_skus()
    return reading.result(source)


def _list_in(folder: Path) -> Table | None:
    """The list of pictures in `folder`; None when its sub-folders are the SKUs."""
    if (folder / RELEASE_MANIFEST).exists():
        raise SourceError(f"{folder}: is a release already; name the pictures it was built from")
    if (folder / MANIFEST_LIST).is_file():
        return _picture_list(folder / MANIFEST_LIST)
    tables = [
        read_table(path)
        for path in _visible(folder)
        if path.suffix.lower() == ".csv" and path.name != SKU_LIST and path.is_file()
    ]
    lists = [table for table in tables if table.picture_column]
    if len(lists) > 1:
        names = ", ".join(table.path.name for table in lists)
        raise SourceError(f"{folder}: holds several lists ({names}); name the one to build from")
    loose = [path.name for path in _visible(folder) if _is_picture(path)]
    folders = [path.name for path in _visible(folder) if _holds_pictures(path)]
    if lists:
        named = {Path(_picture_name(row, lists[0])).parts[:1] for row in lists[0].rows}
        unnamed = [name for name in folders if (name,) not in named]
        if unnamed:
            raise SourceError(
                f"{folder}: holds a list ({lists[0].path.name}) and a folder of pictures that it "
                f"does not name ({unnamed[0]}); name the list itself or move one of them away"
            )
        return lists[0]
    if loose:
        raise SourceError(
            f"{folder}: {loose[0]} lies beside the SKU folders; give each SKU a sub-folder, or add "
            "a CSV list with the columns file,sku"
        )
    return None


def _picture_list(path: Path) -> Table:
    table = read_table(path)
    if table.picture_column is None:
        raise SourceError(
            f"{path}: has the columns {', '.join(table.columns)}; a list needs `sku` and one of "
            "`path`, `file`, `picture`"
        )
    return table


def _picture_name(row: Row, table: Table) -> str:
    """The picture a row names; `.` when it names none."""
    return row.values.get(table.picture_column or "", ".").replace("\\", "/")


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read ({error.strerror})") from error


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def _holds_pictures(path: Path) -> bool:
    return path.is_dir() and any(_is_picture(inner) for inner in _visible(path))


class _Reading:
    """Collects pictures, records and mistakes while a source is read."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._root = base.resolve()
        self._pictures: dict[str, SourcePicture] = {}
        self._records: dict[str, Record] = {}
        self._flips: dict[str, bool] = {}
        self._empty: list[str] = []
        self._warnings: list[str] = []
        self._mistakes: list[str] = []

    def read_folders(self) -> None:
        """A sub-folder per SKU."""
        for folder in _visible(self._base):
            if not folder.is_dir():
                continue
            try:
                sku = sku_id(folder.name)
            except ValueError as error:
                self._mistakes.append(f"{folder.name!r}: {error}; rename the folder")
                continue
            pictures = [path for path in _visible(folder) if _is_picture(path)]
            if not pictures:
                self._empty.append(folder.name)
            for path in pictures:
                self._add(f"{folder.name}/{path.name}", sku, path.name)
            nested = [path.name for path in _visible(folder) if _holds_pictures(path)]
            if nested:
                self._warnings.append(
                    f"{folder.name}/{nested[0]}: folders inside a SKU folder are not read"
                )

    def read_list(self, table: Table) -> None:
        """A list of pictures; with a `role` column only its references."""
        described: dict[str, dict[str, str]] = {}
        only_references = "role" in table.columns
        for row in table.rows:
            if only_references and row.values.get("role", "").lower() != "reference":
                continue
            where = f"{table.path.name} line {row.line}"
            if table.picture_column not in row.values or "sku" not in row.values:
                self._mistakes.append(f"{where}: needs a {table.picture_column} and a sku")
                continue
            sku = self._noted(row, where)
            if sku is None:
                continue
            self._add(_picture_name(row, table), sku, where, row.values.get("custom_content", ""))
            known = described.setdefault(sku, {})
            for name in ("name", "category"):
                if name in known and known[name] != row.values.get(name, known[name]):
                    self._mistakes.append(
                        f"{where}: the {name} of {sku!r} is {row.values[name]!r} here and "
                        f"{known[name]!r} before; make them equal"
                    )
            described[sku] = row.values | known
        self._records = {sku: record_of(sku, values) for sku, values in described.items()}
        if only_references and not self._pictures and not self._mistakes:
            self._mistakes.append(f"{table.path.name}: no row has the role `reference`")

    def read_skus(self) -> None:
        """`skus.csv` beside the pictures: it has the last word on records."""
        path = self._base / SKU_LIST
        if not path.is_file():
            return
        table = read_table(path)
        if "sku" not in table.columns:
            self._mistakes.append(f"{SKU_LIST}: has no column `sku`")
            return
        enrolled = {picture.sku for picture in self._pictures.values()}
        lines: dict[str, int] = {}
        for row in table.rows:
            where = f"{SKU_LIST} line {row.line}"
            sku = self._noted(row, where)
            if sku is None:
                continue
            if lines.setdefault(sku, row.line) != row.line:
                self._mistakes.append(f"{where}: {sku!r} stands in line {lines[sku]} already")
            self._records[sku] = record_of(sku, row.values)
            if sku not in enrolled:
                self._warnings.append(f"{where}: {sku!r} has no picture and is not enrolled")

    def result(self, source: Path) -> Source:
        if self._mistakes:
            shown = self._mistakes[:_SHOWN_MISTAKES]
            more = len(self._mistakes) - len(shown)
            shown += [f"and {more} more"] if more else []
            raise SourceError(f"{source}: cannot be built from:\n  - " + "\n  - ".join(shown))
        if not self._pictures:
            raise SourceError(
                f"{source}: holds no SKU with a picture; give each SKU a sub-folder with pictures, "
                "or a CSV list with the columns file,sku"
            )
        skus = sorted({picture.sku for picture in self._pictures.values()})
        return Source(
            pictures=tuple(sorted(self._pictures.values(), key=lambda each: (each.sku, each.name))),
            records={sku: self._records.get(sku, Record(sku, sku, "")) for sku in skus},
            flips=frozenset(sku for sku, allowed in self._flips.items() if allowed),
            fixed=frozenset(sku for sku, allowed in self._flips.items() if not allowed),
            empty=tuple(self._empty),
            warnings=tuple(self._warnings),
        )

    def _noted(self, row: Row, where: str) -> str | None:
        """The SKU of a row, its wish about mirroring kept; None when either is a mistake."""
        try:
            sku = sku_id(row.values.get("sku", ""))
            allowed = flip_of(row.values)
        except ValueError as error:
            self._mistakes.append(f"{where}: {error}")
            return None
        if allowed is not None:
            self._flips[sku] = allowed
        return sku

    def _add(self, name: str, sku: str, where: str, custom: str = "") -> None:
        path = self._root / name
        real = Path(os.path.realpath(path))
        if Path(name).is_absolute() or not real.is_relative_to(self._root):
            self._mistakes.append(f"{where}: {name!r} leads out of {self._base}; copy it inside")
            return
        name = os.path.normpath(name)
        if not is_plain(name):
            self._mistakes.append(f"{where}: {name!r} is not plain text; rename the file")
            return
        if len(custom) > MOST_CUSTOM:
            self._mistakes.append(f"{where}: custom_content has more than {MOST_CUSTOM} characters")
            return
        other = self._pictures.setdefault(name, SourcePicture(name, path, sku, custom=custom))
        if other.sku != sku:
            self._mistakes.append(f"{where}: {name!r} belongs to {other.sku!r} already")
