# SPDX-License-Identifier: Apache-2.0
"""Annoy's part of a search: the rows that a mapped file covers, without those that are gone since.

Annoy knows nothing of tombstones. More is asked of it than is wanted, and more again while too
little of that lives; a query whose whole neighbourhood is gone is answered exactly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kiosk.search.annoy_index import AnnoyFile
from kiosk.search.cosine import similarities
from kiosk.search.exact import ExactIndex, check_query
from kiosk.search.rows import Numbers, Rows
from kiosk.values import Embedding, Neighbour

MOST_FETCHED = 8192
"""Items asked of Annoy for one query at most: beyond, looking at every row costs as much."""
OVER_FETCH = 3.0
"""Times the dead share more are asked for than are wanted."""


class Covered:
    """The living rows of an Annoy file. It is one user of the file."""

    def __init__(
        self, file: AnnoyFile, rows: Rows, live: NDArray[np.bool_], most: int = MOST_FETCHED
    ) -> None:
        """`live`: (N,) which of `rows` are searched; `most`: items asked for at most."""
        self.name = "annoy"
        self._most = most
        self.file = file
        self._rows = rows
        where = file.placed(rows)
        if len(live):
            where[(where >= 0) & ~live[where]] = -1
        else:
            where[:] = -1
        self._where = where
        self.rows: Numbers = np.sort(where[where >= 0])
        """The rows that it answers for, rising."""
        self.dead_share = 1 - len(self.rows) / max(1, len(where))

    def search(self, query: Embedding, count: int) -> list[Neighbour]:
        return self.search_with(query, count, self.file.search_k)

    def search_with(self, query: Embedding, count: int, search_k: int) -> list[Neighbour]:
        """Search at a given effort. Annoy proposes; the segments' vectors give the similarity."""
        check_query(query, self._rows.dimension)
        wanted = min(count, len(self.rows))
        rows = self._proposed(query, wanted, search_k)
        if rows is None:
            return ExactIndex(self._rows, self.rows).search(query, count)
        near = similarities(query, self._rows.take(rows))
        order = np.lexsort((rows, -near))[:wanted]
        return [Neighbour(int(rows[at]), float(near[at])) for at in order]

    def _proposed(self, query: Embedding, wanted: int, search_k: int) -> Numbers | None:
        """At least `wanted` rows that live; None: too few of the nearest do."""
        listed = query.tolist()
        trees = self.file.sidecar.trees
        most = min(len(self._where), max(self._most, 2 * wanted))
        fetch = min(most, wanted + math.ceil(OVER_FETCH * wanted * self.dead_share))
        effort = math.ceil(search_k / (1 - min(0.9, self.dead_share)))
        while True:
            # Asked for more than usual, Annoy looks at no more than search_k candidates of all
            # trees; what is gone is not to take its part of these.
            items = self.file.propose(listed, fetch, max(effort, fetch * trees))
            rows = self._where[items]
            rows = rows[rows >= 0]
            if len(rows) >= wanted:
                return rows
            if fetch >= most:
                return None
            fetch, effort = min(most, 2 * fetch), 2 * effort

    def shared(self) -> Covered:
        self.file.shared()
        return self

    def close(self) -> None:
        self.file.close()
