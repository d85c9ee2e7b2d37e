# SPDX-License-Identifier: Apache-2.0
"""Exact search: what every other index is held against, and the fallback for all of them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import EmbeddingError
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

    def close(self) -> None:
        """Give memory back. Called once, when no search is running."""
        ...


class ExactIndex:
    """All similarities, by matrix product over (N, D) float16 unit vectors."""

    def __init__(self, vectors: NDArray[np.float16], reason: str = "") -> None:
        self.name = f"exact ({reason})" if reason else "exact"
        self._vectors = vectors
        small = len(vectors) <= IN_MEMORY_ROWS
        self._wide = vectors.astype(np.float32) if small else None

    def similarities(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """(Q, N) cosine similarities of (Q, D) unit-length queries."""
        if self._wide is not None:
            return queries @ self._wide.T
        parts = [
            queries @ self._vectors[start : start + CHUNK_ROWS].astype(np.float32).T
            for start in range(0, len(self._vectors), CHUNK_ROWS)
        ]
        return np.concatenate(parts, axis=1)

    def search(self, query: Embedding, count: int) -> list[Neighbour]:
        check_query(query, self._vectors.shape[1])
        similarities = self.similarities(query[None])[0]
        rows = best_rows(similarities, count)
        return [Neighbour(int(row), float(similarities[row])) for row in rows]

    def close(self) -> None:
        self._wide = None


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
