# SPDX-License-Identifier: Apache-2.0
"""Search: the nearest references of an embedding, by Annoy where it proves itself, else exactly."""

from kiosk.search.cosine import similarities
from kiosk.search.exact import ExactIndex, Index, Together
from kiosk.search.open import OpenIndex, mapped, open_index
from kiosk.search.rows import Block, Rows

__all__ = [
    "Block",
    "ExactIndex",
    "Index",
    "OpenIndex",
    "Rows",
    "Together",
    "mapped",
    "open_index",
    "similarities",
]
