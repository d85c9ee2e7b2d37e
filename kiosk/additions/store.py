# SPDX-License-Identifier: Apache-2.0
"""Where additions are kept: in memory, and in a file beside the journal (`kiosk.refusals.kept`).

Pictures stay in memory only until they are on the disk.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from kiosk.additions.database import TABLE, crops
from kiosk.additions.values import Addition
from kiosk.errors import StateError
from kiosk.refusals.beside import reading
from kiosk.refusals.kept import RETRY_S, FileRows, MemoryRows
from kiosk.refusals.table import Kind

log = logging.getLogger(__name__)

ADDITIONS_FILE = "additions.sqlite"
"""Its name in the state directory."""
MOST_HELD = 200
"""Additions that hold; a shop that needs more has a catalog to be built. With 12 views each they
take about 200 MB on the disk, and 70 MB of memory."""
MOST_UNDONE = 100


class Store(Protocol):
    """What keeps additions. Safe to use from several threads; a disk in trouble raises nothing."""

    def start(self) -> None: ...

    def rows(self) -> tuple[Addition, ...]:
        """All that are kept, oldest first, undone ones too."""

    def put(self, rows: Iterable[Addition]) -> None:
        """Keep these, in the place of those with their ids; returns at once."""

    def crops(self, addition_id: str) -> dict[str, bytes]:
        """Its pictures by sha256, those that can be read; may wait for the disk."""

    def beat(self) -> bool:
        """Call about once a second; may wait for the disk. True when what holds has changed."""

    def keep(self, timeout_s: float) -> None:
        """Wait until the disk has what was put, or says that it takes nothing; no longer."""

    def trouble(self) -> str:
        """What is wrong with the disk, in words; empty when all is kept."""

    def remarks(self) -> str:
        """What else a technician should know; or empty."""

    def close(self) -> None: ...


class MemoryStore(MemoryRows[Addition]):
    """Keeps additions until the process ends: where nothing may be written."""

    def __init__(self, most: int = MOST_HELD) -> None:
        super().__init__(_kind(most))

    def crops(self, addition_id: str) -> dict[str, bytes]:
        with self._lock:
            row = self._rows.get(addition_id)
            return {} if row is None else dict(row.crops)


class AdditionStore(FileRows[Addition]):
    """The same, kept in an SQLite file as well. `start` it once; `beat` and `close` write."""

    def __init__(self, path: Path, most: int = MOST_HELD, retry_s: float = RETRY_S) -> None:
        super().__init__(_kind(most), path, retry_s)

    def crops(self, addition_id: str) -> dict[str, bytes]:
        with self._lock:
            row = self._rows.get(addition_id)
        found = {} if row is None else dict(row.crops)
        return found or read_crops(self._path, addition_id)


def read_crops(path: Path, addition_id: str) -> dict[str, bytes]:
    """The pictures of an addition in the file; none where it cannot be read."""
    try:
        with reading(TABLE, path) as connection:
            return crops(connection, addition_id)
    except StateError as error:
        log.warning("pictures of an addition cannot be read: %s", error)
        return {}


def undone(addition: Addition, at: str, *, adopted: bool = False) -> Addition:
    """The addition, taken back: its record stays for the journal, its pictures and vectors go."""
    views = tuple(replace(view, vectors=view.vectors[:0], features=None) for view in addition.views)
    return replace(addition, undone_at=at, adopted=adopted, views=views, thumbnail=b"", crops={})


def _kind(most: int) -> Kind[Addition]:
    return Kind(TABLE, undone, most, MOST_UNDONE, _written)


def _written(addition: Addition) -> Addition:
    return replace(addition, crops={}) if addition.crops else addition
