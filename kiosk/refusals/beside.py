# SPDX-License-Identifier: Apache-2.0
"""The files of what people made here, from another process: beside a running kiosk or without one.

All functions raise StateError when there is no file, it is damaged, or a newer kiosk's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from kiosk.errors import StateError
from kiosk.refusals.database import TABLE
from kiosk.refusals.refusal import Refusal
from kiosk.refusals.rows import R, now
from kiosk.refusals.table import Table
from kiosk.sqlite_file import explain, is_damage


def read(path: Path) -> tuple[Refusal, ...]:
    """All refusals in the file, oldest first, undone ones too. Nothing is written."""
    return read_rows(TABLE, path)


def undo(path: Path, refusal_id: str) -> bool:
    """Take a refusal back; a running kiosk hears of it by itself. False when none holds by that
    id.
    """
    return undo_row(TABLE, path, refusal_id, lambda refusal: replace(refusal, undone_at=now()))


def read_rows(table: Table[R], path: Path) -> tuple[R, ...]:
    """All rows in a file, oldest first, undone ones too. Nothing is written."""
    with reading(table, path) as connection:
        return tuple(table.load(connection)[0])


def undo_row(table: Table[R], path: Path, row_id: str, undone: Callable[[R], R]) -> bool:
    """Write the row that holds by this id as `undone` makes it. False when none does."""
    with _told(path), closing(table.open_for_writing(path)) as connection:
        for row in table.load(connection)[0]:
            if row.row_id == row_id and row.holds:
                table.write(connection, [undone(row)], ())
                return True
    return False


@contextmanager
def reading(table: Table[R], path: Path) -> Iterator[sqlite3.Connection]:
    """The file, open for reading."""
    with _told(path), closing(table.open_for_reading(path)) as connection:
        yield connection


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What is wrong with the file, in words."""
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            raise StateError(
                f"{path} is damaged ({error}): start the kiosk, which keeps it aside and begins "
                "anew"
            ) from error
        raise StateError(explain(error, path)) from error
