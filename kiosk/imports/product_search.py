# SPDX-License-Identifier: Apache-2.0
"""The bulk-import CSV of Google Vision Product Search: 8 columns, no header line, one image a row.

    image-uri,image-id,product-set-id,product-id,product-category,product-display-name,labels,
    bounding-poly

As there, what is known of a product is not changed by a row that names it again. An image without
an id is called by its path, and by its region too, as one image may be listed with several.
Product sets mean nothing here; the first one is kept as the attribute `product-set-id`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from kiosk.catalog.sources import SUFFIXES
from kiosk.errors import ImportRefused
from kiosk.imports.changes import About, Line, Put, Region, Remark
from kiosk.imports.labels import read_labels
from kiosk.imports.regions import from_polygon
from kiosk.imports.rows import read_rows
from kiosk.imports.texts import called, path_inside, picture_name, shown, sku, unrounded, value

COLUMNS = ("image-uri", "image-id", "product-set-id", "product-id") + (
    ("product-category", "product-display-name", "labels", "bounding-poly")
)
SET_NAME = "kiosk"
"""The set of products that are in none: it is not kept."""
SET_ATTRIBUTE = "product-set-id"

Maps = Mapping[str, Path]
"""Folder by bucket, such as `gs://shop`."""


def read_product_search(path: Path, maps: Maps) -> Iterator[Line]:
    """Every row of the list at `path`. Raises OSError."""
    for row in read_rows(path):
        if row.cells[:1] == COLUMNS[:1]:  # a header, which the format does not have but people add
            continue
        if row.failure is not None:
            yield Line(path.name, row.number, failure=row.failure)
            continue
        try:
            yield Line(path.name, row.number, (_put(row.cells, maps),))
        except ImportRefused as error:
            yield Line(path.name, row.number, failure=Remark(error.code, str(error)))


def looks_like_it(cells: tuple[str, ...]) -> bool:
    """True when a list with this first row is one of these."""
    if cells == COLUMNS:
        return True
    if len(cells) != len(COLUMNS) or not cells[3]:
        return False
    return "://" in cells[0] or Path(cells[0]).suffix.lower() in SUFFIXES


def written(cells: tuple[str, ...]) -> str:
    """One row, with its line end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _put(cells: tuple[str, ...], maps: Maps) -> Put:
    if any(cells[len(COLUMNS) :]) or len(cells) < 4:
        raise ImportRefused("BadColumns", f"the row has {len(cells)} of {len(COLUMNS)} columns")
    named = dict(zip(COLUMNS, (*cells, *[""] * len(COLUMNS)), strict=False))
    for column in ("image-uri", "product-set-id", "product-id"):
        if not named[column]:
            raise ImportRefused("MissingField", f"{column} is empty")
    file, path = _file(named["image-uri"], maps)
    polygon = named["bounding-poly"]
    region = from_polygon(polygon) if polygon else None
    labels = read_labels(named["labels"])
    if named[SET_ATTRIBUTE] != SET_NAME:
        labels = ((SET_ATTRIBUTE, named[SET_ATTRIBUTE]), *labels)
    product = sku(unrounded(named["product-id"], "product-id"))
    name = named["image-id"] or _with_region(called(path, product), region)
    return Put(
        product,
        picture_name(name),
        file,
        region,
        About(
            value(named["product-display-name"]) or None,
            value(named["product-category"]) or None,
            attributes=labels,
            if_new=True,
        ),
    )


def _with_region(name: str, region: Region | None) -> str:
    if region is None:
        return name
    return f"{name}#{region.x1:g},{region.x2:g},{region.y1:g},{region.y2:g}"


def _file(uri: str, maps: Maps) -> tuple[str, str]:
    """Where the image lies, and the path that it is called by."""
    scheme, found, rest = uri.partition("://")
    if not found:
        path = path_inside(uri)
        return path, path
    if scheme == "file":
        path = unquote(rest.removeprefix("localhost"))
        if not path.startswith("/"):
            path = path_inside(path)
        return path, path
    bucket, _, name = rest.partition("/")
    folder = maps.get(f"{scheme}://{bucket}")
    if folder is None:
        raise ImportRefused("UnknownBucket", f"{shown(uri)} lies in a bucket that is not here")
    path = path_inside(name)
    return str(folder / path), path
