# SPDX-License-Identifier: Apache-2.0
"""What a manifest says of single files and models, and how it is read without trusting it.

Pure: parsed JSON in, values out; ValueError, TypeError, KeyError or CatalogError for anything else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from kiosk.errors import CatalogError

NAME = "manifest.json"
DERIVED = "derived"
"""Sub-folder for what a device builds from a release: never part of the release itself."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SEGMENT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class ModelName:
    """Which model: its card's name and version, and the sha256 of the file."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a release; `name` is relative to the release, with `/`."""

    name: str
    bytes: int
    sha256: str
    office: bool = False
    """Of use at head office only: a kiosk opens and verifies a release without it."""


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One segment of a release: see `kiosk.catalog.segment`."""

    name: str
    """16 hex digits that name its content, and its folder."""
    pictures: int
    references: int


def segment_entry(body: dict[str, Any]) -> SegmentEntry:
    name = text(body["name"])
    if not _SEGMENT.fullmatch(name):
        raise CatalogError(f"{name!r} cannot name a segment; restore the release")
    return SegmentEntry(name, count(body["pictures"]), count(body["references"]))


def entry_body(entry: FileEntry) -> dict[str, Any]:
    """How the manifest writes it, under its name."""
    body: dict[str, Any] = {"bytes": entry.bytes, "sha256": entry.sha256}
    return {**body, "office": True} if entry.office else body


def model_name(body: dict[str, Any]) -> ModelName:
    return ModelName(text(body["name"]), text(body["version"]), digest(body["sha256"]))


def file_entries(body: object) -> tuple[FileEntry, ...]:
    """All of them, by their names."""
    if not isinstance(body, dict):
        raise TypeError("its files should be a table")
    return tuple(file_entry(name, entry) for name, entry in body.items())


def file_entry(name: str, body: dict[str, Any]) -> FileEntry:
    """A path that could leave the release, or name something else than a file in it, is refused."""
    path = PurePosixPath(name)
    plain = bool(path.parts) and path.as_posix() == name and not path.is_absolute()
    inside = plain and not {"..", DERIVED} & set(path.parts) and name != NAME
    if not inside or "\\" in name or not name.isprintable():
        raise CatalogError(f"the file name {name!r} is not allowed in a release; do not use it")
    return FileEntry(
        name, count(body["bytes"]), digest(body["sha256"]), flag(body.get("office", False))
    )


def text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be a text")
    return value


def count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} should be a count")
    return value


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} should be true or false")
    return value


def digest(value: object) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise TypeError(f"{value!r} should be a sha256")
    return value
