# SPDX-License-Identifier: Apache-2.0
"""One release opened in memory: its segments searched together, with what was added over it.

A snapshot is immutable. What it has open it shares with those made from it or opened beside it, so
that another release costs only what is new in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from kiosk.barcode import skus_of
from kiosk.catalog.calibration import Calibration
from kiosk.catalog.details import COMPARED_PICTURES, Details, NoDetails, method
from kiosk.catalog.found import Candidate as Candidate
from kiosk.catalog.found import Held, Site
from kiosk.catalog.joined import Joined, JoinedDetails, Ranked, nearest, nearest_skus, rows_of
from kiosk.catalog.manifest import (
    CALIBRATION,
    DERIVED,
    Manifest,
    check_bytes,
    check_files,
    read_manifest,
)
from kiosk.catalog.segment import Segment
from kiosk.catalog.slot import Slot
from kiosk.catalog.stored import open_segments
from kiosk.catalog.trusted import Trust, trust
from kiosk.config import SearchConfig
from kiosk.errors import CatalogError
from kiosk.search import ExactIndex, Index, OpenIndex, Together, mapped, open_index, similarities
from kiosk.search.fold import Fold
from kiosk.values import Code, Embedding, Match, Neighbour, Record, Thresholds

_TYPICAL = 4
"""A SKU with that many times the typical references is not waited for in the first search."""


class Snapshot:
    """A release, its index and its records, ready to answer. Safe to use from several threads."""

    def __init__(
        self,
        site: Site,
        joined: Joined,
        index: Index,
        details: Details,
        trusted: Trust,
        added: Mapping[str, float] = MappingProxyType({}),
        first_added: int | None = None,
    ) -> None:
        """Use `Snapshot.open`. `added`: own limits of SKUs with additions; `first_added`: the first
        row of these.
        """
        self.path, self.manifest = site.path, site.manifest
        self._site, self._joined, self._index = site, joined, index
        self._rows = rows_of(joined)
        self._details = details
        self._owners = joined.owners
        self._living = int(joined.live.sum())
        self._counts: NDArray[np.intp] = np.sort(np.bincount(joined.owners[joined.live]))[::-1]
        self._trust = trusted
        calibration = trusted.calibration
        self._group = {sku: name for name, skus in calibration.groups.items() for sku in skus}
        self._accept = calibration.accept
        self._added = added
        self._first_added = len(joined.owners) if first_added is None else first_added

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        embedder: str,
        config: SearchConfig,
        derived: Path | None = None,
        beside: Snapshot | None = None,
    ) -> Snapshot:
        """Open the release folder `path` for vectors of the embedder with this sha256.

        `derived`: where indexes are kept, by default inside the release. `beside`: a snapshot that
        is open, so that what both have is neither checked nor mapped again. Raises CatalogError
        when the release is missing, damaged, or made with another embedder.
        """
        manifest = read_manifest(path)
        check_files(path, manifest)
        # What answers come from is checked byte for byte, thumbnails only by size.
        check_bytes(path, manifest, (CALIBRATION,))
        if manifest.embedder.sha256 != embedder:
            raise CatalogError(
                f"{path}: its vectors were made by embedder {manifest.embedder.sha256[:12]}…, this "
                f"kiosk has {embedder[:12]}…; build the catalog again with this kiosk's models"
            )
        site = Site(path, manifest, derived or path / DERIVED, config)
        trusted = trust(path, manifest)
        there = beside._joined.segments if beside is not None else ()
        with ExitStack() as undo:
            joined = open_segments(path, manifest, beside=there)
            undo.callback(joined.close)
            index = open_index(
                rows_of(joined),
                joined.live,
                site.derived,
                config=config,
                beside=mapped(beside._index) if beside is not None else None,
            )
            undo.pop_all()
        return cls(site, joined, index, _details(manifest, joined), trusted)

    def extended(
        self, added: Segment, limits: Mapping[str, float] = MappingProxyType({})
    ) -> Snapshot:
        """The same release with what was added here; `limits`: the least similarity to accept of
        SKUs that need more than the release's. Both snapshots are to be closed.

        Raises CatalogError when the additions cannot be searched with it.
        """
        with ExitStack() as undo:
            joined = self._joined.extended(added)
            undo.callback(joined.close)
            rows, first = rows_of(joined), len(self._rows)
            fresh = ExactIndex(rows, np.arange(first, len(rows)))
            parts: list[Index] = [self._index.shared(), *([fresh] if len(rows) > first else [])]
            index = Together(parts, self._index.name)
            undo.pop_all()
        details = self._details
        if isinstance(details, JoinedDetails):
            details = JoinedDetails(joined, details.name)
        return Snapshot(self._site, joined, index, details, self._trust, limits, first)

    def reindexed(self) -> Snapshot:
        """The same with the best index there is by now. Both are to be closed."""
        joined = self._joined.shared()
        site = self._site
        index = open_index(rows_of(joined), joined.live, site.derived, config=site.config)
        return Snapshot(site, joined, index, self._details, self._trust)

    @property
    def due(self) -> bool:
        """Its Annoy file covers too little, or too much that is gone: see `fold`."""
        return isinstance(self._index, OpenIndex) and self._index.due

    def fold(self, *, gently: bool = True) -> Fold:
        """Start building an Annoy file over all of it, in a child process; afterwards `reindexed`
        finds it. `gently`: behind whatever else wants to run. Raises OSError.
        """
        site, live = self._site, self._joined.live
        return Fold(self._rows, live, site.derived, site.config.recall, gently=gently)

    @property
    def release(self) -> str:
        return self.manifest.release

    @property
    def thresholds(self) -> Thresholds:
        return self.calibration.thresholds

    @property
    def calibration(self) -> Calibration:
        """What this release says of itself; where it cannot be trusted, that only a person may
        accept anything.
        """
        return self._trust.calibration

    @property
    def calibrated(self) -> str:
        """What it states, after "on: ", or why nothing is accepted, after "off: "."""
        return self._trust.name

    @property
    def engine(self) -> str:
        """Which search answers, and why."""
        return self._index.name

    @property
    def details(self) -> Details:
        """Local features of the catalog pictures, or why there are none."""
        return self._details

    def match(self, embedding: Embedding, count: int) -> tuple[Match, ...]:
        """The `count` best SKUs (fewer when the catalog has fewer), best first.

        A SKU is as similar as its best reference.
        """
        return tuple(candidate.match for candidate in self.candidates(embedding, count))

    def candidates(self, embedding: Embedding, count: int) -> tuple[Candidate, ...]:
        """As `match`, with the pictures that were found nearest.

        When the nearest references belong to too few SKUs, more are fetched until they do.
        """
        skus, numbers = self._joined.skus, self._joined.pictures
        wanted = min(count, len(skus))
        fetch = self._fetched(wanted)
        while True:
            best: dict[str, Match] = {}
            pictures: dict[str, list[int]] = {}
            for neighbour in self._index.search(embedding, fetch):
                row = neighbour.reference
                sku = skus[self._owners[row]]
                if sku not in best:
                    best[sku] = self._match(sku, neighbour)
                found = pictures.setdefault(sku, [])
                picture = int(numbers[row])
                if picture not in found and len(found) < COMPARED_PICTURES:
                    found.append(picture)
            if len(best) >= wanted or fetch >= self._living:
                listed = tuple(best.values())[:wanted]
                return tuple(Candidate(match, tuple(pictures[match.sku])) for match in listed)
            fetch = min(fetch * 4, self._living)

    def named(self, sku: str, embedding: Embedding) -> Candidate:
        """How like one SKU of this catalog it is, however far down a search would list it."""
        held = self.references(sku)
        near = similarities(embedding, held.vectors)
        order = np.argsort(-near, kind="stable")
        pictures = tuple(dict.fromkeys(int(held.pictures[at]) for at in order))
        best = Neighbour(int(held.rows[order[0]]), float(near.max()))
        return Candidate(self._match(sku, best), pictures[:COMPARED_PICTURES])

    def references(self, sku: str) -> Held:
        """Those of one SKU. Raises CatalogError when the catalog has no such SKU."""
        number = self._joined.place.get(sku)
        if number is None:
            raise CatalogError(f"there is no SKU {sku!r} in this catalog")
        rows = np.flatnonzero(self._owners == number)
        return Held(rows, self._rows.take(rows), self._joined.pictures[rows])

    def _match(self, sku: str, neighbour: Neighbour) -> Match:
        limits = (self._accept.get(sku), self._added.get(sku))
        return Match(
            sku,
            neighbour.similarity,
            neighbour.reference,
            group=self._group.get(sku, ""),
            category=self._joined.kinds[self._owners[neighbour.reference]],
            accept=max((each for each in limits if each is not None), default=None),
            added=neighbour.reference >= self._first_added,
        )

    def _fetched(self, wanted: int) -> int:
        """References to ask for: as many as the SKUs with most of them may take from the others.

        A few SKUs with very many references are left to a second search.
        """
        enough = 1 + int(self._counts[: max(0, wanted - 1)].sum())
        typical = _TYPICAL * wanted * math.ceil(self._living / len(self._joined.skus))
        neighbours = self._site.config.neighbours
        return min(max(neighbours, min(enough, typical)), self._living)

    def exact(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """Best similarity and SKU of each of (Q, D) queries, by looking at every reference."""
        return nearest(self._joined, queries)

    def ranked(self, queries: NDArray[np.float32], count: int) -> list[Ranked]:
        """See `nearest_skus`."""
        return nearest_skus(self._joined, queries, count)

    def record(self, sku: str) -> Record:
        """Raises CatalogError when the catalog has no such SKU."""
        return self._joined.record(sku)

    def coded(self, codes: Sequence[Code]) -> tuple[str, ...]:
        """SKUs that the catalog files under barcodes read on one item; empty: it knows none."""
        return skus_of(codes, self._joined.barcodes)

    def thumbnail(self, reference: int) -> bytes:
        """JPEG of the catalog picture behind a reference row. Raises CatalogError."""
        return self._joined.thumbnail(reference)

    def custom(self, reference: int) -> str:
        """Custom content of the catalog picture behind a reference row. Raises CatalogError."""
        return self._joined.custom(reference)

    def close(self) -> None:
        """Called once; what others share stays open."""
        self._index.close()
        self._joined.close()


class SnapshotSlot(Slot[Snapshot]):
    """Where the current snapshot is borrowed and swapped."""


def _details(manifest: Manifest, joined: Joined) -> Details:
    """Features of another method are no damage: they are not used."""
    if not manifest.features:
        return NoDetails()
    if manifest.features != method():
        return NoDetails("off: this release was made for another second look, build it again")
    return JoinedDetails(joined, f"on: {method()}")
