# SPDX-License-Identifier: Apache-2.0
"""Barcodes on an item: read from the pixels, brought to one form, looked up among the records.

Rule: a code is either read whole, with its check digits right, or not at all; nothing is guessed.
Measured: 8,290 photos of groceries, waste, clothes and jewellery give at most one code, and it is
there. Of 1,925 drawn bar codes at any angle, 0.9 to 3 pixels a bar, blurred and noisy, 1,002 are
read and none wrongly; of reads that are not confirmed 1 in 100 is another article.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from kiosk.values import Box, Code, Pixels, Record
from kiosk.vision.boxes import clip, grown, grown_square, within
from kiosk.vision.image import crop, resize, rotated

MARGIN = 0.15
"""Looked at around an item's box, of its sides: a hang tag, or a label at the very edge."""
_INSIDE = 0.8
"""Share of an item's box from which on it lies in another's."""
MAX_CHARS = 512
"""A longer text names no article: it is cut, and marked as cut."""
MOST_ENLARGED_PX = 1000
"""Longer side of a picture that is enlarged for small codes."""
_ENLARGED = 2
_DIAGONAL = 45.0
_TURNS = (-6.0, 6.0, -12.0, 12.0)
_ALIKE = 2
"""Of the reads from these sides, at least so many must say the same, and none another thing."""
_SQUARE = ("QR Code", "Data Matrix")
_F = zxingcpp.BarcodeFormat
# Without UPC-E: half of an EAN-13, seen aslant, reads as one.
_BARS = [_F.EAN13, _F.EAN8, _F.UPCA, _F.Code128, _F.Code39, _F.ITF]
_LINEAR = zxingcpp.BarcodeFormats(_BARS)
_ALL = zxingcpp.BarcodeFormats([*_BARS, _F.QRCode, _F.DataMatrix])

Corners = NDArray[np.float64]
"""(4, 2) x, y."""

_GTIN_LENGTHS = (8, 12, 13, 14)
_ELEMENT = re.compile(r"\(01\)(\d{14})(?!\d)")
_LINK = re.compile(r"https?://[^/?#]+/(?:[^?#]*/)?(?:01|gtin)/(\d{8}|\d{12,14})(?:[/?#]|$)", re.I)


def read(pixels: Pixels, box: Box | None = None) -> tuple[Code, ...]:
    """Codes in a BGR uint8 (H, W, 3) picture, from the top down, each text once.

    With a `box` only what lies on that item or close to it. EAN-13, EAN-8, UPC-A (an EAN-13 that
    begins with 0), Code 128, Code 39, ITF-14, QR Code and Data Matrix, at any angle. Boxes are in
    pixels of the whole picture; that of bars may be the one line they were read along. Raises
    ImageError when the box lies outside.
    """
    height, width = pixels.shape[:2]
    whole = Box(0, 0, width, height)
    area = clip(grown(box, MARGIN), width, height) if box is not None else whole
    area = Box(*(float(round(value)) for value in (area.x1, area.y1, area.x2, area.y2)))
    cut = np.ascontiguousarray(crop(pixels, area, 0))
    found = _found(cut)
    if not found and max(cut.shape[:2]) * _ENLARGED <= MOST_ENLARGED_PX:
        larger = resize(cut, cut.shape[1] * _ENLARGED, cut.shape[0] * _ENLARGED)
        found = [_shifted(code, 0, 0, _ENLARGED) for code in _found(larger)]
    placed = [_shifted(code, area.x1, area.y1, 1) for code in found]
    placed.sort(key=lambda code: (code.box.y1, code.box.x1, code.symbology, code.text))
    return tuple({(code.text, code.symbology): code for code in reversed(placed)}.values())[::-1]


def on_item(codes: Iterable[Code], item: Box, others: Iterable[Box]) -> tuple[Code, ...]:
    """Those of the codes that are this item's, and surely no neighbour's.

    A code on several items is that of the one which lies on, or in, all others; a code beside them
    that of the nearest. What may be of either is nobody's.
    """
    rest = [other for other in others if other != item]
    return tuple(code for code in codes if _is_on(code.box, item, rest))


def _is_on(code: Box, item: Box, others: Sequence[Box]) -> bool:
    here = _away_px(code, item)
    rivals = [other for other in others if _away_px(code, other) <= here]
    if here > 0:
        return not rivals
    return all(item.area < other.area and within(item, other) >= _INSIDE for other in rivals)


def _away_px(code: Box, item: Box) -> float:
    """From the middle of a code to an item's box; 0 inside it."""
    x, y = code.centre
    return math.hypot(max(item.x1 - x, x - item.x2, 0.0), max(item.y1 - y, y - item.y2, 0.0))


def _found(cut: Pixels) -> list[Code]:
    """Codes of a picture that are beyond doubt. The reader knows two directions of bars, so a
    second try is made across them.
    """
    for angle, kinds in ((0.0, _ALL), (_DIAGONAL, _LINEAR)):
        codes = [code for code in _seen(cut, angle, kinds) if _certain(cut, code, angle)]
        if codes:
            return codes
    return []


def _certain(cut: Pixels, code: Code, angle: float) -> bool:
    """Square codes mend their own errors. One bad line through bars may read as another article in
    one of ten cases, for all its check digit: they count when read alike from other sides, and
    nothing else is read there.
    """
    if code.symbology in _SQUARE:
        return True
    height, width = cut.shape[:2]
    near = clip(grown_square(code.box, 0.25), width, height)
    region = np.ascontiguousarray(crop(cut, near, 0))
    reads = [each for turn in _TURNS for each in _seen(region, angle + turn, _LINEAR)]
    alike = sum(each.text == code.text for each in reads)
    return alike >= _ALIKE and alike == len(reads)


def _seen(cut: Pixels, angle: float, kinds: zxingcpp.BarcodeFormats) -> list[Code]:
    """What is read when the picture is turned clockwise by `angle` degrees."""
    height, width = cut.shape[:2]
    if angle == 0:
        return [
            code
            for barcode in zxingcpp.read_barcodes(cut, formats=kinds)
            for code in _code(barcode, _corners(barcode))
        ]
    radians = math.radians(angle)
    cos, sin = math.cos(radians), math.sin(radians)
    rows = max(height, math.ceil(width * abs(sin) + height * abs(cos)))
    columns = max(width, math.ceil(width * abs(cos) + height * abs(sin)))
    left, top = (columns - width) // 2, (rows - height) // 2
    canvas = np.full((rows, columns, 3), 127, np.uint8)
    canvas[top : top + height, left : left + width] = cut
    middle = np.array([columns / 2, rows / 2])
    back = np.array([[cos, -sin], [sin, cos]])
    codes = []
    for barcode in zxingcpp.read_barcodes(rotated(canvas, angle), formats=kinds):
        corners = (_corners(barcode) - middle) @ back + middle - (left, top)
        codes += _code(barcode, np.clip(corners, 0, (width, height)))
    return codes


def _corners(barcode: zxingcpp.Barcode) -> Corners:
    at = barcode.position
    points = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
    return np.array([(point.x, point.y) for point in points], np.float64)


def _code(barcode: zxingcpp.Barcode, corners: Corners) -> list[Code]:
    """The code at these corners, or nothing where what was read is no code of an article."""
    text = barcode.text.strip()
    # ITF is read as the article number of a case (ITF-14) only: a part of it is valid ITF too.
    article = barcode.symbology in (_F.EANUPC, _F.ITF)
    checked = is_gtin(text) and (barcode.symbology != _F.ITF or len(text) == max(_GTIN_LENGTHS))
    # Stripes read as zeros throughout, whose check digit happens to be right.
    if not barcode.valid or not text.strip("0") or (article and not checked):
        return []
    (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
    box = Box(float(x1), float(y1), float(x2), float(y2))
    return [Code(printable(text), str(barcode.format), box)]


def _shifted(code: Code, dx: float, dy: float, scale: float) -> Code:
    box = code.box
    x1, y1, x2, y2 = (value / scale for value in (box.x1, box.y1, box.x2, box.y2))
    return Code(code.text, code.symbology, Box(x1 + dx, y1 + dy, x2 + dx, y2 + dy))


def printable(text: str) -> str:
    """What may be shown and logged: nothing that steers a page or a terminal, never over-long."""
    clean = "".join(each if each.isprintable() else f"<U+{ord(each):04X}>" for each in text)
    return clean if len(clean) <= MAX_CHARS else clean[: MAX_CHARS - 1] + "…"


def is_gtin(text: str) -> bool:
    """True for 8, 12, 13 or 14 digits, the last of which is the right check digit."""
    if len(text) not in _GTIN_LENGTHS or not (text.isascii() and text.isdigit()):
        return False
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(text[::-1]))
    return weighted % 10 == 0


def normalised(text: str) -> str:
    """The form in which codes are compared, whatever symbol carried them.

    An article number (GTIN) becomes its 14 digits: out of an EAN or UPC code, a GS1 element string
    "(01)…", a GS1 digital link, or plain digits, also with blanks or hyphens between them. Anything
    else stays as it is, without blanks around it. A wrong check digit makes no article number.
    """
    text = text.strip()
    inside = _ELEMENT.match(text) or _LINK.match(text)
    digits = inside.group(1) if inside else re.sub(r"(?<=\d)[ -](?=\d)", "", text)
    return digits.zfill(14) if is_gtin(digits) else text


def filed(records: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    """SKUs by normalised barcode, for `skus_of`; several SKUs may share a code."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for barcode in record.barcodes:
            found.setdefault(normalised(barcode), {})[record.sku] = None
    return {code: tuple(skus) for code, skus in found.items()}


def skus_of(codes: Sequence[Code], table: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The SKUs that a table files under these codes, those of one item; empty: none is known.

    Codes that the table does not know say nothing. Where several are known the SKUs that all of
    them name count; if there is no such SKU, all that any of them names.
    """
    known = [table[key] for key in (normalised(code.text) for code in codes) if key in table]
    if not known:
        return ()
    every = tuple(dict.fromkeys(sku for skus in known for sku in skus))
    common = tuple(sku for sku in every if all(sku in skus for skus in known))
    return common or every
