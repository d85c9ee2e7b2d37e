# SPDX-License-Identifier: Apache-2.0
"""The references of several segments under one numbering, and which of them to search.

Nothing is copied: a block may be mapped from the disk and shared with another snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """(N, D) float16 unit vectors."""

    name: str
    """Names its content; empty: it has no lasting content, and no index is built over it."""
    vectors: NDArray[np.float16]
    path: Path | None = None
    """The .npy file that holds them, if one does."""


class Rows:
    """Blocks one behind the other. Immutable."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(blocks)
        counts = [len(block.vectors) for block in blocks]
        self.starts: Numbers = np.concatenate([[0], np.cumsum(counts, dtype=np.intp)])
        """First row of each block; at the end their number."""
        widths = [block.vectors.shape[1] for block in blocks if len(block.vectors)]
        self.dimension = widths[0] if widths else 0

    @classmethod
    def of(cls, vectors: NDArray[np.float16], name: str = "vectors") -> Rows:
        """One block."""
        return cls((Block(name, vectors),))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def lasting(self) -> Numbers:
        """Rows that an index may be built over."""
        spans = zip(self.blocks, self.starts[:-1], self.starts[1:], strict=True)
        parts = [np.arange(start, end) for block, start, end in spans if block.name]
        return np.concatenate([np.zeros(0, np.intp), *parts])

    def take(self, rows: Numbers) -> NDArray[np.float32]:
        """(len(rows), D) references, widened. Cheapest where rows follow each other."""
        wide = np.empty((len(rows), self.dimension), np.float32)
        if not len(rows):
            return wide
        first, last = int(rows[0]), int(rows[-1])
        number = self._block(first)
        start, end = int(self.starts[number]), int(self.starts[number + 1])
        if last < end and last - first == len(rows) - 1 and (np.diff(rows) == 1).all():
            wide[:] = self.blocks[number].vectors[first - start : last - start + 1]
            return wide
        owners = np.searchsorted(self.starts, rows, side="right") - 1
        for number in np.unique(owners).tolist():
            here = owners == number
            wide[here] = self.blocks[number].vectors[rows[here] - self.starts[number]]
        return wide

    def _block(self, row: int) -> int:
        return int(np.searchsorted(self.starts, row, side="right")) - 1
