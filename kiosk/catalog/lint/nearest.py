# SPDX-License-Identifier: Apache-2.0
"""How near each picture comes to the other SKUs, and to the rest of its own.

Every picture as it is against all references, in blocks: memory stays bounded whatever the
catalog's size, and time is one pass of exact search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kiosk.catalog.lint.content import Content, Floats, Numbers, Rows

RIVALS = 8
"""Other SKUs kept for each picture: the nearest."""
_QUERY_BLOCK, _REFERENCE_BLOCK = 512, 8192

Tell = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearness:
    """(P, ...) for each picture as it is."""

    rivals: Numbers
    """(P, RIVALS) positions of the nearest other SKUs, best first; -1: there is none."""
    near: Floats
    """(P, RIVALS) similarity to the nearest reference of each; -inf: there is none."""
    sisters: Floats
    """Best similarity to the other pictures of its SKU; -inf: there is none."""


def nearness(content: Content, tell: Tell) -> Nearness:
    """Search once for every picture."""
    count = len(content.pictures)
    values = np.full((count, RIVALS), -np.inf, np.float32)
    skus = np.full((count, RIVALS), -1, np.int32)
    total = len(content.vectors)
    row_skus = np.repeat(content.owners, np.diff(content.first))
    for low in range(0, total, _REFERENCE_BLOCK):
        tell("Comparing references", low, total)
        part = content.vectors[low : low + _REFERENCE_BLOCK].astype(np.float32)
        owned = row_skus[low : low + _REFERENCE_BLOCK]
        starts = np.flatnonzero(np.diff(owned, prepend=-1))
        for start in range(0, count, _QUERY_BLOCK):
            block = slice(start, start + _QUERY_BLOCK)
            near = content.plain(np.arange(count)[block]) @ part.T
            best = np.maximum.reduceat(near, starts, axis=1)
            found = np.broadcast_to(owned[starts], best.shape)
            best = np.where(found == content.owners[block, None], -np.inf, best)
            values[block], skus[block] = _merged(values[block], skus[block], best, found)
    skus[~np.isfinite(values)] = -1
    return Nearness(skus, values, _sisters(content))


def _merged(values: Floats, skus: Numbers, best: Floats, found: Numbers) -> tuple[Floats, Numbers]:
    """The RIVALS best of what was found before and now."""
    # The SKU that a block begins with may have begun in the one before.
    again = skus == found[:, :1]
    best[:, 0] = np.maximum(best[:, 0], np.where(again, values, -np.inf).max(axis=1))
    values = np.hstack([np.where(again, -np.inf, values), best])
    skus = np.hstack([skus, found])
    order = np.argsort(-values, axis=1, kind="stable")[:, :RIVALS]
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(skus, order, axis=1)


def _sisters(content: Content) -> Floats:
    """Best similarity of each picture to the other pictures of its SKU."""
    best = np.full(len(content.pictures), -np.inf, np.float32)
    for low, high in pairwise(content.first_picture.tolist()):
        for start in range(low, high, _QUERY_BLOCK):
            queries = np.arange(start, min(start + _QUERY_BLOCK, high))
            wide = content.plain(queries)
            for begin in range(low, high, _QUERY_BLOCK):
                others = np.arange(begin, min(begin + _QUERY_BLOCK, high))
                best[queries] = np.maximum(best[queries], _best(content, wide, queries, others))
    return best


def _best(content: Content, wide: Floats, queries: Rows, others: Rows) -> Floats:
    """Best similarity of queries (their vectors are `wide`) to the references of other pictures."""
    low, high = int(content.first[others[0]]), int(content.first[others[-1] + 1])
    near = wide @ content.vectors[low:high].astype(np.float32).T
    by_picture = np.maximum.reduceat(near, content.first[others] - low, axis=1)
    by_picture[np.equal.outer(queries, others)] = -np.inf
    found: Floats = by_picture.max(axis=1)
    return found
