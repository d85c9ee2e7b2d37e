# SPDX-License-Identifier: Apache-2.0
"""CSV lists as people save them: with a BOM or without, commas or semicolons, any line ends.

Reads a list into rows with their line numbers; what the columns mean is for `kiosk.catalog.sources`
except for the record of a SKU, which every list may carry.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kiosk.errors import SourceError
from kiosk.values import Record

PICTURE_COLUMNS = ("path", "file", "picture")
"""Any one of these names the picture of a row."""
_BARCODE_COLUMNS = ("barcode", "barcodes")
_NOT_ATTRIBUTES = {"sku", "name", "category", "flip", "role", "split", "custom_content"}
_NOT_ATTRIBUTES |= {*PICTURE_COLUMNS, *_BARCODE_COLUMNS}
_YES, _NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}
_MAX_SKU = 256


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list: lower-case column names, trimmed values, empty ones left out."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def picture_column(self) -> str | None:
        """The column that names pictures; None when this is not a list of pictures."""
        found = [column for column in PICTURE_COLUMNS if column in self.columns]
        return found[0] if found and "sku" in self.columns else None


def read_table(path: Path) -> Table:
    """Read a CSV file in UTF-8. Raises SourceError naming file and line."""
    try:
        # utf-8-sig drops the mark that spreadsheets write first; csv wants line ends untouched.
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is not UTF-8 text; save it as “CSV UTF-8”") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    # The one that the header has most of; a comma when it has none.
    separator = max(",;\t", key=lines[0].count)
    reader = csv.reader((line + "\n" for line in lines), delimiter=separator, strict=True)
    try:
        columns = tuple(name.strip().lower() for name in next(reader))
        rows = tuple(_rows(reader, columns, path))
    except csv.Error as error:
        raise SourceError(f"{path}: line {reader.line_num}: {error}; check its quotes") from error
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise SourceError(f"{path}: has two columns {twice[0]!r}; remove one")
    return Table(path, columns, rows)


def _rows(reader: Iterator[list[str]], columns: tuple[str, ...], path: Path) -> Iterator[Row]:
    for cells in reader:
        values = [cell.strip() for cell in cells]
        line: int = reader.line_num  # type: ignore[attr-defined]  # csv's reader counts lines
        if not any(values):
            continue
        if any(values[len(columns) :]):
            raise SourceError(
                f"{path}: line {line}: has {len(values)} values for {len(columns)} columns; "
                "put texts that hold the separator in quotes"
            )
        named = zip(columns, values, strict=False)
        yield Row(line, {name: value for name, value in named if name and value})


def sku_id(text: str) -> str:
    """A usable SKU id, in one Unicode form: file systems and spreadsheets differ in theirs.

    Raises ValueError saying what is wrong with it.
    """
    sku = unicodedata.normalize("NFC", text.strip())
    if not 1 <= len(sku) <= _MAX_SKU:
        raise ValueError(f"a SKU has 1 to {_MAX_SKU} characters, this one {len(sku)}")
    if not is_plain(sku):
        raise ValueError(f"the SKU {sku!r} holds a control character or broken text")
    return sku


def is_plain(text: str) -> bool:
    """True when `text` can be stored and shown in one line."""
    if text.isprintable():  # nearly always, and a hundred times as fast
        return True
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def record_of(sku: str, values: dict[str, str]) -> Record:
    """The record that a row describes; columns without a meaning of their own are attributes."""
    barcodes = " ".join(values.get(column, "") for column in _BARCODE_COLUMNS).replace(";", " ")
    extra = ((name, value) for name, value in values.items() if name not in _NOT_ATTRIBUTES)
    return Record(
        sku=sku,
        name=values.get("name", sku),
        category=values.get("category", ""),
        barcodes=tuple(dict.fromkeys(barcodes.split())),
        attributes=tuple(extra),
    )


def flip_of(values: dict[str, str]) -> bool | None:
    """Whether mirrored references are allowed; None when the row is silent. Raises ValueError."""
    text = values.get("flip", "").lower()
    if text and text not in _YES | _NO:
        raise ValueError(f"flip is {text!r}, write yes or no")
    return (text in _YES) if text else None
