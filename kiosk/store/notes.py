# SPDX-License-Identifier: Apache-2.0
"""What sync keeps in a store beside the releases: verified metadata, the newest announcement, its
last word, and this kiosk's name. What is damaged counts as missing.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from kiosk.announcement import Announcement, parse
from kiosk.durable import Files, made_folder, replace_file
from kiosk.errors import AnnouncementError
from kiosk.store import metadata
from kiosk.values.sync import SyncState, SyncStatus

STATUS, BY_HAND = "sync.json", "by_hand.json"
ANNOUNCED, IDENTITY = "announced.json", "kiosk_id"
TUF = "tuf"
_IDENTITY = re.compile(r"[0-9a-f]{32}")


class Notes:
    """Small files, each replaced whole; the same again writes nothing."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.folder = folder
        self._files = files

    def metadata(self) -> dict[str, bytes]:
        """The verified metadata by file name; what cannot be read is left out."""
        return metadata.read(self._files, self.folder / TUF)

    def publish(self, news: Mapping[str, bytes]) -> int:
        """Keep verified metadata by plain file name: only what differs is written, roots first,
        what names the rest last. Gives how many files were. Raises OSError.
        """
        return metadata.publish(self._files, self.folder / TUF, news)

    def announced(self) -> Announcement | None:
        """The newest announcement that was verified here."""
        return announced_in(self._bytes(ANNOUNCED))

    def announce(self, data: bytes) -> None:
        """Keep the bytes of a verified announcement; the same again writes nothing."""
        self._put(ANNOUNCED, data)

    def status(self) -> SyncStatus:
        """The last word of a sync pass; none yet when there is none that can be read."""
        return status_from(self._bytes(STATUS))

    def say(self, status: SyncStatus) -> bool:
        """Keep the word of a sync pass; the same as before writes nothing, whatever the time."""
        before = self.status()
        if dataclasses.replace(before, at="") == dataclasses.replace(status, at=""):
            status = before
        if self._bytes(STATUS) == status_json(status):
            self._files.sync_folder(self.folder)
            return False
        self._put(STATUS, status_json(status))
        return True

    def by_hand(self) -> SyncStatus:
        """The last word of a pass that a person made on another source than the regular one."""
        return status_from(self._bytes(BY_HAND))

    def say_by_hand(self, status: SyncStatus) -> None:
        """Keep the word of such a pass."""
        self._put(BY_HAND, status_json(status))

    def kiosk_id(self) -> str:
        """32 hex digits that name this kiosk, made once. Raises OSError."""
        made_folder(self._files, self.folder)
        with self._files.lock(self.folder / "lock"):
            self._put(IDENTITY, f"{self.known_id or uuid4().hex}\n".encode())
        return self.known_id

    @property
    def known_id(self) -> str:
        """As `kiosk_id`; empty while there is none."""
        text = self._bytes(IDENTITY).decode("ascii", "replace").strip()
        return text if _IDENTITY.fullmatch(text) else ""

    def _bytes(self, name: str) -> bytes:
        path = self.folder / name
        return b"" if self._files.size(path) is None else self._files.read(path)

    def _put(self, name: str, data: bytes) -> None:
        if self._bytes(name) == data:
            self._files.sync_folder(self.folder)
        else:
            made_folder(self._files, self.folder)
            replace_file(self._files, self.folder / name, data)


def status_json(status: SyncStatus) -> bytes:
    """`sync.json`, for people too. What is no text in a name, such as a stick's, becomes "?"."""
    text = json.dumps(dataclasses.asdict(status), indent=1, ensure_ascii=False)
    return f"{text}\n".encode("utf-8", "replace")


def status_from(data: bytes) -> SyncStatus:
    """What `status_json` gave; for anything else, that nothing is known."""
    try:
        body = json.loads(data.decode("utf-8"))
        body["state"] = SyncState(body["state"])
        return SyncStatus(**body)
    except (ValueError, TypeError, KeyError, RecursionError):
        return SyncStatus()


def announced_in(data: bytes) -> Announcement | None:
    """None for anything but a whole announcement."""
    try:
        return parse(data)
    except AnnouncementError:
        return None
