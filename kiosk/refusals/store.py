# SPDX-License-Identifier: Apache-2.0
"""Where refusals are kept: in memory, and in a file beside the journal (`kiosk.refusals.kept`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from kiosk.refusals.database import TABLE
from kiosk.refusals.kept import RETRY_S, FileRows, MemoryRows
from kiosk.refusals.refusal import Refusal
from kiosk.refusals.table import Kind

REFUSALS_FILE = "refusals.sqlite"
"""Its name in the state directory."""
MOST_HELD = 500
"""Refusals that hold; a kiosk that collects more has a catalog to be mended."""
MOST_UNDONE = 100


class Store(Protocol):
    """What keeps refusals. Safe to use from several threads; nothing raises for the disk's sake."""

    def start(self) -> None: ...

    def rows(self) -> tuple[Refusal, ...]:
        """All that are kept, oldest first, undone ones too."""

    def put(self, rows: Iterable[Refusal]) -> None:
        """Keep these, in the place of those with their ids; returns at once.

        The oldest make room.
        """

    def beat(self) -> bool:
        """Call about once a second; may wait for the disk. True when what holds has changed."""

    def trouble(self) -> str:
        """What is wrong with the disk, in words; empty when all is kept."""

    def remarks(self) -> str:
        """What else a technician should know; or empty."""

    def close(self) -> None: ...


class MemoryStore(MemoryRows[Refusal]):
    """Keeps refusals until the process ends: where nothing may be written."""

    def __init__(self, most: int = MOST_HELD) -> None:
        super().__init__(_kind(most))


class RefusalStore(FileRows[Refusal]):
    """The same, kept in an SQLite file as well. `start` it once; `beat` and `close` write."""

    def __init__(self, path: Path, most: int = MOST_HELD, retry_s: float = RETRY_S) -> None:
        super().__init__(_kind(most), path, retry_s)


def _kind(most: int) -> Kind[Refusal]:
    return Kind(TABLE, _undone, most, MOST_UNDONE)


def _undone(refusal: Refusal, at: str) -> Refusal:
    return replace(refusal, undone_at=at)
