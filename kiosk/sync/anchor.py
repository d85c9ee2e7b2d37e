# SPDX-License-Identifier: Apache-2.0
"""The first root: whom this kiosk believes. It is given by a person, never taken from a network.

It comes baked in (`sync.root`), or by `kiosk sync enrol` with the fingerprint that head office
shows: the sha256 of `1.root.json`.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from kiosk.config import Config
from kiosk.errors import ConfigError, Held, UsageError
from kiosk.store import Store

ENROLLED = "enrolled.root.json"
"""Its name among the kept metadata of the store."""
MAX_BYTES = 128 * 1024
_HEX = re.compile(r"[0-9a-f]{64}")


def fingerprint(root: bytes) -> str:
    """64 hex digits that a person can compare."""
    return hashlib.sha256(root).hexdigest()


def fingerprint_of(text: str) -> str:
    """A fingerprint as it is typed: spaces and colons do not count. Raises UsageError."""
    found = re.sub(r"[\s:]", "", text).lower()
    if not _HEX.fullmatch(found):
        raise UsageError(
            f"{text!r} is not a fingerprint: give the 64 digits that `kiosk keys show` prints at "
            "head office"
        )
    return found


def in_groups(digits: str) -> str:
    """A fingerprint for eyes: groups of four."""
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def trusted_root(config: Config, store: Store) -> bytes:
    """The root to begin with. Raises Held when this kiosk was told of none, ConfigError."""
    if config.sync.root:
        path = Path(config.sync.root).expanduser()
        try:
            with path.open("rb") as file:
                return file.read(MAX_BYTES)
        except OSError as error:
            reason = f'sync.root = "{path}": cannot be read: {error.strerror}'
            raise ConfigError("the configuration", [reason]) from error
    enrolled = store.metadata().get(ENROLLED)
    if enrolled is None:
        raise Held(
            "not_enrolled",
            "this kiosk was not told whose catalogs to believe: enrol it with `kiosk sync enrol "
            "--from ADDRESS --fingerprint …`, or set sync.root",
        )
    return enrolled
