# SPDX-License-Identifier: Apache-2.0
"""From what somebody sent to the lines of an order: checked whole, never half a list.

Everything that is wrong is said at once, each with its place. Nothing is guessed but what a bare
code is: a SKU the catalog knows, else a barcode when its check digit is right, else a SKU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kiosk.barcode import is_gtin
from kiosk.errors import OrderError
from kiosk.orders.values import Line

MAX_LINES = 1_000
MAX_QUANTITY = 99_999
MAX_TEXT = 200
MAX_NUMBER = 80
MOST_MISTAKES = 20
"""Said at once; a list with more is the wrong file."""

KnownSku = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One line as it was written, with its place in what was sent."""

    place: str
    """Such as "line 3" or "lines[2]"."""
    quantity: object
    sku: object = ""
    barcode: object = ""
    text: object = ""
    code: object = ""
    """A SKU or a barcode: nobody said which."""


def order_number(value: object) -> str:
    """What people call the order. Raises OrderError: bad_number."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > MAX_NUMBER or not text.isprintable():
        raise OrderError(
            "bad_number",
            f"the order needs a number or name: 1 to {MAX_NUMBER} characters of one line of text",
        )
    return text


def rows_of(body: object) -> list[Row]:
    """The rows of a JSON list of objects. Raises OrderError: bad_list."""
    if not isinstance(body, list):
        raise OrderError(
            "bad_list", 'the list must be an array such as [{"sku": "A-1", "quantity": 2}]'
        )
    rows, mistakes = [], []
    for at, item in enumerate(body):
        place = f"lines[{at}]"
        if not isinstance(item, dict):
            mistakes.append(f'{place}: must be an object such as {{"sku": "A-1"}}')
            continue
        fields: dict[str, Any] = {str(name): value for name, value in item.items()}
        strange = set(fields) - {"sku", "barcode", "code", "quantity", "text"}
        if strange:
            mistakes.append(
                f"{place}: {sorted(strange)[0][:MAX_TEXT]!r} means nothing here; use sku, barcode, "
                "code, quantity, text"
            )
            continue
        rows.append(Row(place, **{"quantity": 1, **fields}))
    _refuse(mistakes)
    return rows


def lines_of(rows: list[Row], known: KnownSku) -> tuple[Line, ...]:
    """The lines of an order. Raises OrderError: bad_list with every mistake, too_many_lines."""
    if not rows:
        raise OrderError("bad_list", "the list is empty: it needs at least one line")
    if len(rows) > MAX_LINES:
        raise OrderError(
            "too_many_lines", f"{len(rows)} lines: an order has at most {MAX_LINES}; split it"
        )
    lines: list[Line] = []
    mistakes = []
    for row in rows:
        wrong = _mistake(row)
        if wrong:
            mistakes.append(f"{row.place}: {wrong}")
        else:
            lines.append(_line(row, len(lines) + 1, known))
    _refuse(mistakes)
    return tuple(lines)


def _mistake(row: Row) -> str:
    """What is wrong with a row, in words; empty when nothing is."""
    for name in ("sku", "barcode", "code", "text"):
        value = getattr(row, name)
        if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
            return f"{name} must be one line of text of at most {MAX_TEXT} characters"
    if not any(str(value).strip() for value in (row.sku, row.barcode, row.code)):
        return "needs a sku or a barcode"
    number = row.quantity
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_QUANTITY:
        return f"quantity must be a whole number from 1 to {MAX_QUANTITY}, not {_shown(number)}"
    return ""


def _line(row: Row, number: int, known: KnownSku) -> Line:
    sku, barcode, code, text = (
        str(value).strip() for value in (row.sku, row.barcode, row.code, row.text)
    )
    if code and not (sku or barcode):
        if is_gtin(code) and not known(code):
            barcode = code
        else:
            sku = code
    assert isinstance(row.quantity, int)
    return Line(number, row.quantity, sku, barcode, text)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _refuse(mistakes: list[str]) -> None:
    if not mistakes:
        return
    kept = tuple(mistakes[:MOST_MISTAKES])
    if len(mistakes) > MOST_MISTAKES:
        kept += (f"and {len(mistakes) - MOST_MISTAKES} more",)
    raise OrderError("bad_list", "nothing of this list was taken: put these right", kept)
