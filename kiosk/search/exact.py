# SPDX-License-Identifier: Apache-2.0
"""Exact search: what every other index is held against, and the fallback for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import EmbeddingError
from kiosk.search.cosine import similarities
from kiosk.search.rows import Numbers, Rows
from kiosk.values import Embedding, Neighbour

IN_MEMORY_ROWS = 20_000
"""Up to here a float32 copy is kept: 20 MB at 256 dimensions, and a search takes about 1 ms."""
CHUNK_ROWS = 8192
"""Rows widened to float32 at a time above that, so that memory stays at a few MB."""


class Index(Protocol):
    """Finds the nearest references. Safe to call from several threads."""

    name: str
    """For the status page: which engine answers, and why."""

    def search(self, query: Embedding, count: int) -> list[Neighbour]:
        """The `count` nearest references (fewer when there are fewer), best first."""
        ...

    def shared(self) -> Index:
        """The same for one more user."""
        ...

    def close(self) -> None:
        """Give memory back. Called once by each user, when no search of its is running."""
        ...


class ExactIndex:
    """All similarities, by matrix product over (N, D) float16 unit vectors."""

    def __init__(self, rows: Rows, chosen: Numbers | None = None, reason: str = "") -> None:
        """`chosen`: which rows, rising; None: all."""
        self.name = f"exact ({reason})" if reason else "exact"
        self.chosen: Numbers = np.arange(len(rows)) if chosen is None else chosen
        self._rows = rows
        self._wide = rows.take(self.chosen) if len(self.chosen) <= IN_MEMORY_ROWS else None

    def similarities(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """(Q, len(chosen)) cosine similarities of (Q, D) unit-length queries."""
        if self._wide is not None:
            return similarities(queries, self._wide)
        parts = [
            similarities(queries, self._rows.take(self.chosen[start : start + CHUNK_ROWS]))
            for start in range(0, len(self.chosen), CHUNK_ROWS)
        ]
        return np.concatenate(parts, axis=1)

    def search(self, query: Embedding, count: int) -> list[Neighbour]:
        check_query(query, self._rows.dimension)
        near = self.similarities(query[None])[0]
        best = best_rows(near, count)
        return [Neighbour(int(self.chosen[at]), float(near[at])) for at in best]

    def shared(self) -> ExactIndex:
        return self

    def close(self) -> None:
        """Nothing is open; the memory goes with the last that refers to it."""


class Together:
    """Several indexes over different rows of one numbering, searched as one."""

    def __init__(self, parts: Sequence[Index], name: str) -> None:
        self.name = name
        self.parts = tuple(parts)

    def search(self, query: Embedding, count: int) -> list[Neighbour]:
        found = [one for part in self.parts for one in part.search(query, count)]
        return sorted(found, key=lambda one: (-one.similarity, one.reference))[:count]

    def shared(self) -> Together:
        return Together([part.shared() for part in self.parts], self.name)

    def close(self) -> None:
        for part in self.parts:
            part.close()


def best_rows(similarities: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Rows of the `count` largest values, largest first, ties by row: the same on every machine."""
    count = min(count, len(similarities))
    if count < len(similarities):
        rows = np.argpartition(-similarities, count - 1)[:count]
    else:
        rows = np.arange(count)
    return rows[np.lexsort((rows, -similarities[rows]))]


def check_query(query: Embedding, dimension: int) -> None:
    """Raises EmbeddingError unless `query` is a finite, non-zero vector of `dimension` numbers."""
    if query.shape != (dimension,):
        raise EmbeddingError(f"a query of shape {query.shape} cannot search {dimension} dimensions")
    with np.errstate(over="ignore"):  # an infinite length is refused below
        length = float(np.linalg.norm(query))
    if not 0.5 < length < 2.0:
        raise EmbeddingError(f"a query of length {length} is not a unit vector: check the embedder")
