# SPDX-License-Identifier: Apache-2.0
"""One release opened in memory, and the slot it is swapped through while frames are in flight.

A snapshot is immutable. It is borrowed for the length of one frame or one request; a swap makes the
new one current at once and closes the old one when its last borrower has given it back.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kiosk.barcode import skus_of
from kiosk.catalog.calibration import Calibration
from kiosk.catalog.details import (
    COMPARED_PICTURES,
    READ_WHOLE_BYTES,
    Details,
    open_details,
)
from kiosk.catalog.manifest import (
    CALIBRATION,
    DERIVED,
    FEATURES,
    PICTURES,
    RECORDS,
    VECTORS,
    Manifest,
    check_bytes,
    check_files,
    read_manifest,
)
from kiosk.catalog.records import Records
from kiosk.catalog.trusted import Trust, trust
from kiosk.config import SearchConfig
from kiosk.errors import CatalogError
from kiosk.search import Index, open_index
from kiosk.values import Code, Embedding, Match, Neighbour, Record, Thresholds

_TYPICAL = 4
"""A SKU with that many times the typical references is not waited for in the first search."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match, and what a second look may compare."""

    match: Match
    pictures: tuple[int, ...]
    """Numbers of the SKU's pictures that the search found nearest, best first."""


class Snapshot:
    """A release, its index and its records, ready to answer. Safe to use from several threads."""

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        records: Records,
        index: Index,
        neighbours: int,
        details: Details,
        trusted: Trust,
        vectors: NDArray[np.float16],
    ) -> None:
        self.path = path
        self.manifest = manifest
        self._records = records
        self._index = index
        self._neighbours = neighbours
        self._details = details
        self._counts: NDArray[np.intp] = np.sort(np.bincount(records.owners))[::-1]
        self._owners = records.owners
        self._vectors = vectors
        self._trust = trusted
        calibration = trusted.calibration
        self._group = {sku: name for name, skus in calibration.groups.items() for sku in skus}
        self._accept = calibration.accept
        self._distinct = len(records.skus)

    @classmethod
    def open(cls, path: Path, *, embedder: str, config: SearchConfig) -> Snapshot:
        """Open the release folder `path` for vectors of the embedder with this sha256.

        Raises CatalogError when the release is missing, damaged, or made with another embedder.
        """
        manifest = read_manifest(path)
        check_files(path, manifest)
        # What answers come from is checked byte for byte every time, thumbnails only by size.
        check_bytes(path, manifest, (VECTORS, RECORDS, FEATURES, PICTURES, CALIBRATION))
        if manifest.embedder.sha256 != embedder:
            raise CatalogError(
                f"{path}: its vectors were made by embedder {manifest.embedder.sha256[:12]}…, this "
                f"kiosk has {embedder[:12]}…; build the catalog again with this kiosk's models"
            )
        trusted = trust(path, manifest)
        details = open_details(path, manifest)
        vectors = _vectors(path / VECTORS, manifest)
        with ExitStack() as undo:
            records = Records.open(path / RECORDS)
            undo.callback(records.close)
            if len(records.owners) != len(vectors):
                raise CatalogError(f"{path}: records and vectors differ in number; build it again")
            index = open_index(vectors, path / DERIVED, release=manifest.release, config=config)
            undo.pop_all()
        return cls(path, manifest, records, index, config.neighbours, details, trusted, vectors)

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
        wanted = min(count, self._distinct)
        fetch = self._fetched(wanted)
        while True:
            best: dict[str, Match] = {}
            pictures: dict[str, list[int]] = {}
            for neighbour in self._index.search(embedding, fetch):
                row = neighbour.reference
                sku = self._records.skus[self._owners[row]]
                if sku not in best:
                    best[sku] = self._match(sku, neighbour)
                found = pictures.setdefault(sku, [])
                picture = int(self._records.pictures[row])
                if picture not in found and len(found) < COMPARED_PICTURES:
                    found.append(picture)
            if len(best) >= wanted or fetch >= len(self._owners):
                listed = tuple(best.values())[:wanted]
                return tuple(Candidate(match, tuple(pictures[match.sku])) for match in listed)
            fetch = min(fetch * 4, len(self._owners))

    def named(self, sku: str, embedding: Embedding) -> Candidate:
        """How like one SKU of this catalog it is, however far down a search would list it."""
        rows = np.flatnonzero(self._owners == self._records.skus.index(sku))
        near = self._vectors[rows].astype(np.float32) @ embedding
        order = rows[np.argsort(-near, kind="stable")]
        pictures = tuple(dict.fromkeys(int(self._records.pictures[row]) for row in order))
        best = Neighbour(int(order[0]), float(near.max()))
        return Candidate(self._match(sku, best), pictures[:COMPARED_PICTURES])

    def _match(self, sku: str, neighbour: Neighbour) -> Match:
        return Match(
            sku,
            neighbour.similarity,
            neighbour.reference,
            group=self._group.get(sku, ""),
            category=self._records.kinds[self._owners[neighbour.reference]],
            accept=self._accept.get(sku),
        )

    def _fetched(self, wanted: int) -> int:
        """References to ask for: as many as the SKUs with most of them may take from the others.

        A few SKUs with very many references are left to a second search.
        """
        enough = 1 + int(self._counts[: max(0, wanted - 1)].sum())
        typical = _TYPICAL * wanted * math.ceil(len(self._owners) / self._distinct)
        return min(max(self._neighbours, min(enough, typical)), len(self._owners))

    def record(self, sku: str) -> Record:
        """Raises CatalogError when the catalog has no such SKU."""
        return self._records.record(sku)

    def coded(self, codes: Sequence[Code]) -> tuple[str, ...]:
        """SKUs that the catalog files under barcodes read on one item; empty: it knows none."""
        return skus_of(codes, self._records.barcodes)

    def thumbnail(self, reference: int) -> bytes:
        """JPEG of the catalog picture behind a reference row. Raises CatalogError."""
        name = self._records.thumbnail(reference)
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise CatalogError(f"{self.path / name}: {error.strerror}; restore the file") from error

    def close(self) -> None:
        self._index.close()
        self._records.close()


class SnapshotSlot:
    """Where the current snapshot is borrowed and swapped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Snapshot | None = None
        self._loans: dict[int, int] = {}
        self._retired: dict[int, Snapshot] = {}

    @contextmanager
    def borrow(self) -> Iterator[Snapshot | None]:
        """The current snapshot, kept open until the block ends; None when there is none."""
        with self._lock:
            snapshot = self._current
            key = id(snapshot)
            self._loans[key] = self._loans.get(key, 0) + 1
        try:
            yield snapshot
        finally:
            with self._lock:
                self._loans[key] -= 1
                last = self._loans[key] == 0
                if last:
                    del self._loans[key]
                done = self._retired.pop(key, None) if last else None
            if done is not None:
                done.close()

    def swap(self, snapshot: Snapshot | None) -> None:
        """Make `snapshot` current. The old one closes with its last borrower, or now."""
        with self._lock:
            if snapshot is self._current:
                return
            self._retired.pop(id(snapshot), None)  # swapped back in while somebody still reads it
            old, self._current = self._current, snapshot
            if old is not None and id(old) in self._loans:
                self._retired[id(old)] = old
                old = None
        if old is not None:
            old.close()


def _vectors(path: Path, manifest: Manifest) -> NDArray[np.float16]:
    try:
        small = path.stat().st_size <= READ_WHOLE_BYTES
        mode: Literal["r"] | None = None if small else "r"
        vectors: NDArray[np.float16] = np.load(path, mmap_mode=mode, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path}: cannot be read ({error}); build the catalog again") from error
    if vectors.dtype != np.float16 or vectors.ndim != 2 or vectors.shape[1] != manifest.dimension:
        raise CatalogError(
            f"{path}: holds {vectors.dtype} {vectors.shape}, the manifest says float16 vectors of "
            f"{manifest.dimension}; build the catalog again"
        )
    if len(vectors) == 0:
        raise CatalogError(f"{path}: the catalog is empty; build it from at least one picture")
    return vectors
