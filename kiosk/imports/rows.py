# SPDX-License-Identifier: Apache-2.0
"""CSV read row by row in little memory: a row that is wrong is a remark, and the next one is read.

As people save lists: with a mark at the start or without, any line ends, quotes where needed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from kiosk.imports.changes import Remark

MAX_LINE = 2**20
"""Characters of one line of the file, and of one cell."""


@dataclass(frozen=True, slots=True)
class Cells:
    """One row, trimmed; with a failure it has no cells."""

    number: int
    """The line of the file it ends in, from 1."""
    cells: tuple[str, ...]
    failure: Remark | None = None


def read_rows(path: Path, separator: str = ",") -> Iterator[Cells]:
    """Every row that is not blank. Raises OSError."""
    # Undecodable bytes become halves of characters, which no good text has.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = _Lines(file)
        csv.field_size_limit(MAX_LINE)
        reader = csv.reader(lines, delimiter=separator, strict=True)
        while True:
            lines.wrong, begun = None, reader.line_num + 1
            try:
                cells = tuple(cell.strip() for cell in next(reader))
            except StopIteration:
                return
            except csv.Error as error:
                lines.wrong = lines.wrong or Remark(
                    "BadColumns", _told(error, begun, reader.line_num)
                )
                cells = ()
            if lines.wrong is not None:
                yield Cells(reader.line_num, (), lines.wrong)
            elif any(cells):
                yield Cells(reader.line_num, cells)


def _told(error: csv.Error, begun: int, ended: int) -> str:
    """Where to look: a quote that is never closed takes all lines below it for its text."""
    if ended <= begun:
        return str(error)
    return (
        f"the row begins in line {begun}, and a quote in it ends in line {ended} or never: {error}"
    )


def first_row(path: Path) -> tuple[str, tuple[str, ...]]:
    """The separator of a list, that which its first line has most of, and the first row by it."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        line = file.readline(MAX_LINE)
    separator = max(",;\t", key=line.count)
    return separator, next((row.cells for row in read_rows(path, separator)), ())


class _Lines:
    """The lines of a file for csv's reader, never more of one than MAX_LINE characters."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.wrong: Remark | None = None
        """What is wrong with a line of the row that is being read."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_LINE)
        if not line:
            raise StopIteration
        if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            self.wrong = Remark("LineTooLong", f"a line is longer than {MAX_LINE} characters")
            while line and not line.endswith(("\n", "\r")):
                line = self._file.readline(MAX_LINE)
            return "\n"
        if not line.isascii():
            try:
                line.encode()
            except UnicodeEncodeError:
                self.wrong = Remark("NotUtf8", "the line is no UTF-8 text")
        return line
