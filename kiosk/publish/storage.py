# SPDX-License-Identifier: Apache-2.0
"""Where a repository lies, as its writer sees it: a few operations that every place can keep.

Names are relative with `/`, such as `metadata/1.root.json`. `create` never touches what is there,
`replace` only what was read before: so two writers cannot undo each other unnoticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kiosk.errors import PublishError

METADATA, TARGETS, BLOBS = "metadata", "targets", "blobs"
TIMESTAMP = f"{METADATA}/timestamp.json"
MAX_READ_BYTES = 64 * 1024 * 1024
"""No file that is read whole is larger: metadata, announcements, manifests."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is there."""

    name: str
    bytes: int
    modified_s: float
    """Unix time by the clock of the place; 0: it does not say."""


class Storage(Protocol):
    """A place that cannot be reached or written: OSError or what its library raises. That of
    `open_place` raises PlaceError."""

    @property
    def address(self) -> str:
        """What a person would type for it."""

    def read(self, name: str) -> bytes | None:
        """The whole file; None: there is none."""

    def size(self, name: str) -> int | None:
        """Its bytes; None: there is none."""

    def sha256(self, name: str) -> str:
        """Hex digest of what the place gives back now."""

    def create(self, name: str, source: bytes | Path) -> bool:
        """Add a file, whole or not at all. False: one of that name is there, and stays as it is."""

    def replace(self, name: str, data: bytes, before: bytes | None) -> None:
        """Put `data` in the place of `before` (None: of nothing), whole or not at all.

        Raises BusyError when something else is there: another writer was faster.
        """

    def names(self, folder: str) -> Iterator[Stored]:
        """Every file below a folder, in no order."""

    def remove(self, name: str) -> None:
        """Nothing happens when it is not there."""

    def held(self) -> AbstractContextManager[None]:
        """Be the only writer meanwhile. Raises BusyError when another one is."""


def blob_name(sha256: str) -> str:
    """Where the file with this content lies."""
    return f"{BLOBS}/{sha256[:2]}/{sha256}"


def read_or_raise(storage: Storage, name: str) -> bytes:
    """`read` for what must be there. Raises PublishError."""
    data = storage.read(name)
    if data is None:
        raise PublishError(f"{storage.address}: {name} is missing; restore the repository")
    return data


def digest(data: bytes) -> str:
    """sha256 in hex."""
    return hashlib.sha256(data).hexdigest()
