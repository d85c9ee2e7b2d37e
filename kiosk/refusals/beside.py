# SPDX-License-Identifier: Apache-2.0
"""The refusals' file from another process, beside a running kiosk or without one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from kiosk.errors import StateError
from kiosk.refusals import database
from kiosk.refusals.refusal import Refusal, now
from kiosk.sqlite_file import explain, is_damage


def read(path: Path) -> tuple[Refusal, ...]:
    """All refusals in the file, oldest first, undone ones too. Nothing is written.

    Raises StateError when there is no file, it is damaged, or a newer kiosk's.
    """
    try:
        with closing(database.open_for_reading(path)) as connection:
            return tuple(database.load(connection)[0])
    except sqlite3.Error as error:
        raise _said(path, error) from error


def undo(path: Path, refusal_id: str) -> bool:
    """Take a refusal back; a running kiosk hears of it by itself. False when none holds by that id.

    Raises StateError when the file cannot be read or written.
    """
    try:
        with closing(database.open_for_writing(path)) as connection:
            for refusal in database.load(connection)[0]:
                if refusal.refusal_id == refusal_id and refusal.holds:
                    database.write(connection, [replace(refusal, undone_at=now())], ())
                    return True
    except sqlite3.Error as error:
        raise _said(path, error) from error
    return False


def _said(path: Path, error: sqlite3.Error) -> StateError:
    if is_damage(error):
        return StateError(
            f"{path} is damaged ({error}): start the kiosk, which keeps it aside and begins anew"
        )
    return StateError(explain(error, path))
