# SPDX-License-Identifier: Apache-2.0
"""Space on a kiosk's disk: whether something fits beside what must stay, and what nobody needs."""

from __future__ import annotations

import logging
from collections.abc import Collection

from kiosk.durable import Files, made_folder
from kiosk.errors import CatalogError, Held
from kiosk.store.blobs import Blobs
from kiosk.store.pointer_file import PointerFile
from kiosk.store.releases import Releases

_log = logging.getLogger(__name__)


class Room:
    """Of the store whose pointer this is."""

    def __init__(
        self,
        pointer: PointerFile,
        releases: Releases,
        blobs: Blobs,
        files: Files,
        reserve_bytes: int,
    ) -> None:
        """`reserve_bytes`: space that is left for others."""
        self._pointer = pointer
        self._releases = releases
        self._blobs = blobs
        self._files = files
        self._folder = pointer.path.parent
        self._reserve_bytes = reserve_bytes

    def check(self, wanted_bytes: int) -> None:
        """Raises Held when that much does not fit and leave the reserve free."""
        folder = self._folder
        while not self._files.is_folder(folder):
            folder = folder.parent
        free = self._files.free_bytes(folder)
        if free < wanted_bytes + self._reserve_bytes:
            short = (wanted_bytes + self._reserve_bytes - free) // 2**20 + 1
            raise Held(
                "no_space",
                f"the new release needs {wanted_bytes // 2**20 + 1} MB and the kiosk keeps "
                f"{self._reserve_bytes // 2**20} MB free: make {short} MB of room on {folder}. "
                "The release that is here goes on answering.",
            )

    def collect(self, wanted: Collection[str]) -> int:
        """As `Store.collect`."""
        made_folder(self._files, self._folder)
        with self._files.lock(self._folder / "lock"):
            pointer = self._pointer.read()
            self._files.sync_folder(self._folder)  # what it says must not come undone
            try:
                needed = {
                    sha256
                    for release in pointer.kept.intersection(self._releases.listed())
                    for sha256 in self._releases.blobs_of(release)
                }
            except (CatalogError, OSError) as error:
                _log.warning("nothing is collected until it is mended: %s", error)
                return 0
            gone = self._releases.collect(pointer.kept)
            return gone + self._blobs.collect(needed.union(wanted))
