# SPDX-License-Identifier: Apache-2.0
"""CSV lists: of pictures (`file,sku,…`) and of SKUs (`skus.csv`), as `kiosk catalog build` reads
them, and with what a workshop knows beside: region, attributes, custom content.

| column | means |
|---|---|
| path, file or picture | the picture, relative to the list |
| picture_name | what it is called, where that is not its path below a folder of its SKU |
| sku, name, category, flip | the SKU |
| barcode, barcodes | of the SKU, separated by spaces or `;`, or a JSON list |
| region | x1,x2,y1,y2 in whole pixels; empty: the item is looked for |
| int_attr … int_attr4, str_attr … str_attr4, custom_content | of the picture |
| attributes | of the SKU, as key=value,key=value |
| role, split | of data sets: only rows with the role `reference` are read |
| any other | an attribute of the SKU with that name |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.tables import flip_of
from kiosk.errors import ImportRefused
from kiosk.imports.changes import NO_INTS, NO_STRINGS, About, Change, Describe, Line, Put, Remark
from kiosk.imports.labels import read_labels
from kiosk.imports.regions import from_text
from kiosk.imports.rows import Cells, first_row, read_rows
from kiosk.imports.texts import (
    called,
    integer,
    is_rounded,
    path_inside,
    picture_name,
    shown,
    sku,
    unrounded,
    value,
)

SKU_LIST = "skus.csv"
PICTURE_COLUMNS = ("path", "file", "picture")
INT_COLUMNS = ("int_attr", "int_attr2", "int_attr3", "int_attr4")
STRING_COLUMNS = ("str_attr", "str_attr2", "str_attr3", "str_attr4")
_BARCODES = ("barcode", "barcodes")
RESERVED = frozenset(
    (*PICTURE_COLUMNS, *INT_COLUMNS, *STRING_COLUMNS, *_BARCODES)
    + ("picture_name", "sku", "name", "category", "flip", "region", "custom_content")
    + ("attributes", "role", "split")
)
"""Columns that are no attribute of a SKU."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The header of a list."""

    separator: str
    names: tuple[str, ...]
    """As they stand there; those with a meaning in lower case."""
    picture: str
    """The column that names pictures; empty when there is none."""


def columns_of(path: Path) -> Columns:
    """The header of a list. Raises OSError; ImportRefused when it cannot be read, or a column is
    there twice.
    """
    separator, cells = first_row(path)
    wrong = next((row.failure for row in read_rows(path, separator)), None)
    if wrong is not None:
        raise ImportRefused(wrong.code, f"{path}: its first line cannot be read: {wrong.reason}")
    names = tuple(name.lower() if name.lower() in RESERVED else name for name in cells)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ImportRefused("BadColumns", f"{path}: has two columns {twice[0]!r}; remove one")
    return Columns(separator, names, picture_column(names))


def picture_column(names: Sequence[str]) -> str:
    """The column that names pictures; empty when these are not the columns of such a list."""
    found = [name for name in PICTURE_COLUMNS if name in names]
    return found[0] if found and "sku" in names else ""


def read_list(path: Path) -> Iterator[Line]:
    """The pictures of a list. Raises OSError; ImportRefused when it is no list of pictures."""
    columns = columns_of(path)
    if not columns.picture:
        raise ImportRefused(
            "BadColumns",
            f"{path}: a list needs the column `sku` and one of `path`, `file`, `picture`",
        )
    only_references = "role" in columns.names
    for row in _rows(path, columns):
        if isinstance(row, Line):
            yield row
        elif not only_references or row.values.get("role", "").lower() == "reference":
            yield _line(path.name, row, columns.picture)


def read_skus(path: Path) -> Iterator[Line]:
    """What a `skus.csv` says of SKUs. Raises OSError; ImportRefused when it has no column `sku`."""
    columns = columns_of(path)
    if "sku" not in columns.names:
        raise ImportRefused(
            "BadColumns", f"{path}: has the columns {', '.join(columns.names)}, and none is `sku`"
        )
    for row in _rows(path, columns):
        yield row if isinstance(row, Line) else _line(path.name, row, "")


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    values: dict[str, str]


def _rows(path: Path, columns: Columns) -> Iterator[_Row | Line]:
    """Rows below the header by column, empty values left out."""
    rows = read_rows(path, columns.separator)
    next(rows, None)
    for row in rows:
        failure = row.failure or _too_many(row, columns.names)
        if failure is not None:
            yield Line(path.name, row.number, failure=failure)
            continue
        named = zip(columns.names, row.cells, strict=False)
        yield _Row(row.number, {name: value(text) for name, text in named if name and text})


def _too_many(row: Cells, names: Sequence[str]) -> Remark | None:
    for name, cell in zip(names, row.cells, strict=False):
        if cell and not name:
            return Remark("BadColumns", f"{shown(cell)} stands in a column without a name")
    if not any(row.cells[len(names) :]):
        return None
    return Remark("BadColumns", f"the row has {len(row.cells)} values for {len(names)} columns")


def _line(source: str, row: _Row, picture: str) -> Line:
    """`picture`: the column that names it; empty in a list of SKUs."""
    try:
        if "sku" not in row.values:
            raise ImportRefused("MissingField", "the row has no sku")
        if picture and picture not in row.values:
            raise ImportRefused("MissingField", f"the row has no {picture}")
        product = sku(unrounded(row.values["sku"], "the SKU"))
        about = _about(row.values)
        change: Change = Describe(product, about)
        if picture:
            change = _put(product, row.values[picture], row.values, about)
        return Line(source, row.number, (change,))
    except ImportRefused as error:
        return Line(source, row.number, failure=Remark(error.code, str(error)))


def _put(product: str, path: str, values: dict[str, str], about: About) -> Put:
    file = path_inside(path)
    ints = tuple(integer(values[name], name) if name in values else None for name in INT_COLUMNS)
    strings = tuple(values.get(name) for name in STRING_COLUMNS)
    return Put(
        product,
        picture_name(values["picture_name"]) if "picture_name" in values else called(file, product),
        file,
        from_text(values["region"]) if "region" in values else None,
        about,
        values.get("custom_content", ""),
        NO_INTS if ints == NO_INTS else ints,
        NO_STRINGS if strings == NO_STRINGS else strings,
    )


def _about(values: dict[str, str]) -> About:
    try:
        flip = flip_of(values)
    except ValueError as error:
        raise ImportRefused("BadField", str(error)) from error
    own = tuple((name, text) for name, text in values.items() if name not in RESERVED)
    return About(
        values.get("name"),
        values.get("category"),
        _barcodes(values),
        own + read_labels(values.get("attributes", "")),
        flip,
    )


def _barcodes(values: dict[str, str]) -> tuple[str, ...]:
    """Separated by spaces or `;`, or a JSON list, which may have those inside."""
    found: list[str] = []
    for text in filter(None, map(values.get, _BARCODES)):
        if text.startswith("["):
            found += _json_list(text)
        else:
            found += [unrounded(code, "a barcode") for code in text.replace(";", " ").split()]
    return tuple(dict.fromkeys(found))


def _json_list(text: str) -> list[str]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ImportRefused("BadField", f"the barcodes {shown(text)} are no list") from error
    if not isinstance(given, list) or not all(isinstance(code, str) for code in given):
        raise ImportRefused("BadField", f"the barcodes {shown(text)} are no list of texts")
    return given


def write_barcodes(barcodes: Sequence[str]) -> str:
    """What is read back to the same."""
    joined = " ".join(barcodes)
    plain = not joined.startswith("[") and joined.replace(";", " ").split() == list(barcodes)
    plain = plain and not any(map(is_rounded, barcodes))
    return joined if plain else json.dumps(barcodes, ensure_ascii=False)
