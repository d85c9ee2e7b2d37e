# SPDX-License-Identifier: Apache-2.0
"""SKUs together with their pictures, one after the other, and what a filter sees of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from kiosk.imports.filter import Filter, row_of
from kiosk.workshop.changes import INTS, STRINGS, Picture, Sku
from kiosk.workshop.repository import Reading


@dataclass(frozen=True, slots=True)
class Item:
    """A SKU with its pictures by name."""

    sku: Sku
    pictures: tuple[Picture, ...]


def items(reading: Reading) -> Iterator[Item]:
    """Every SKU of a snapshot in order; in memory is one at a time."""
    groups = groupby(reading.pictures(), key=lambda picture: picture.sku)
    owner, own = next(groups, ("", iter(())))  # no SKU is empty
    for sku in reading.skus():  # both are in the order of SKUs
        if owner != sku.record.sku:
            yield Item(sku, ())
            continue
        yield Item(sku, tuple(own))
        owner, own = next(groups, ("", iter(())))


def filtered(found: Iterator[Item], wanted: Filter) -> Iterator[Item]:
    """Items with those of their pictures that match; a SKU without pictures matches by itself."""
    for item in found:
        row = row_of(item.sku.record)
        if not item.pictures:
            if wanted.matches(row):
                yield item
            continue
        kept = tuple(one for one in item.pictures if wanted.matches(row | picture_row(one)))
        if kept:
            yield Item(item.sku, kept)


def picture_row(picture: Picture) -> dict[str, int | str]:
    """What a filter sees of a picture beside its SKU."""
    named = zip((*INTS, *STRINGS), (*picture.ints, *picture.strings), strict=True)
    row = {name: value for name, value in named if value is not None}
    return row | {"picture": picture.name, "custom_content": picture.custom}


def as_json(item: Item) -> dict[str, Any]:
    """All that is known of an item, for other programs."""
    record = item.sku.record
    return {
        "sku": record.sku,
        "name": record.name,
        "category": record.category,
        "barcodes": list(record.barcodes),
        "attributes": dict(record.attributes),
        "flip": item.sku.flip,
        "pictures": [_picture(picture) for picture in item.pictures],
    }


def _picture(picture: Picture) -> dict[str, Any]:
    box = picture.region
    body: dict[str, Any] = {"name": picture.name, "sha256": picture.sha256}
    # x's first, as everywhere that regions are typed.
    body["region"] = None if box is None else [box.x1, box.x2, box.y1, box.y2]
    body["custom_content"] = picture.custom
    named = zip((*INTS, *STRINGS), (*picture.ints, *picture.strings), strict=True)
    return body | {name: value for name, value in named if value is not None}
