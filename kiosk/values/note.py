# SPDX-License-Identifier: Apache-2.0
"""What the journal keeps beside decisions and taps, and what the parts that tell it need of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

_TIE = timedelta(milliseconds=1)
"""A clock that was set back further is believed."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth keeping, such as a refusal, a signed list or a release that was put away."""

    kind: str
    """Anything but "decision" and "confirmation"."""
    body: Mapping[str, Any]
    """What JSON can say."""
    sku: str | None = None
    decision_id: str = ""
    """The decision that it speaks of, if any."""
    visit_id: str = ""
    at: str = ""
    """ISO 8601, when it happened; or empty, and it is when it is told. The journal keeps one note
    of a kind, decision and moment: told again, it is still one."""


class Notebook(Protocol):
    """A journal, as far as it takes notes. Safe to use from several threads."""

    def note(self, note: Note) -> None:
        """Record it; returns at once."""

    def flush(self, timeout_s: float) -> bool:
        """True once everything recorded so far is safe; False when `timeout_s` passed before."""


class Clock:
    """The time, a microsecond on where it is that of the call before: the journal keeps entries
    apart by their time."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """UTC, never twice the same."""
        found = datetime.now(UTC)
        if timedelta(0) <= self._last - found < _TIE:
            found = self._last + timedelta(microseconds=1)
        self._last = found
        return found
