# SPDX-License-Identifier: Apache-2.0
"""What the history of a workshop says of publications: written here, and read back here."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kiosk.workshop.repository import Event, Note

_KINDS = ("publish", "rollback")
_ABOUT = re.compile(r"release ([0-9a-f]{16}) to (.+)", re.DOTALL)


def announced(what: str, release: str, channel: str, place: str, number: int) -> Note:
    """`what`: publish or rollback."""
    return Note(what, f"release {release} to {channel} of {place}", figures=(("number", number),))


def current(history: Iterable[Event]) -> set[str]:
    """The releases that channels announce, as far as this workshop knows; `history`: the newest
    first.
    """
    found: dict[str, str] = {}
    for event in history:
        about = _ABOUT.fullmatch(event.note.about) if event.note.what in _KINDS else None
        if about is not None:
            found.setdefault(about[2], about[1])
    return set(found.values())
