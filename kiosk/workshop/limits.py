# SPDX-License-Identifier: Apache-2.0
"""What a workshop can store: one rule for all databases, told before anything is written."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from kiosk.catalog.tables import is_plain, sku_id
from kiosk.imports.regions import too_small
from kiosk.values import MOST_CUSTOM, Box
from kiosk.workshop.changes import (
    INTS,
    STRINGS,
    Change,
    Picture,
    PutCategory,
    PutPicture,
    PutSku,
    RemovePicture,
)

MOST_NAME, MOST_TEXT, MOST_BARCODES = 256, 128, 64
MOST_ATTRIBUTES, MOST_VALUE = 64, 4096
_INT64 = range(-(2**63), 2**63)
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why a change cannot be made. `code` is stable across versions."""

    code: str
    text: str


def mistake(change: Change) -> Mistake | None:
    """What is wrong with a change; None: it can be stored.

    Codes: InvalidProductId, InvalidPicName, InvalidCategory, InvalidRegion, InvalidIntAttr,
    InvalidStrAttr, InvalidCustomContent, InvalidRecord.
    """
    if isinstance(change, PutCategory):
        return _category(change.name) or (
            Mistake("InvalidCategory", "a category needs a name") if not change.name else None
        )
    sku = change.picture.sku if isinstance(change, PutPicture) else change.sku
    wrong = _sku(sku)
    if wrong is None and isinstance(change, PutPicture):
        wrong = _picture(change.picture)
    if wrong is None and isinstance(change, RemovePicture):
        wrong = _text("InvalidPicName", "the picture name", change.name, MOST_NAME, least=1)
    if wrong is None and isinstance(change, PutSku):
        wrong = _record(change)
    return wrong


def outside(region: Box, width: int, height: int) -> Mistake | None:
    """What is wrong with a region in an upright picture of this size; None: it lies in it
    and is not smaller than an item can be.
    """
    sides = (region.x1, region.y1, region.x2, region.y2)
    if not all(math.isfinite(side) for side in sides):
        return Mistake("InvalidRegion", "the region holds something that is no number")
    inside = 0 <= region.x1 < region.x2 <= width and 0 <= region.y1 < region.y2 <= height
    if inside:
        small = too_small(region)
        return Mistake("InvalidRegion", small) if small else None
    told = f"x {region.x1:g} to {region.x2:g}, y {region.y1:g} to {region.y2:g}"
    return Mistake(
        "InvalidRegion",
        f"the region ({told}) does not lie in the picture of {width}x{height} pixels; "
        "give x1,x2,y1,y2 with x1 < x2 and y1 < y2",
    )


def _sku(sku: str) -> Mistake | None:
    try:
        same = sku_id(sku) == sku
    except ValueError as error:
        return Mistake("InvalidProductId", str(error))
    if same:
        return None
    return Mistake("InvalidProductId", f"the SKU {sku!r} is not in its usual form; pass sku_id(…)")


def _picture(picture: Picture) -> Mistake | None:
    if not _SHA256.fullmatch(picture.sha256):
        return Mistake("InvalidPicName", f"{picture.sha256!r} is no sha256 in hexadecimal digits")
    numbers = [value for value in picture.ints if value is not None]
    wrong = _text("InvalidPicName", "the picture name", picture.name, MOST_NAME, least=1)
    if wrong is None and picture.region is not None:
        wrong = outside(picture.region, 2**31, 2**31)
    if wrong is None and len(picture.ints) != len(INTS):
        wrong = Mistake("InvalidIntAttr", f"there are {len(INTS)} numbers")
    for number in numbers:
        if wrong is None and number not in _INT64:
            wrong = Mistake("InvalidIntAttr", f"{str(number)[:40]} has more than 64 bits")
    if wrong is None and len(picture.strings) != len(STRINGS):
        wrong = Mistake("InvalidStrAttr", f"there are {len(STRINGS)} texts")
    for text in picture.strings:
        wrong = wrong or _text("InvalidStrAttr", "the text attribute", text or "", MOST_TEXT)
    custom = picture.custom
    return wrong or _text("InvalidCustomContent", "the custom content", custom, MOST_CUSTOM, True)


def _record(change: PutSku) -> Mistake | None:
    wrong = _text("InvalidRecord", "the name", change.name or "", MOST_NAME)
    wrong = wrong or _category(change.category or "")
    if len(change.barcodes or ()) > MOST_BARCODES or len(change.attributes) > MOST_ATTRIBUTES:
        return wrong or Mistake(
            "InvalidRecord",
            f"a SKU has at most {MOST_BARCODES} barcodes and {MOST_ATTRIBUTES} attributes",
        )
    for code in change.barcodes or ():
        wrong = wrong or _text("InvalidRecord", "the barcode", code, MOST_NAME, least=1)
    for name, value in change.attributes:
        wrong = wrong or _text("InvalidRecord", "an attribute's name", name, MOST_NAME, least=1)
        wrong = wrong or _text("InvalidRecord", f"the attribute {name}", value, MOST_VALUE, True)
    return wrong


def _category(name: str) -> Mistake | None:
    return _text("InvalidCategory", "the category", name, MOST_NAME)


def _text(
    code: str, what: str, text: str, most: int, lines: bool = False, least: int = 0
) -> Mistake | None:
    """`lines`: it may have several, and tabs."""
    if not least <= len(text) <= most:
        return Mistake(code, f"{what} has {len(text)} characters, allowed are {least} to {most}")
    if not is_plain(re.sub(r"[\t\r\n]", " ", text) if lines else text):
        return Mistake(code, f"{what} {text!r} holds a control character or broken text")
    return None
