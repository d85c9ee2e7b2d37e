# SPDX-License-Identifier: Apache-2.0
"""What people made here and may undo: what refusals and additions have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol, TypeVar


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


def in_text(when: datetime) -> str:
    """The time of a row, `when` being UTC: ISO 8601, microseconds; sorts as text."""
    return when.isoformat(timespec="microseconds")


def now() -> str:
    """This moment, as rows have it."""
    return in_text(datetime.now(UTC))
