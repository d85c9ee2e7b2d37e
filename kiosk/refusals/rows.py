# SPDX-License-Identifier: Apache-2.0
"""What `kiosk.refusals.kept` needs to know of the rows it keeps: row, file and kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar


class Row(Protocol):
    """What is kept."""

    @property
    def row_id(self) -> str: ...

    @property
    def at(self) -> str:
        """When it was made; sorts as text."""

    @property
    def undone_at(self) -> str: ...

    @property
    def holds(self) -> bool: ...

    @property
    def kind(self) -> str:
        """The kind of journal entry that tells of it as it is now."""

    @property
    def noted(self) -> str:
        """The kind of the last entry of it that is safe in the journal; or empty."""


R = TypeVar("R", bound=Row)


class Database(Protocol[R]):
    """The file: all functions raise sqlite3.Error, the first two also StateError and OSError."""

    def open_for_writing(self, path: Path) -> sqlite3.Connection: ...

    def open_for_reading(self, path: Path) -> sqlite3.Connection: ...

    def load(self, connection: sqlite3.Connection) -> tuple[list[R], int]:
        """All rows, and how many more cannot be used."""

    def write(
        self, connection: sqlite3.Connection, rows: Iterable[R], removed: Iterable[str]
    ) -> None:
        """Put these in and take those out, all or none."""

    def data_version(self, connection: sqlite3.Connection) -> int:
        """Differs once another process has written."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """What sort of rows they are."""

    plural: str
    """Such as "refusals", for messages."""
    database: Database[R]
    undone: Callable[[R, str], R]
    """The row, undone at a time."""
    most_held: int
    """Rows that hold; the oldest make room."""
    most_undone: int
    written: Callable[[R], R] = lambda row: row
    """What stays in memory of a row that is on the disk."""
