# SPDX-License-Identifier: Apache-2.0
"""Whether a file has changed since it was last looked at, without reading it."""

from __future__ import annotations

from pathlib import Path


def stamp(path: Path) -> object:
    """What changes whenever the file at `path` does, a link to it included; None: there is none.

    To be compared only with other stamps of the same path.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
