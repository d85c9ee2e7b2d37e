# SPDX-License-Identifier: Apache-2.0
"""Expected lists as text: CSV out of another program, or codes typed and scanned one by one.

`sku,quantity` or `barcode,quantity[,name]`, with or without a header, separated by commas,
semicolons, tabs or bars. One column of codes is a scanned list: equal codes are added up.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from kiosk.errors import OrderError
from kiosk.orders.draft import MAX_LINES, Row

DELIMITERS = ";\t|,"
"""A decimal comma must not win over a semicolon."""
NAMES = {
    "sku": ("sku", "article", "article number", "item", "item number", "artikel", "artikelnummer"),
    "barcode": ("barcode", "ean", "gtin", "upc", "ean13", "code"),
    "quantity": ("quantity", "qty", "count", "pieces", "amount", "menge", "anzahl", "stück"),
    "text": ("name", "text", "description", "title", "bezeichnung", "beschreibung"),
}
_ROLES = {name: role for role, names in NAMES.items() for name in names}
_POSITIONS = ("code", "quantity", "text")
"""Columns of a list without a header."""
_WHOLE = re.compile(r"(\d{1,9})([.,]0{1,2})?")


def rows_of_text(text: str) -> list[Row]:
    """The rows of a list, unchecked but for its form. Raises OrderError: bad_list."""
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise OrderError(
            "bad_list", "this is no text: save the list as CSV (UTF-8) and send that file"
        )
    table = _cells(text)
    if not table:
        return []
    roles = _header(table[0][1])
    if roles:
        table = table[1:]
        if not {"sku", "barcode"} & set(roles):
            raise OrderError(
                "bad_list", "the header names no column sku or barcode: name one of them so"
            )
    if len(table) > MAX_LINES:
        raise OrderError(
            "too_many_lines", f"{len(table)} lines: an order has at most {MAX_LINES}; split it"
        )
    widest = max((len(cells) for _, cells in table), default=0)
    if widest == 1 and (not roles or "quantity" not in roles):
        return _scanned(table, roles[0] if roles else "code")
    return [_row(number, cells, roles or _POSITIONS) for number, cells in table]


def _cells(text: str) -> list[tuple[int, list[str]]]:
    """Line number and cells of every line that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    table = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                table.append((reader.line_num, cells))
    except csv.Error as error:
        raise OrderError(
            "bad_list",
            f"line {reader.line_num}: {error}; look for a quote that is not closed",
        ) from error
    return table


def _delimiter(text: str) -> str:
    """The one that parts the first line that is not empty; most often wins, outside quotes."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    best = max(DELIMITERS, key=bare.count)
    return best if bare.count(best) else ","


def _header(cells: Sequence[str]) -> tuple[str, ...]:
    """What each column holds, when the first line says so; empty when it is a line like others."""
    roles = tuple(_ROLES.get(cell.casefold(), "") for cell in cells)
    return roles if any(roles) and not any(map(_WHOLE.fullmatch, cells)) else ()


def _scanned(table: list[tuple[int, list[str]]], role: str) -> list[Row]:
    times: dict[str, int] = {}
    places: dict[str, int] = {}
    for number, (code,) in table:
        times[code] = times.get(code, 0) + 1
        places.setdefault(code, number)
    return [
        Row(f"line {places[code]}", quantity, **{role: code}) for code, quantity in times.items()
    ]


def _row(number: int, cells: Sequence[str], roles: Sequence[str]) -> Row:
    # A role that comes twice keeps its first column that is filled.
    fields: dict[str, str] = {}
    for role, cell in zip(roles, cells, strict=False):
        if role and not fields.get(role):
            fields[role] = cell
    written = fields.pop("quantity", "1" if "quantity" not in roles else "")
    whole = _WHOLE.fullmatch(written)
    return Row(f"line {number}", int(whole[1]) if whole else written, **fields)
