# SPDX-License-Identifier: Apache-2.0
"""The pointer as a file: JSON with a checksum, so that a torn or rotten file is known as one, and
changed by one process at a time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kiosk.announcement import Gate
from kiosk.durable import Files, made_folder, replace_file
from kiosk.errors import CatalogError
from kiosk.store.pointer import Installed, Phase, Pointer, Quarantined

_log = logging.getLogger(__name__)

POINTER = "pointer.json"
FORMAT = 1


class PointerFile:
    """Read at any time; changed under the lock of its folder."""

    def __init__(self, folder: Path, files: Files, recover: Callable[[], Pointer]) -> None:
        """`recover` makes a pointer good whose file is damaged."""
        self.path = folder / POINTER
        self._folder = folder
        self._files = files
        self._recover = recover
        self._recovered: tuple[bytes, Pointer] | None = None

    def read(self) -> Pointer:
        """Raises OSError when it is there and cannot be read."""
        return self._read()[0]

    def change(self, rule: Callable[[Pointer], Pointer]) -> Pointer:
        """The pointer that `rule` makes of this one, on the disk to stay. Raises OSError."""
        if self._files.size(self.path) is None and rule(Pointer()) == Pointer():
            return Pointer()  # nothing is made where nothing is, such as after it was deleted
        made_folder(self._files, self._folder)
        with self._files.lock(self._folder / "lock"):
            before, whole = self._read()
            after = rule(before)
            if after == before and whole:
                # Whoever wrote it may have been killed before this.
                self._files.sync_folder(self._folder)
            else:
                replace_file(self._files, self.path, to_json(after))
            return after

    def change_of(self, release: str, rule: Callable[[Pointer], Pointer]) -> Pointer:
        """A change that holds only while `release` is current."""

        def same(pointer: Pointer) -> Pointer:
            current = pointer.current
            return rule(pointer) if current and current.release == release else pointer

        return self.change(same)

    def _read(self) -> tuple[Pointer, bool]:
        """The pointer, and whether its file says so."""
        if self._files.size(self.path) is None:
            return Pointer(), True
        data = self._files.read(self.path)
        try:
            return parse(data), True
        except CatalogError as error:
            if self._recovered is None or self._recovered[0] != data:
                _log.error("%s: %s; it is made again from what is here", self.path, error)
                self._recovered = data, self._recover()
            return self._recovered[1], False


def to_json(pointer: Pointer) -> bytes:
    """The file, for people too."""
    body = dataclasses.asdict(pointer)
    text = json.dumps({"format": FORMAT, "checksum": _checksum(body), **body}, indent=1)
    return (text + "\n").encode()


def parse(data: bytes) -> Pointer:
    """Raises CatalogError for anything but what `to_json` gave."""
    try:
        body = json.loads(data.decode("utf-8"))
        if not isinstance(body, dict):
            raise TypeError("it is not a table")
        if body.pop("format") != FORMAT:
            raise ValueError("it is of another version of this program")
        if body.pop("checksum") != _checksum(body):
            raise ValueError("its checksum is wrong")
        return _pointer(body)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CatalogError(f"the pointer is damaged ({error})") from error


def _checksum(body: dict[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _pointer(body: dict[str, Any]) -> Pointer:
    return Pointer(
        **{
            **body,
            "current": _installed(body["current"]),
            "previous": _installed(body["previous"]),
            "phase": Phase(body["phase"]),
            "gate": Gate(**body["gate"]),
            "pinned": tuple(body["pinned"]),
            "quarantined": tuple(Quarantined(**each) for each in body["quarantined"]),
        }
    )


def _installed(body: dict[str, Any] | None) -> Installed | None:
    return None if body is None else Installed(**body)
