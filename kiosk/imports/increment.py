# SPDX-License-Identifier: Apache-2.0
"""`increment.meta`: JSON lines of Alibaba Cloud Image Search, both generations, read and written.

    {"OperationType": "ADD", "ProductId": "1000", "PicName": "a/1.jpg", "CategoryId": 0,
     "IntAttr": 0, "StrAttr": "x", "CustomContent": "k1:v1", "Region": "x1,x2,y1,y2"}
    {"operator": "ADD", "item_id": "1000", "cat_id": 0, "cust_content": "k1:v1",
     "pic_list": ["a/1.jpg"]}

One object per line; DELETE without a picture deletes the product. `PicFile` is an addition of this
project: where the bytes lie; PicName is then the picture's name to the letter. A line is read and
judged alone, so a file of any length takes little memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from kiosk.errors import ImportRefused
from kiosk.imports.changes import (
    NO_INTS,
    NO_STRINGS,
    NOTHING,
    SLOTS,
    About,
    Change,
    Line,
    Put,
    Remark,
    Remove,
)
from kiosk.imports.regions import from_text
from kiosk.imports.texts import called, integer, path_inside, picture_name, shown, sku, value

NAME = "increment.meta"
MAX_LINE_BYTES = 65536
_NUMBERS = ("", "2", "3", "4")
INT_NAMES = tuple(f"IntAttr{number}" for number in _NUMBERS)
STRING_NAMES = tuple(f"StrAttr{number}" for number in _NUMBERS)
FIRST = {
    "OperationType": "operation",
    "ProductId": "sku",
    "PicName": "picture",
    "PicFile": "file",
    "CategoryId": "category",
    "CustomContent": "custom",
    "Region": "region",
}
"""Keys of the newer generation by what they mean; attributes apart."""
SECOND = {
    "operator": "operation",
    "item_id": "sku",
    "pic_list": "pictures",
    "cat_id": "category",
    "cust_content": "custom",
    "region": "region",
}
"""Keys of the older generation."""
_MEANING = {
    **FIRST,
    **SECOND,
    **{name: f"int{slot}" for slot, name in enumerate(INT_NAMES)},
    **{name: f"string{slot}" for slot, name in enumerate(STRING_NAMES)},
    **{f"int_attr{number}": f"int{slot}" for slot, number in enumerate(_NUMBERS)},
    **{f"str_attr{number}": f"string{slot}" for slot, number in enumerate(_NUMBERS)},
}
_WRITTEN = {
    meaning: f"{name} ({older})" if older else name
    for name, meaning in FIRST.items()
    for older in [next((key for key, same in SECOND.items() if same == meaning), "")]
}
_WRITTEN["picture"] = "PicName (pic_list)"
_ATTRIBUTES = ("intattr", "strattr", "int_attr", "str_attr")
_SLOTS = range(SLOTS)


def read_increment(path: Path) -> Iterator[Line]:
    """Every line of the file at `path` that is not blank. Raises OSError."""
    with path.open("rb") as file:
        for number, raw in _numbered(file):
            if raw is None:
                reason = f"the line is longer than {MAX_LINE_BYTES} bytes"
                yield Line(NAME, number, failure=Remark("LineTooLong", reason))
                continue
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            raw = raw.strip()
            if raw:
                yield parse(raw, number)


def parse(raw: bytes, number: int) -> Line:
    """One line. Mistakes are told in the value, never raised."""
    try:
        fields, remarks = _fields(raw)
        return Line(NAME, number, _changes(fields), remarks=remarks)
    except ImportRefused as error:
        return Line(NAME, number, failure=Remark(error.code, str(error)))


def _numbered(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Lines counted from 1; None for one that is too long, which is skipped piece by piece."""
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 2):
        number += 1
        if len(raw) <= MAX_LINE_BYTES or raw.endswith(b"\n"):
            yield number, raw
            continue
        while raw and not raw.endswith(b"\n"):
            raw = file.readline(MAX_LINE_BYTES)
        yield number, None


def _fields(raw: bytes) -> tuple[dict[str, Any], tuple[Remark, ...]]:
    """Values by meaning, null left out, and remarks about keys that nobody knows."""
    try:
        pairs = _decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ImportRefused("NotUtf8", f"byte {error.start + 1} is no UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ImportRefused("BadJson", f"no JSON object: {error}") from error
    if not isinstance(pairs, _Pairs):
        raise ImportRefused("BadJson", f"{shown(pairs)} is no JSON object")
    fields: dict[str, Any] = {}
    remarks = []
    for key, given in pairs:
        meaning = _MEANING.get(key)
        if meaning is None:
            if key.lower().startswith(_ATTRIBUTES):
                raise ImportRefused("TooManyAttributes", f"there is no attribute {shown(key)}")
            remarks.append(Remark("UnknownField", f"{shown(key)} is no known field"))
        elif meaning in fields:
            raise ImportRefused("BadJson", f"{shown(key)} is given twice")
        elif given is not None:
            fields[meaning] = given
    return fields, tuple(remarks)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written: keys that stand twice are seen."""


_decode = json.JSONDecoder(object_pairs_hook=_Pairs).decode


def _changes(fields: Mapping[str, Any]) -> tuple[Change, ...]:
    operation = _text(fields, "operation").upper()
    product = sku(_text(fields, "sku"))
    pictures = _pictures(fields)
    if operation == "DELETE":
        if not pictures:
            return (Remove(product),)
        return tuple(Remove(product, called(name, product)) for name in pictures)
    if operation != "ADD":
        raise ImportRefused("BadOperation", f"the operation is {shown(operation)}")
    if not pictures:
        raise ImportRefused("MissingField", f"{_WRITTEN['picture']} is missing")
    category = _optional(fields, "category")
    about = About(category=category) if category else NOTHING
    region = _optional(fields, "region")
    placed = from_text(region) if region else None
    custom = _optional(fields, "custom")
    ints, strings = _attributes(fields)
    file = _optional(fields, "file")
    if file and len(pictures) > 1:
        raise ImportRefused("BadField", "PicFile names one file, and there are several pictures")
    if file:
        names = [(picture_name(pictures[0]), path_inside(file))]
    else:
        names = [(called(name, product), path_inside(name)) for name in pictures]
    return tuple(
        Put(product, name, path, placed, about, custom, ints, strings) for name, path in names
    )


def _attributes(
    fields: Mapping[str, Any],
) -> tuple[tuple[int | None, ...], tuple[str | None, ...]]:
    ints = tuple(
        integer(fields[f"int{slot}"], INT_NAMES[slot]) if f"int{slot}" in fields else None
        for slot in _SLOTS
    )
    strings = tuple(_optional(fields, f"string{slot}") or None for slot in _SLOTS)
    return (
        NO_INTS if ints == NO_INTS else ints,
        NO_STRINGS if strings == NO_STRINGS else strings,
    )


def _pictures(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of pictures, each once; empty when none is given."""
    names = fields.get("pictures", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ImportRefused("BadField", f"pic_list is {shown(names)}, not a list of names")
    if "picture" in fields:
        names = [*names, _text(fields, "picture")]
    if not all(names):
        raise ImportRefused("InvalidPicName", "the name of a picture is empty")
    return tuple(dict.fromkeys(names))


def _text(fields: Mapping[str, Any], meaning: str) -> str:
    """A text that must be there."""
    found = _optional(fields, meaning)
    if not found:
        raise ImportRefused("MissingField", f"{_WRITTEN[meaning]} is missing or empty")
    return found


def _optional(fields: Mapping[str, Any], meaning: str) -> str:
    """A text, also one written as a whole number; empty when it is not given."""
    given = fields.get(meaning, "")
    if isinstance(given, str):
        return value(given)
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    raise ImportRefused(
        "BadField", f"{_WRITTEN.get(meaning, 'a string attribute')} is {shown(given)}, not a text"
    )


def written(
    *,
    product: str,
    picture: str,
    file: str,
    category: str | int | None,
    region: str,
    custom: str,
    ints: tuple[int | None, ...],
    strings: tuple[str | None, ...],
) -> str:
    """The line, without its end, that `parse` reads back to the same."""
    plain = called(file, product) == picture
    fields: dict[str, Any] = {"OperationType": "ADD", "ProductId": product}
    fields["PicName"] = file if plain else picture
    if not plain:
        fields["PicFile"] = file
    if category not in (None, ""):
        fields["CategoryId"] = category
    fields |= {n: number for n, number in zip(INT_NAMES, ints, strict=True) if number is not None}
    fields |= {n: text for n, text in zip(STRING_NAMES, strings, strict=True) if text}
    if custom:
        fields["CustomContent"] = custom
    if region:
        fields["Region"] = region
    return json.dumps(fields, ensure_ascii=False)
