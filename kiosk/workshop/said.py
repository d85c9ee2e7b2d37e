# SPDX-License-Identifier: Apache-2.0
"""What the lines of an import have said of SKUs, to name a line that says something else.

In fixed memory, so of the last half a million SKUs or so: what is forgotten is not named, and what
is named is so. Two files of an import may differ, as `skus.csv` has the last word.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from kiosk.imports.changes import Remark
from kiosk.imports.texts import shown
from kiosk.workshop.changes import Change, PutSku, RemoveSku

_BITS = 20
_HALF = (1 << 32) - 1
_FIELDS = ("name", "category", "barcodes", "flip")


class SaidOfSkus:
    """8 MiB, whatever the number of SKUs."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 << _BITS))
        """By SKU and field: which they are, and what was said, 32 bits of a hash each."""

    def contradictions(self, source: str, changes: Sequence[Change]) -> tuple[Remark, ...]:
        """What these changes, of a line of the file `source`, say otherwise than an earlier one of
        it. They are known from now on.
        """
        found: list[Remark] = []
        for change in changes:
            if isinstance(change, RemoveSku):
                self._forget(source, change.sku)
            elif isinstance(change, PutSku):
                found += self._differing(source, change)
        return tuple(found)

    def _differing(self, source: str, put: PutSku) -> list[Remark]:
        found = []
        values = (put.name, put.category, put.barcodes, put.flip)
        for field, value in zip(_FIELDS, values, strict=True):
            if value is None or value == "":
                continue
            slot, key = _place(source, put.sku, field)
            said, known = hash(value) & _HALF, self._slots[slot]
            if known >> 32 == key and known & _HALF != said:
                counts = "the earlier is kept" if put.if_new else "this one counts"
                what = shown(" ".join(value) if isinstance(value, tuple) else value)
                reason = f"the {field} of {put.sku} is {what} here, another in an earlier line"
                found.append(Remark("Contradiction", f"{reason}; {counts}"))
                if put.if_new:
                    continue
            self._slots[slot] = key << 32 | said
        return found

    def _forget(self, source: str, sku: str) -> None:
        for field in _FIELDS:
            slot, key = _place(source, sku, field)
            if self._slots[slot] >> 32 == key:
                self._slots[slot] = 0


def _place(source: str, sku: str, field: str) -> tuple[int, int]:
    """The slot, and what it is known by there, which is not 0."""
    mixed = hash((source, sku, field))
    return mixed & (1 << _BITS) - 1, mixed >> 32 & _HALF | 1
