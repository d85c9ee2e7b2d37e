# SPDX-License-Identifier: Apache-2.0
"""Who may send for which kiosk: a file with a line for each, a token's hash and a kiosk's id."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from kiosk.durable import write_durably
from kiosk.errors import StateError, UsageError
from kiosk.event import is_kiosk
from kiosk.stamp import stamp

_log = logging.getLogger(__name__)

_SHA256 = re.compile(r"[0-9a-f]{64}")
ANY = "*"
"""Stands for every kiosk: one token for a shop."""


class Tokens:
    """The lines of a token file."""

    def __init__(self, lines: Sequence[tuple[str, str]]) -> None:
        """Pairs of sha256 (hex) of a token and the kiosk it is for."""
        self._lines = tuple(lines)

    @classmethod
    def read(cls, path: Path) -> Tokens:
        """Raises StateError when the file is missing or holds something else."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(
                f"{path}: cannot be read ({error}); make one with `kiosk receive token KIOSK`"
            ) from error
        return cls([_line(path, number, line) for number, line in _numbered(text)])

    def kiosk_of(self, token: str) -> str | None:
        """The kiosk (or ANY) that may send with this token; None: nobody may."""
        digest = hashed(token)
        found = [kiosk for known, kiosk in self._lines if hmac.compare_digest(known, digest)]
        return found[0] if found else None


class TokenFile:
    """A file of tokens that is read again when it has changed: a new kiosk needs no restart."""

    def __init__(self, path: Path) -> None:
        """Raises StateError as `Tokens.read`."""
        self._path = path
        self._stamp = stamp(path)
        self._tokens = Tokens.read(path)

    def kiosk_of(self, token: str) -> str | None:
        """As `Tokens`. A file that cannot be read any more changes nothing."""
        seen = stamp(self._path)
        if seen != self._stamp:
            self._stamp = seen
            try:
                self._tokens = Tokens.read(self._path)
            except StateError as error:
                _log.error("%s", error)
        return self._tokens.kiosk_of(token)


def add_token(path: Path, kiosk: str) -> str:
    """A new token for one kiosk, or ANY; only its hash is kept. Raises UsageError, StateError."""
    if kiosk != ANY and not is_kiosk(kiosk):
        raise UsageError(f"{kiosk!r} is no id of a kiosk; the kiosk's status page shows it")
    token = secrets.token_urlsafe(32)
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        ends = "" if not before or before.endswith("\n") else "\n"
        write_durably(path, f"{before}{ends}{hashed(token)} {kiosk}\n".encode())
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"{path}: cannot be written ({error}); choose another place") from error
    return token


def hashed(token: str) -> str:
    """Tokens are random: a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _numbered(text: str) -> list[tuple[int, str]]:
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _line(path: Path, number: int, line: str) -> tuple[str, str]:
    digest, _, kiosk = line.partition(" ")
    kiosk = kiosk.strip()
    if not _SHA256.fullmatch(digest) or not (kiosk == ANY or is_kiosk(kiosk)):
        raise StateError(f"{path} line {number}: should be a sha256 and a kiosk's id, or *")
    return digest, kiosk
