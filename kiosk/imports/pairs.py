# SPDX-License-Identifier: Apache-2.0
"""Whether a SKU and picture name were seen before in this import: in fixed memory, so "perhaps".

A Bloom filter. After a million pairs about one in a million of the answers "perhaps" is wrong; "no"
never is.
"""

from __future__ import annotations

_BITS = 27
_MASK = (1 << _BITS) - 1
_SPREAD = 0x9E3779B97F4A7C15


class PairsSeen:
    """16 MiB, whatever the number of pairs."""

    def __init__(self) -> None:
        self._bits = bytearray(1 << (_BITS - 3))

    def perhaps(self, sku: str, picture: str) -> bool:
        """False: this pair is new. It is known from now on."""
        mixed = hash((sku, picture)) * _SPREAD
        seen = True
        for place in (mixed & _MASK, mixed >> 27 & _MASK, mixed >> 54 & _MASK, mixed >> 81 & _MASK):
            bit = 1 << (place & 7)
            if not self._bits[place >> 3] & bit:
                self._bits[place >> 3] |= bit
                seen = False
        return seen
