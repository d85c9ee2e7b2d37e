# SPDX-License-Identifier: Apache-2.0
"""What the pages and the orders ask of the catalog that is open."""

from __future__ import annotations

import logging

from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.errors import CatalogError

_log = logging.getLogger(__name__)


class Gallery:
    """Catalog pictures for the page, from the snapshot that is current."""

    def __init__(self, slot: SnapshotSlot) -> None:
        self._slot = slot

    def thumbnail(self, release: str, reference: int) -> bytes | None:
        """None when that release is no longer open or has no such reference."""
        with self._slot.borrow() as snapshot:
            if snapshot is None or snapshot.release != release:
                return None
            try:
                return snapshot.thumbnail(reference)
            except CatalogError as error:
                _log.warning("%s", error)
                return None
