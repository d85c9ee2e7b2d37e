# SPDX-License-Identifier: Apache-2.0
"""The additions' file from another process, beside a running kiosk or without one.

All functions raise StateError when there is no file, it is damaged, or a newer kiosk's.
"""

from __future__ import annotations

from pathlib import Path

from kiosk.additions.bundle import packed
from kiosk.additions.database import TABLE, crops
from kiosk.additions.store import undone
from kiosk.additions.values import Addition
from kiosk.refusals.beside import read_rows, reading, undo_row
from kiosk.refusals.rows import now


def read(path: Path) -> tuple[Addition, ...]:
    """All additions in the file, oldest first, undone ones too. Nothing is written."""
    return read_rows(TABLE, path)


def undo(path: Path, addition_id: str) -> bool:
    """Take an addition back; a running kiosk hears of it by itself. False when none holds by that
    id.
    """
    return undo_row(TABLE, path, addition_id, lambda addition: undone(addition, now()))


def bundle(path: Path, kiosk: str, only: str = "") -> bytes:
    """All additions in the file for head office (or the one by that id), see
    `kiosk.additions.bundle`. Those whose pictures are gone are left out.
    """
    told = []
    with reading(TABLE, path) as connection:
        for addition in TABLE.load(connection)[0]:
            if only not in ("", addition.addition_id):
                continue
            found = crops(connection, addition.addition_id)
            if not addition.holds or all(view.sha256 in found for view in addition.views):
                told.append((addition, found))
    return packed(kiosk, told)
