# SPDX-License-Identifier: Apache-2.0
"""Which file a connection writes to: SQLite goes on writing to one that has lost its name."""

from __future__ import annotations

from pathlib import Path

from kiosk.errors import StateError


class Replaced(StateError):
    """The name of the open file means another file now, or none."""


class Place:
    """The file behind a path at the time it was opened."""

    def __init__(self, path: Path) -> None:
        """Note the file at `path`, just opened. Raises OSError when there is none."""
        self._path = path
        self._file = self._now()

    def check(self) -> None:
        """Raises Replaced when the name means another file by now, OSError when nobody can tell."""
        try:
            same = self._now() == self._file
        except (FileNotFoundError, NotADirectoryError):
            same = False
        if not same:
            raise Replaced(f"{self._path} was removed or replaced: it is begun again.")

    def _now(self) -> tuple[int, int]:
        status = self._path.stat()
        return status.st_dev, status.st_ino
