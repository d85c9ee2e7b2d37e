# SPDX-License-Identifier: Apache-2.0
"""The journal gets an entry of each row as it is now, once, whoever is killed and whenever.

Rule: a row is marked as noted only when its entry is safe; an entry bears the moment of the row, so
that one that is told again after a kill is still one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, Protocol

from kiosk.refusals.rows import R
from kiosk.values import Note, Notebook

FLUSH_S = 0.2
"""A healthy journal needs less; one that cannot be written must not hold up the rest."""
CLOSING_S = 2.0


class _Rows(Protocol[R]):
    def rows(self) -> tuple[R, ...]: ...

    def put(self, rows: Iterable[R]) -> None: ...


class Telling(Generic[R]):
    """Tells a journal. Not to be used from two threads at once, but for `settle`."""

    def __init__(
        self,
        rows: _Rows[R],
        journal: Notebook,
        *,
        note_of: Callable[[R], Note],
        marked: Callable[[R], R],
    ) -> None:
        """`marked`: the row, noted as what it is now."""
        self._rows = rows
        self._journal = journal
        self._note_of = note_of
        self._marked = marked
        self._told: dict[str, str] = {}
        """Kind of entry by row, told in this process and not marked yet."""

    def tell(self) -> None:
        """Note what the journal does not know; returns at once."""
        for row in self._rows.rows():
            if row.kind not in (row.noted, self._told.get(row.row_id)):
                self._journal.note(self._note_of(row))
                self._told[row.row_id] = row.kind

    def settle(self, timeout_s: float = FLUSH_S) -> None:
        """Mark what was told, once it is safe; may wait for the disk that long."""
        told = dict(self._told)
        if not told or not self._journal.flush(timeout_s):
            return
        self._rows.put(
            self._marked(row) for row in self._rows.rows() if told.get(row.row_id) == row.kind
        )
        for row_id, kind in told.items():
            if self._told.get(row_id) == kind:
                del self._told[row_id]
