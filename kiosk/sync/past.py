# SPDX-License-Identifier: Apache-2.0
"""Whether a copy that somebody brought, such as a stick, is rightly signed and only older than what
was here: the most ordinary thing a stick can be, and no attack.

Rule: it is proven from the first root on, as by a kiosk that never saw anything, whatever its date.
Nothing of it is kept or installed; this only finds the right word. What was altered stays altered.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from kiosk import announcement
from kiosk.announcement import Announcement
from kiosk.errors import AnnouncementError, Held, Stale, SyncError, Tampered
from kiosk.store import Pointer
from kiosk.sync import floors, trust
from kiosk.sync.origin import Origin

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Nothing is past its date then."""


def older(
    origin: Origin,
    root: bytes,
    channel: str,
    pointer: Pointer,
    known: Announcement | None,
) -> Stale | None:
    """The word for a copy that is older than what was here, or holds nothing newer; None: it is
    something else. `root` is the one to begin with, `known` the newest announcement of this kiosk.
    """
    announced = _announced(origin, root, channel)
    if announced is None:
        return None
    floor = floors.floor_of(pointer, channel)
    brought = f"number {announced.seq}, of {announcement.moment(announced.created):%Y-%m-%d}"
    try:
        floors.check(announced, pointer, known, channel)
    except (Tampered, Held) as error:
        if error.code != "rollback":
            return None
        return Stale(
            "older_copy",
            f"{origin.name}: this stick is older ({brought}) than what this kiosk has (number "
            f"{floor}): fetch a newer stick",
        )
    if announced.seq != floor:
        return None
    return Stale(
        "older_copy",
        f"{origin.name}: this stick holds nothing newer than what this kiosk has ({brought}): for "
        "something newer, fetch a newer stick",
    )


def _announced(origin: Origin, root: bytes, channel: str) -> Announcement | None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("RUNTIME_DIRECTORY")) as name:
        trust.fill(Path(name), {})
        try:
            return announcement.parse(trust.announced(Path(name), origin, root, channel, LONG_AGO))
        except (SyncError, AnnouncementError):
            return None
