# SPDX-License-Identifier: Apache-2.0
"""What orders ask of the catalog: names, and which SKUs a barcode stands for."""

from __future__ import annotations

from typing import Protocol

from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.errors import CatalogError
from kiosk.values import Box, Code, Record

NOWHERE = Box(0, 0, 0, 0)


class Articles(Protocol):
    """The catalog that answers now. Called from several threads."""

    def record(self, sku: str) -> Record | None:
        """None when the catalog has no such SKU, or there is no catalog."""
        ...

    def filed(self, barcode: str) -> tuple[str, ...]:
        """SKUs that the catalog files under a barcode; empty when it knows none."""
        ...

    def release(self) -> str:
        """Of the catalog that answers now; empty when there is none."""
        ...


class NoArticles:
    """A kiosk without a catalog: lists are checked by barcode and by hand."""

    def record(self, sku: str) -> Record | None:
        return None

    def filed(self, barcode: str) -> tuple[str, ...]:
        return ()

    def release(self) -> str:
        return ""


class CatalogArticles:
    """From the snapshot that is current."""

    def __init__(self, slot: SnapshotSlot) -> None:
        self._slot = slot

    def record(self, sku: str) -> Record | None:
        with self._slot.borrow() as snapshot:
            if snapshot is None:
                return None
            try:
                return snapshot.record(sku)
            except CatalogError:  # the catalog does not have it
                return None

    def filed(self, barcode: str) -> tuple[str, ...]:
        with self._slot.borrow() as snapshot:
            if snapshot is None:
                return ()
            return snapshot.coded((Code(barcode, "", NOWHERE),))

    def release(self) -> str:
        with self._slot.borrow() as snapshot:
            return "" if snapshot is None else snapshot.release
