# SPDX-License-Identifier: Apache-2.0
"""The small files of a store beside the pointer, as bytes. What is damaged counts as missing."""

from __future__ import annotations

import dataclasses
import json

from kiosk.announcement import Announcement, parse
from kiosk.errors import AnnouncementError
from kiosk.values.sync import SyncState, SyncStatus


def status_json(status: SyncStatus) -> bytes:
    """`sync.json`, for people too."""
    return (json.dumps(dataclasses.asdict(status), indent=1, ensure_ascii=False) + "\n").encode()


def status_from(data: bytes) -> SyncStatus:
    """What `status_json` gave; for anything else, that nothing is known."""
    try:
        body = json.loads(data.decode("utf-8"))
        body["state"] = SyncState(body["state"])
        return SyncStatus(**body)
    except (ValueError, TypeError, KeyError):
        return SyncStatus()


def announced_in(data: bytes) -> Announcement | None:
    """None for anything but a whole announcement."""
    try:
        return parse(data)
    except AnnouncementError:
        return None
