# SPDX-License-Identifier: Apache-2.0
"""What the journal hears of releases: activated, good, put away, damaged."""

from __future__ import annotations

from dataclasses import asdict

from kiosk.store.pointer import Installed, Pointer, Quarantined
from kiosk.values import Note, Notebook

ACTIVATED, GOOD, QUARANTINED, DAMAGED = (
    "release-activated",
    "release-good",
    "release-quarantined",
    "release-damaged",
)
"""Kinds of journal entries."""
FLUSH_S = 2.0


class Entries:
    """Tells a journal."""

    def __init__(self, journal: Notebook) -> None:
        self._journal = journal

    def activated(self, current: Installed, previous: Installed | None) -> None:
        self._journal.note(Note(ACTIVATED, _facts(current, previous=_name(previous))))

    def good(self, current: Installed, decisions: int) -> None:
        self._journal.note(Note(GOOD, _facts(current, decisions=decisions)))

    def damaged(self, current: Installed, reason: str) -> None:
        self._journal.note(Note(DAMAGED, _facts(current, reason=reason)))

    def put_away(self, pointer: Pointer) -> tuple[Quarantined, ...]:
        """Note what was put away and is not noted yet; gives what is on the disk with that."""
        news = tuple(each for each in pointer.quarantined if not each.noted)
        for each in news:
            now = _name(pointer.current)
            self._journal.note(Note(QUARANTINED, {**asdict(each), "answers": now}, at=each.at))
        return news if news and self._journal.flush(FLUSH_S) else ()


def _facts(current: Installed, **more: object) -> dict[str, object]:
    return {"release": current.release, "seq": current.seq, **more}


def _name(installed: Installed | None) -> str:
    return installed.release if installed else ""
