# SPDX-License-Identifier: Apache-2.0
"""What the journal hears of releases: activated, good, put away, damaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from kiosk.store.pointer import Installed, Pointer, Quarantined

ACTIVATED, GOOD, QUARANTINED, DAMAGED = (
    "release-activated",
    "release-good",
    "release-quarantined",
    "release-damaged",
)
"""Kinds of journal entries."""
FLUSH_S = 2.0


class Recorder(Protocol):
    """What this needs of a journal."""

    def note(self, kind: str, body: Mapping[str, Any]) -> None: ...

    def flush(self, timeout_s: float) -> bool:
        """Whether all that was noted is on the disk."""


class Entries:
    """Tells a journal."""

    def __init__(self, journal: Recorder) -> None:
        self._journal = journal

    def activated(self, current: Installed, previous: Installed | None) -> None:
        self._journal.note(ACTIVATED, _facts(current, previous=_name(previous)))

    def good(self, current: Installed, decisions: int) -> None:
        self._journal.note(GOOD, _facts(current, decisions=decisions))

    def damaged(self, current: Installed, reason: str) -> None:
        self._journal.note(DAMAGED, _facts(current, reason=reason))

    def put_away(self, pointer: Pointer) -> tuple[Quarantined, ...]:
        """Note what was put away and is not noted yet; gives what is on the disk with that."""
        news = tuple(each for each in pointer.quarantined if not each.noted)
        for each in news:
            now = _name(pointer.current)
            self._journal.note(QUARANTINED, {**asdict(each), "answers": now})
        return news if news and self._journal.flush(FLUSH_S) else ()


def _facts(current: Installed, **more: object) -> dict[str, object]:
    return {"release": current.release, "seq": current.seq, **more}


def _name(installed: Installed | None) -> str:
    return installed.release if installed else ""
