# SPDX-License-Identifier: Apache-2.0
"""Whether the state directory still holds what a running kiosk answers from, and else what happened
to it: deleted, unmounted, replaced or out of reach. That is no missing catalog, and is not told so.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

_GONE = {errno.ENOENT, errno.ENOTDIR}
_STAYS = (
    "What is in memory goes on answering, until this kiosk is started anew. Put the directory "
    "back, or mount it again, and the kiosk goes on with it by itself; or fetch releases anew "
    "with `kiosk sync`."
)


class Presence:
    """Call `trouble` often: it looks at names only, and reads and writes nothing."""

    def __init__(self, folder: Path, wanted: Sequence[Path]) -> None:
        """`folder`: the state directory; `wanted`: files in it, of which one has to be there."""
        self._folder = folder
        self._wanted = wanted
        self._known = _identity(folder)

    def trouble(self) -> str:
        """What happened to the directory, and what to do; empty: a catalog can be in it."""
        if any(map(_there, self._wanted)):
            self._known = _identity(self._folder)
            return ""
        return f"the state directory {self._folder} {self._happened()}. {_STAYS}"

    def _happened(self) -> str:
        try:
            next(self._folder.iterdir(), None)
        except OSError as error:
            if error.errno in _GONE:
                return "is gone: it was deleted, or its disk is no longer mounted"
            return f"cannot be read ({error.strerror})"
        if _identity(self._folder) == self._known:
            return "holds no releases any more: they were deleted while this kiosk ran"
        return (
            "holds no releases: it was deleted, unmounted or replaced while this kiosk ran, and is "
            "another one now"
        )


def _there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
