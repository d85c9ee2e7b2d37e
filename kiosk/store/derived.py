# SPDX-License-Identifier: Apache-2.0
"""What this device made of its releases: indexes. All may go at any time; they are made again."""

from __future__ import annotations

import logging
from pathlib import Path

_log = logging.getLogger(__name__)

DERIVED_FOLDER = "derived"
"""Its name in the store: one release's index serves the next, where that has the same segments."""
KEPT = 3
"""Indexes that stay: of what answers, of what was before, and one that was just built."""


def trim(folder: Path, kept: int = KEPT) -> int:
    """Remove all but the newest indexes; gives how many. What is mapped stays mapped."""
    try:
        sidecars = sorted(folder.glob("*.json"), key=lambda path: -path.stat().st_mtime)
        gone = [path.stem for path in sidecars[kept:]]
        for key in gone:
            # The sidecar first: without it the others are nothing.
            for path in sorted(folder.glob(f"{key}.*"), key=lambda path: path.suffix != ".json"):
                path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s: old indexes stay: %s", folder, error)
        return 0
    return len(gone)


def wipe(folder: Path) -> bool:
    """Remove every index; False when there was none, or they cannot be removed."""
    if not folder.is_dir():
        return False
    return trim(folder, 0) > 0
