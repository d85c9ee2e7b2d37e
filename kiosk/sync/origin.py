# SPDX-License-Identifier: Apache-2.0
"""Where a published catalog is read from: a web server, or a folder such as a USB stick.

The rule: names below the origin are made here from fixed patterns, never taken from what was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from kiosk.errors import UsageError
from kiosk.sync.evidence import Unanswered

CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an answer may take."""

    silence_s: float = 20.0
    """Longest time without a byte."""
    small_s: float = 60.0
    """Longest time for a small file as a whole, and for the head of a large one."""
    pass_s: float = 1800.0
    """Longest time for all that is asked of one origin; what came is kept."""
    least_bytes_per_s: float = 500.0
    """A large file that comes slower, over `rate_s`, is given up for now; what came is kept."""
    rate_s: float = 30.0


@dataclass(slots=True)
class Traffic:
    """What was asked and what came, in bytes of bodies."""

    requests: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file, as the origin gives it: that may be more than was asked for."""

    start: int
    """Where in the file it begins, at most where it was asked for."""
    chunks: Iterator[bytes]


class Origin(Protocol):
    """A published repository. Reading raises Unanswered, Absent among them, and nothing else."""

    name: str
    traffic: Traffic
    carried: bool
    """Somebody brought it here, as on a stick: then a copy that is old is nothing strange."""
    doubt: str
    """What else than an attack makes its files others than were signed, and what to do."""

    def odd(self, name: str, data: bytes, reason: str) -> Unanswered:
        """The word for `data`, which came as the file `name` and cannot be judged."""

    def begin(self) -> None:
        """A new pass begins, with all of its time."""

    def small(self, path: str, max_bytes: int) -> bytes:
        """A whole small file."""

    def tail(self, path: str, size: int, offset: int) -> AbstractContextManager[Tail]:
        """The file of `size` bytes from `offset` on, or from before that."""


def folder_of(source: str) -> Path | None:
    """The folder that `source` names, by a path or a file:// URL; None for a web address.

    Raises UsageError for anything else.
    """
    parts = urlsplit(source)
    if parts.scheme in ("http", "https"):
        if not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"{source}: give an address without `?` or `#` in it")
        return None
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    if "://" in source:
        raise UsageError(f"{source}: only http://, https://, file:// or a folder can be read from")
    return Path(source).expanduser()
