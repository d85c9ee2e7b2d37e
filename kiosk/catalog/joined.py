# SPDX-License-Identifier: Apache-2.0
"""Several segments as one catalog: one numbering, the newest record of a SKU, the dead left out.

A reference's row is that in its segment plus the rows of those before it, dead ones included; and
so are pictures numbered. A SKU is in the catalog while it has a reference that lives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.segment import Segment
from kiosk.errors import CatalogError
from kiosk.search import Block, Rows, similarities
from kiosk.search.exact import CHUNK_ROWS
from kiosk.values import Features, Record

Dead = NDArray[np.bool_]
"""(pictures,) which pictures of a segment are gone."""
Ranked = tuple[tuple[str, float], ...]
"""SKUs and their similarities, best first."""
_QUERIES = 256
"""Held against a part of the references at once."""


class Joined:
    """Immutable; one user of each of its segments."""

    def __init__(self, segments: Sequence[Segment], dead: Sequence[Dead]) -> None:
        """`dead`: one for each segment. Raises CatalogError when they do not fit."""
        self.segments = tuple(segments)
        self.dead = tuple(dead)
        self._check()
        self.starts = _starts(len(each.vectors) for each in segments)
        """First row of each segment; at the end their number."""
        self.picture_starts = _starts(each.picture_count for each in segments)
        lives = [~gone[each.pictures] for each, gone in zip(segments, dead, strict=True)]
        self.live: NDArray[np.bool_] = np.concatenate(lives) if lives else np.zeros(0, np.bool_)
        """(N,) which references are searched."""
        found: set[str] = set()
        for each, live in zip(segments, lives, strict=True):
            found.update(each.skus[number] for number in np.unique(each.owners[live]).tolist())
        self.skus: tuple[str, ...] = tuple(sorted(found))
        """The SKUs of this catalog; positions in here are what `owners` holds."""
        self.place: dict[str, int] = {sku: number for number, sku in enumerate(self.skus)}
        self._newest = np.zeros(len(self.skus), np.int32)
        kinds = [""] * len(self.skus)
        owners = []
        for number, (each, live) in enumerate(zip(segments, lives, strict=True)):
            places = np.array([self.place.get(sku, -1) for sku in each.skus], np.int32)
            self._newest[places[places >= 0]] = number
            for at, kind in zip(places.tolist(), each.kinds, strict=True):
                if at >= 0:
                    kinds[at] = kind
            owners.append(np.where(live, places[each.owners], -1) if len(live) else each.owners)
        self.kinds: tuple[str, ...] = tuple(kinds)
        """The category of each of `skus`."""
        self.owners: NDArray[np.int32] = _joined(owners)
        """(N,) position in `skus` of the SKU of each reference; -1: it is dead."""
        self.pictures: NDArray[np.int32] = _joined(
            [
                each.pictures + start
                for each, start in zip(segments, self.picture_starts[:-1], strict=True)
            ]
        )
        """(N,) number of the picture behind each reference."""
        self.barcodes: Mapping[str, tuple[str, ...]] = self._filed()

    def _check(self) -> None:
        if any(
            len(gone) != each.picture_count
            for each, gone in zip(self.segments, self.dead, strict=True)
        ):
            raise CatalogError("the tombstones do not fit their segments; restore the release")
        widths = {each.vectors.shape[1] for each in self.segments if len(each.vectors)}
        if len(widths) > 1:
            raise CatalogError(f"references of {widths} numbers cannot be searched together")

    def _filed(self) -> dict[str, tuple[str, ...]]:
        """SKUs by normalised barcode: what their newest records say."""
        found: dict[str, set[str]] = {}
        for number, each in enumerate(self.segments):
            for code, skus in each.barcodes.items():
                for sku in skus:
                    at = self.place.get(sku)
                    if at is not None and self._newest[at] == number:
                        found.setdefault(code, set()).add(sku)
        return {code: tuple(sorted(skus)) for code, skus in found.items()}

    def extended(self, added: Segment) -> Joined:
        """The same with one more, newest segment; both are to be closed."""
        gone = np.zeros(added.picture_count, np.bool_)
        longer = Joined((*self.segments, added), (*self.dead, gone))
        return longer.shared()

    def shared(self) -> Joined:
        """The same for one more user."""
        for segment in self.segments:
            segment.share()
        return self

    def close(self) -> None:
        """Called once by each user."""
        for segment in self.segments:
            segment.close()

    @property
    def picture_count(self) -> int:
        """Pictures that live."""
        return int(sum((~gone).sum() for gone in self.dead))

    def record(self, sku: str) -> Record:
        """Raises CatalogError when the catalog has no such SKU."""
        at = self.place.get(sku)
        if at is None:
            raise CatalogError(f"there is no SKU {sku!r} in this catalog")
        return self.segments[int(self._newest[at])].record(sku)

    def thumbnail(self, row: int) -> bytes:
        """JPEG of the picture behind a reference. Raises CatalogError."""
        segment, picture = self._behind(row)
        return segment.thumbnail(picture)

    def custom(self, row: int) -> str:
        """Custom content of the picture behind a reference; empty: none. Raises CatalogError."""
        segment, picture = self._behind(row)
        return segment.custom(picture)

    def features(self, picture: int) -> Features | None:
        """Local features of a picture; None: there are none."""
        segment, number = self._at(picture)
        return segment.features(number)

    def segment_of(self, picture: int) -> Segment:
        """The segment that a picture is in."""
        return self._at(picture)[0]

    def categories(self) -> dict[str, int]:
        """SKUs in each category, by name."""
        return dict(sorted(Counter(self.kinds).items()))

    def _behind(self, row: int) -> tuple[Segment, int]:
        """The segment of a reference, and the number of its picture in it."""
        if not 0 <= row < len(self.owners):
            raise CatalogError(f"there is no reference {row} in this catalog")
        return self._at(int(self.pictures[row]))

    def _at(self, picture: int) -> tuple[Segment, int]:
        number = int(np.searchsorted(self.picture_starts, picture, side="right")) - 1
        return self.segments[number], picture - int(self.picture_starts[number])


class JoinedDetails:
    """The local features of all segments, by picture."""

    def __init__(self, joined: Joined, name: str) -> None:
        self._joined = joined
        self.name = name

    def of(self, picture: int) -> Features | None:
        return self._joined.features(picture)


def rows_of(joined: Joined) -> Rows:
    """The references as a search sees them; an index may be built over those in files."""
    return Rows(
        [Block(each.name if each.file else "", each.vectors, each.file) for each in joined.segments]
    )


def nearest(
    joined: Joined, queries: NDArray[np.float32]
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Best similarity and SKU of each of (Q, D) queries, by looking at every living reference.

    Memory stays bounded whatever the catalog's size.
    """
    rows, living = rows_of(joined), np.flatnonzero(joined.live)
    best = np.full(len(queries), -np.inf, np.float32)
    where = np.zeros(len(queries), np.intp)
    for start in range(0, len(living), CHUNK_ROWS):
        part = living[start : start + CHUNK_ROWS]
        near = similarities(queries, rows.take(part))
        at = near.argmax(axis=1)
        value = near[np.arange(len(near)), at]
        where = np.where(value > best, part[at], where)
        best = np.maximum(best, value)
    return best, tuple(joined.skus[owner] for owner in joined.owners[where])


def nearest_skus(joined: Joined, queries: NDArray[np.float32], count: int) -> list[Ranked]:
    """The `count` SKUs nearest to each of (Q, D) queries, by looking at every living reference.

    Many queries at once cost little more than one, which has all references widened for itself.
    Memory stays bounded whatever the catalog's size, but for a SKU with very many references.
    """
    if not len(queries):
        return []
    rows, living = rows_of(joined), np.flatnonzero(joined.live)
    living = living[np.argsort(joined.owners[living], kind="stable")]
    first = np.flatnonzero(np.diff(joined.owners[living], prepend=-1))
    # Cut between SKUs: each is met in one part only.
    cuts = first[np.flatnonzero(np.diff(first // CHUNK_ROWS, prepend=-1))].tolist()
    best = np.full((len(queries), 0), -np.inf, np.float32)
    where = np.zeros((len(queries), 0), np.intp)
    for start, end in zip(cuts, [*cuts[1:], len(living)], strict=True):
        part = rows.take(living[start:end])
        starts = first[(first >= start) & (first < end)]
        owners = np.broadcast_to(joined.owners[living[starts]], (len(queries), len(starts)))
        near = [
            np.maximum.reduceat(
                similarities(queries[low : low + _QUERIES], part), starts - start, axis=1
            )
            for low in range(0, len(queries), _QUERIES)
        ]
        found = np.hstack([best, np.concatenate(near)])
        named = np.hstack([where, owners])
        order = np.argsort(-found, axis=1, kind="stable")[:, :count]
        best = np.take_along_axis(found, order, axis=1)
        where = np.take_along_axis(named, order, axis=1)
    return [
        tuple((joined.skus[sku], value) for sku, value in zip(skus, values, strict=True))
        for skus, values in zip(where.tolist(), best.tolist(), strict=True)
    ]


def _starts(counts: Iterable[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(list(counts), dtype=np.int64)]).astype(np.int64)


def _joined(parts: Sequence[NDArray[np.integer]]) -> NDArray[np.int32]:
    return np.concatenate(parts).astype(np.int32) if parts else np.zeros(0, np.int32)
