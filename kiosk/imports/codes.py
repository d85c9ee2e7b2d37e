# SPDX-License-Identifier: Apache-2.0
"""The codes that a line of an import can end with, each with what to do. Codes never change."""

from __future__ import annotations

from kiosk.imports.regions import LEAST_SIDE
from kiosk.vision.decode import MAX_BYTES, MAX_PIXELS, MAX_SIDE, MIN_SIDE

_SIZES = (
    f"{MIN_SIDE} to {MAX_SIDE} pixels a side, at most {MAX_PIXELS // 1_000_000} megapixels and "
    f"{MAX_BYTES // 2**20} MB are allowed"
)

HINTS = {
    # The import as a whole.
    "MissingManifest": "put the file increment.meta beside the pictures, or name another --format",
    "NothingToImport": "give each SKU a sub-folder with pictures, or add a list",
    "UnknownForm": "say with --format what it is",
    # One line, by its text.
    "NotUtf8": "save the file as UTF-8",
    "LineTooLong": "a line has at most 65536 bytes, one of a CSV list a million",
    "BadJson": "write one complete JSON object on this line and nothing else",
    "BadColumns": "correct the columns and quotes of this line",
    "BadOperation": "the operation is ADD or DELETE",
    "MissingField": "add the field",
    "BadField": "correct the value",
    "TooManyAttributes": "there are 4 integer and 4 string attributes: their names end at 4",
    "InvalidProductId": "a SKU has 1 to 256 characters, none of them a control character",
    "RoundedNumber": "format the column as text in the spreadsheet, restore it and export again",
    "InvalidPicName": "a picture name has 1 to 256 characters, none of them a control character",
    "InvalidIntAttr": "an integer attribute is a whole number of 64 bits",
    "InvalidStrAttr": "a string attribute has at most 128 characters, all in one line",
    "InvalidCustomContent": "custom content has at most 4096 characters",
    "InvalidCategory": "a category has a name of at most 256 characters, and its number for itself",
    "InvalidRecord": "correct what is said of the SKU",
    "InvalidRegion": f"write x1,x2,y1,y2 in pixels, {LEAST_SIDE} a side up to the whole picture; a "
    "polygon is x,y pairs",
    "UnknownCategory": "use one of the listed categories, or add it to the list",
    # One line, by the picture it names.
    "PathOutsideRoot": "copy the picture into the folder of the import and name it from there",
    "UnknownBucket": "say where its pictures lie with --map gs://BUCKET=DIR",
    "Unreadable": "check the path, with its extension, and the permissions",
    "NotAFile": "name one picture file",
    "Empty": "copy the picture again",
    "TooSmall": f"use a larger picture: {_SIZES}",
    "TooLarge": f"save the picture smaller: {_SIZES}",
    "UnsupportedPicFormat": "save it as JPEG, PNG, BMP, GIF, WebP, TIFF or PPM",
    "Animated": "save the wanted picture alone",
    "Damaged": "save or copy the picture again",
    "RegionOutsidePicture": "correct the region; it counts in pixels of the upright picture",
    "NoPictures": "add a picture of it, or remove it",
    # Applied, but worth knowing.
    "Duplicate": "keep one of them: the later one has overwritten the earlier",
    "Contradiction": "say the same of a SKU in all lines that name it",
    "UnknownField": "check its spelling: it was left out",
    "NestedFolder": "move its pictures up: folders inside a SKU folder are not read",
}
"""What to do, by code. Codes of `kiosk.vision.decode` keep their names, except that its
UnsupportedPicPixels and TooManyBytes are told as TooSmall and TooLarge.
"""


def hint(code: str) -> str:
    """What to do about `code`; empty for an unknown one."""
    return HINTS.get(code, "")
