# SPDX-License-Identifier: Apache-2.0
"""SKUs and pictures as rows of a table, and back: columns and values in one order, here only."""

from __future__ import annotations

import json

from kiosk.errors import WorkshopError
from kiosk.values import Box, Record
from kiosk.workshop.changes import Picture, Sku
from kiosk.workshop.database import Row

_SKU = ("sku", "name", "category", "barcodes", "attributes", "flip", "seq")
_PICTURE = (
    *("sku", "name", "sha256", "x1", "y1", "x2", "y2", "custom"),
    *("int1", "int2", "int3", "int4", "str1", "str2", "str3", "str4", "seq"),
)


def _put(table: str, columns: tuple[str, ...], keys: int) -> str:
    named, holes = ", ".join(columns), ",".join("?" * len(columns))
    changed = ", ".join(f"{column} = excluded.{column}" for column in columns[keys:])
    return (
        f"INSERT INTO {table} ({named}) VALUES ({holes}) "
        f"ON CONFLICT ({', '.join(columns[:keys])}) DO UPDATE SET {changed}"
    )


SKUS = f"SELECT {', '.join(_SKU)} FROM skus"
PICTURES = f"SELECT {', '.join(_PICTURE)} FROM pictures"
PUT_SKU = _put("skus", _SKU, 1)
"""Takes `of_sku` and the number."""
PUT_PICTURE = _put("pictures", _PICTURE, 2)
"""Takes `of_picture` and the number."""


def pictures_named(count: int) -> str:
    """The pictures of so many SKUs and names. A join: SQLite answers `IN (VALUES …)` of two columns
    by reading the whole table."""
    wanted = ",".join(["(?,?)"] * count)
    columns = ", ".join(_PICTURE)
    return (
        f"WITH wanted (sku, name) AS (VALUES {wanted}) "
        f"SELECT {columns} FROM wanted JOIN pictures USING (sku, name)"
    )


def of_sku(sku: Sku) -> Row:
    record = sku.record
    return (
        *(record.sku, record.name, record.category),
        json.dumps(record.barcodes, ensure_ascii=False),
        json.dumps(record.attributes, ensure_ascii=False),
        None if sku.flip is None else int(sku.flip),
    )


def sku_of(row: Row) -> Sku:
    sku, name, category, barcodes, attributes, flip = row[:6]
    try:
        pairs = tuple((str(key), str(value)) for key, value in json.loads(attributes))
        codes = tuple(str(code) for code in json.loads(barcodes))
    except (ValueError, TypeError) as error:
        raise WorkshopError(
            f"the record of {sku!r} is damaged in the workshop's database; restore a backup, or "
            "remove the SKU and add it again"
        ) from error
    return Sku(Record(sku, name, category, codes, pairs), None if flip is None else bool(flip))


def of_picture(picture: Picture) -> Row:
    box = picture.region
    sides = (None,) * 4 if box is None else (box.x1, box.y1, box.x2, box.y2)
    head = (picture.sku, picture.name, picture.sha256)
    return (*head, *sides, picture.custom, *picture.ints, *picture.strings)


def picture_of(row: Row) -> Picture:
    sku, name, sha256, x1, y1, x2, y2, custom = row[:8]
    region = None if x1 is None else Box(x1, y1, x2, y2)
    return Picture(sku, name, sha256, region, custom, tuple(row[8:12]), tuple(row[12:16]))
