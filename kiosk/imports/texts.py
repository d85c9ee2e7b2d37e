# SPDX-License-Identifier: Apache-2.0
"""One form for every text of an import, so that four ways in give the same rows.

Texts are trimmed and their line ends are `\\n`; an empty text is no text. How long a text may be is
for whoever stores it. Every function raises ImportRefused.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata

from kiosk.catalog.tables import sku_id
from kiosk.errors import ImportRefused

_INTEGER = re.compile(r"\s*-?[0-9]{1,20}\s*")
_ROUNDED = re.compile(r"[0-9][.,][0-9]+E\+[0-9]{2,3}", re.IGNORECASE)
_SHOWN = 60


def sku(text: str) -> str:
    """A usable SKU id."""
    try:
        return sku_id(text)
    except ValueError as error:
        raise ImportRefused("InvalidProductId", str(error)) from error


def is_rounded(text: str) -> bool:
    """A number as spreadsheets show a long one, `4,00638E+12`: its last digits are lost, and many
    numbers look the same. What has no decimal separator or no `+`, such as `1E5`, may be an id.
    """
    return _ROUNDED.fullmatch(text) is not None


def unrounded(text: str, what: str) -> str:
    """The text, unless a spreadsheet has rounded it; `what` is for the refusal."""
    if is_rounded(text):
        raise ImportRefused("RoundedNumber", f"{what} is {text}: a spreadsheet has rounded it")
    return text


def picture_name(text: str) -> str:
    """A picture name in one Unicode form."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def called(path: str, sku_of_it: str) -> str:
    """What a picture at `path` is called: pictures in a folder of their SKU by what is below it,
    as its name is unique within its SKU anyway. So all forms call it the same.
    """
    return picture_name(path).removeprefix(f"{sku_of_it}/") or path


def path_inside(text: str) -> str:
    """A relative path with `/` and no detours. The file system is not asked."""
    path = text.replace("\\", "/")
    if "//" in path or "/." in path or path.startswith("./") or path.endswith("/"):
        path = posixpath.normpath(path)
    if path.startswith(("/", "../")) or path in ("", "..", ".") or path[1:3] == ":/":
        raise ImportRefused(
            "PathOutsideRoot", f"{shown(text)} leads out of the folder of the import"
        )
    return path


def value(text: str) -> str:
    """A text that may have several lines; empty when there is nothing in it."""
    clean = text.strip()
    if "\r" in clean:
        clean = clean.replace("\r\n", "\n").replace("\r", "\n")
    return clean


def integer(given: object, what: str, code: str = "InvalidIntAttr") -> int:
    """A whole number, also one written as text; `what` and `code` are for the refusal."""
    number = given
    if isinstance(given, str) and _INTEGER.fullmatch(given):
        number = int(given)
    if not isinstance(number, int) or isinstance(number, bool):
        raise ImportRefused(code, f"{what} is {shown(given)}, not a whole number")
    return number


def storable(text: str) -> str:
    """A message that every database takes: what is no plain text, such as half a character from the
    name of a file, is escaped.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in "\n\t" else repr(each)[1:-1] for each in text
    )


def shown(given: object) -> str:
    """A value as messages show it: one short line."""
    text = repr(given)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
