# SPDX-License-Identifier: Apache-2.0
"""Regions as the import formats write them, and their place in a picture. Raises ImportRefused.

Note the order of increment.meta: both x's first. "20,40,60,80" is x from 20 to 40, y from 60 to 80.
"""

from __future__ import annotations

import math
import re

from kiosk.errors import ImportRefused
from kiosk.imports.changes import Region
from kiosk.values import Box

_NUMBER = r"\s*(\d{1,6}(?:\.\d{1,16})?)\s*"
_FOUR = re.compile(",".join([_NUMBER] * 4), re.ASCII)
_MOST_NUMBERS = 64
LEAST_SIDE = 8
"""Pixels: what is smaller is a mistake, such as `0,0,1,1` for the whole picture, and no item."""
_LARGEST = 1e6


def from_text(text: str) -> Region:
    """`x1,x2,y1,y2` in pixels; whole ones, as others write them, or not."""
    found = _FOUR.fullmatch(text)
    if found is None:
        raise ImportRefused("InvalidRegion", f"the region is {text[:40]!r}, not four numbers")
    x1, x2, y1, y2 = map(float, found.groups())
    if x1 >= x2 or y1 >= y2:
        raise ImportRefused(
            "InvalidRegion",
            f"the region {text[:40]!r} is empty: x from {x1} to {x2}, y {y1} to {y2}",
        )
    return Region(x1, y1, x2, y2)


def to_text(box: Box) -> str:
    """A region as `from_text` reads it back to the same."""
    return ",".join(map(_short, (box.x1, box.x2, box.y1, box.y2)))


def is_whole(box: Box) -> bool:
    """Its sides are whole pixels, which is all that a polygon can say."""
    return all(float(side).is_integer() for side in (box.x1, box.y1, box.x2, box.y2))


def from_polygon(text: str) -> Region:
    """`x,y,x,y,…`: the upright rectangle around them. Whole numbers are pixels; with a decimal
    point, all from 0 to 1, they are fractions of the picture.
    """
    cells = text.split(",")
    if len(cells) < 4 or len(cells) % 2 or len(cells) > _MOST_NUMBERS:
        raise ImportRefused(
            "InvalidRegion",
            f"the polygon has {len(cells)} numbers; at least two x,y pairs are needed",
        )
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError as error:
        raise ImportRefused("InvalidRegion", f"the polygon is {text[:60]!r}: {error}") from error
    if not all(math.isfinite(number) and 0 <= number <= _LARGEST for number in numbers):
        raise ImportRefused("InvalidRegion", f"the polygon {text[:60]!r} has a number out of range")
    relative = any("." in cell or "e" in cell.lower() for cell in cells)
    if relative and max(numbers) > 1:
        raise ImportRefused(
            "InvalidRegion", f"the polygon {text[:60]!r} mixes pixels and fractions of the picture"
        )
    xs, ys = numbers[::2], numbers[1::2]
    if min(xs) == max(xs) or min(ys) == max(ys):
        raise ImportRefused("InvalidRegion", f"the polygon {text[:60]!r} covers nothing")
    return Region(min(xs), min(ys), max(xs), max(ys), relative)


def to_polygon(box: Box) -> str:
    """A region in whole pixels as the four corners that `from_polygon` reads."""
    x1, y1, x2, y2 = (round(side) for side in (box.x1, box.y1, box.x2, box.y2))
    return f"{x1},{y1},{x2},{y1},{x2},{y2},{x1},{y2}"


def placed(region: Region, width: int, height: int) -> Box:
    """The region in whole pixels of a picture of this size."""
    x1, y1, x2, y2 = region.x1, region.y1, region.x2, region.y2
    if region.relative:
        x1, x2, y1, y2 = x1 * width, x2 * width, y1 * height, y2 * height
        # Outwards, so that a thin one does not vanish.
        x1, y1, x2, y2 = math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2)
    if x2 > width or y2 > height:
        raise ImportRefused(
            "RegionOutsidePicture",
            f"the region reaches x {x2:.0f}, y {y2:.0f}; the picture has {width}x{height} pixels",
        )
    box = Box(float(x1), float(y1), float(x2), float(y2))
    small = too_small(box)
    if small:
        raise ImportRefused("InvalidRegion", small)
    return box


def too_small(box: Box) -> str:
    """That a region has less than LEAST_SIDE pixels a side, in words; empty: it has not."""
    width, height = box.x2 - box.x1, box.y2 - box.y1
    if min(width, height) >= LEAST_SIDE:
        return ""
    return (
        f"the region has {width:g}x{height:g} pixels; at least {LEAST_SIDE}x{LEAST_SIDE} are needed"
    )


def _short(number: float) -> str:
    return repr(int(number)) if float(number).is_integer() else repr(float(number))
