# SPDX-License-Identifier: Apache-2.0
"""The additions' file from another process, beside a running kiosk or without one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from kiosk.additions import database
from kiosk.additions.bundle import packed
from kiosk.additions.store import undone
from kiosk.additions.values import Addition, now
from kiosk.errors import StateError
from kiosk.sqlite_file import explain, is_damage


def read(path: Path) -> tuple[Addition, ...]:
    """All additions in the file, oldest first, undone ones too. Nothing is written.

    Raises StateError when there is no file, it is damaged, or a newer kiosk's.
    """
    try:
        with closing(database.open_for_reading(path)) as connection:
            return tuple(database.load(connection)[0])
    except sqlite3.Error as error:
        raise _said(path, error) from error


def undo(path: Path, addition_id: str) -> bool:
    """Take an addition back; a running kiosk hears of it by itself. False when none holds by that
    id. Raises StateError when the file cannot be read or written.
    """
    try:
        with closing(database.open_for_writing(path)) as connection:
            for addition in database.load(connection)[0]:
                if addition.addition_id == addition_id and addition.holds:
                    database.write(connection, [undone(addition, now())], ())
                    return True
    except sqlite3.Error as error:
        raise _said(path, error) from error
    return False


def bundle(path: Path, kiosk: str, only: str = "") -> bytes:
    """All additions in the file for head office (or the one by that id), see
    `kiosk.additions.bundle`.

    Those whose pictures are gone are left out. Raises StateError.
    """
    try:
        with closing(database.open_for_reading(path)) as connection:
            told = []
            for addition in database.load(connection)[0]:
                if only not in ("", addition.addition_id):
                    continue
                crops = database.crops(connection, addition.addition_id)
                if not addition.holds or all(view.sha256 in crops for view in addition.views):
                    told.append((addition, crops))
            return packed(kiosk, told)
    except sqlite3.Error as error:
        raise _said(path, error) from error


def _said(path: Path, error: sqlite3.Error) -> StateError:
    if is_damage(error):
        return StateError(
            f"{path} is damaged ({error}): start the kiosk, which keeps it aside and begins anew"
        )
    return StateError(explain(error, path))
