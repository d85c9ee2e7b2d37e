# SPDX-License-Identifier: Apache-2.0
"""Lists of categories, `number,name` with a header: what CategoryId means, and which there are."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from kiosk.errors import ImportRefused
from kiosk.imports.lists import columns_of
from kiosk.imports.rows import read_rows
from kiosk.imports.texts import integer, shown, value

Categories = Mapping[str, int | None]
"""Number by name; an empty one means that any category will do."""


def read_categories(path: Path) -> dict[str, int | None]:
    """The list at `path`. Raises OSError; ImportRefused naming the line."""
    columns = columns_of(path)
    if "name" not in columns.names:
        raise ImportRefused("BadColumns", f"{path}: a list of categories needs the column `name`")
    found: dict[str, int | None] = {}
    rows = read_rows(path, columns.separator)
    next(rows, None)
    for row in rows:
        where = f"{path} line {row.number}"
        if row.failure is not None:
            raise ImportRefused(row.failure.code, f"{where}: {row.failure.reason}")
        cells = dict(zip(columns.names, row.cells, strict=False))
        name, number = value(cells.get("name", "")), cells.get("number", "")
        if not name or name in found:
            raise ImportRefused("BadField", f"{where}: {shown(name)} is empty or there already")
        found[name] = integer(number, where, "BadField") if number else None
    shared = shared_number(found)
    if shared:
        raise ImportRefused("InvalidCategory", f"{path}: {shared}")
    return found


def shared_number(categories: Categories) -> str:
    """Which number two categories have, so that CategoryId could mean either; empty: none."""
    names: dict[int, str] = {}
    for name, number in categories.items():
        if number is not None and names.setdefault(number, name) != name:
            first, second = shown(names[number]), shown(name)
            return f"the number {number} is that of two categories, {first} and {second}"
    return ""


class CategoryNames:
    """What a category is called, whichever way a line names it."""

    def __init__(self, known: Categories) -> None:
        self._known = known
        self._by_number = {
            str(number): name for name, number in known.items() if number is not None
        }

    def name(self, given: str) -> str:
        """Raises ImportRefused when there is a list and it has no such category."""
        if not self._known or given in self._known:
            return given
        if given in self._by_number:
            return self._by_number[given]
        near = difflib.get_close_matches(given, [*self._known, *self._by_number], 1)
        closest = f"; the nearest is {shown(near[0])}" if near else ""
        raise ImportRefused("UnknownCategory", f"there is no category {shown(given)}{closest}")
