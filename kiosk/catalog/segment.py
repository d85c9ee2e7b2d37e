# SPDX-License-Identifier: Apache-2.0
"""A segment: an immutable block of pictures with their references, as a snapshot sees it.

A release holds several, in an order; a newer one knows better. Rows and pictures are numbered from
0 inside a segment. Several snapshots share an opened one: it closes with its last user.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from kiosk.barcode import filed
from kiosk.errors import CatalogError
from kiosk.values import Features, Record

LENGTH_TOLERANCE = 0.02
"""A reference vector's length may differ from 1 by less than this."""
_CHUNK_ROWS = 8192


class Segment(Protocol):
    """Safe to use from several threads."""

    @property
    def name(self) -> str:
        """Names its content: equal names, equal content. Empty: it has no lasting content."""
        ...

    @property
    def file(self) -> Path | None:
        """The .npy file of `vectors`; None: they are in memory only, and no index is built."""
        ...

    @property
    def vectors(self) -> NDArray[np.float16]:
        """(N, D) references, unit length; N may be 0."""
        ...

    @property
    def skus(self) -> Sequence[str]:
        """The SKUs that it has a record of, each once."""
        ...

    @property
    def kinds(self) -> Sequence[str]:
        """The category of each of `skus`."""
        ...

    @property
    def owners(self) -> NDArray[np.int32]:
        """(N,) position in `skus` of the SKU of each reference."""
        ...

    @property
    def pictures(self) -> NDArray[np.int32]:
        """(N,) number of the picture behind each reference; never falls."""
        ...

    @property
    def picture_count(self) -> int: ...

    @property
    def barcodes(self) -> Mapping[str, tuple[str, ...]]:
        """Its SKUs by normalised barcode."""
        ...

    def record(self, sku: str) -> Record:
        """Raises CatalogError when it has none of this SKU."""
        ...

    def thumbnail(self, picture: int) -> bytes:
        """JPEG of a picture by its number. Raises CatalogError."""
        ...

    def features(self, picture: int) -> Features | None:
        """Local features of a picture by its number; None: there are none."""
        ...

    def custom(self, picture: int) -> str:
        """Custom content of a picture by its number; empty: it has none. Raises CatalogError."""
        ...

    def share(self) -> Self:
        """The same segment for one more user. Raises CatalogError when it is closed already."""
        ...

    def close(self) -> None:
        """Called by each user once."""
        ...


class Users:
    """Counts who uses something that the last one closes. The first is there from the start."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close
        self._lock = threading.Lock()
        self._count = 1

    def join(self) -> None:
        """Raises CatalogError when the last one has left."""
        with self._lock:
            if self._count == 0:
                raise CatalogError("what was to be shared is closed already; open it again")
            self._count += 1

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            last = self._count == 0
        if last:
            self._close()


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """One picture that is in no release."""

    sku: str
    vectors: NDArray[np.float16]
    """(views, D), unit length."""
    thumbnail: bytes
    """JPEG."""
    features: Features | None = None


class MemorySegment:
    """Pictures that are in no release, such as those that were enrolled on this kiosk."""

    def __init__(self, records: Sequence[Record], added: Sequence[Added], name: str = "") -> None:
        """`records`: one of each SKU. Raises CatalogError when a SKU has none, two, or vectors are
        not of unit length.
        """
        self._records = {record.sku: record for record in records}
        place = {sku: number for number, sku in enumerate(self._records)}
        if len(place) != len(records) or any(one.sku not in place for one in added):
            raise CatalogError("each SKU of an addition needs exactly one record; add it")
        self._added = tuple(added)
        counts = [len(one.vectors) for one in added]
        self.name = name
        self.file: Path | None = None
        self.vectors: NDArray[np.float16] = (
            np.concatenate([one.vectors for one in added])
            if added
            else np.zeros((0, 0), np.float16)
        )
        self.skus: Sequence[str] = tuple(place)
        self.kinds: Sequence[str] = tuple(record.category for record in records)
        owners = np.array([place[one.sku] for one in added], np.int32)
        self.owners: NDArray[np.int32] = np.repeat(owners, counts)
        self.pictures: NDArray[np.int32] = np.repeat(np.arange(len(added), dtype=np.int32), counts)
        self.picture_count = len(added)
        self.barcodes: Mapping[str, tuple[str, ...]] = filed(records)
        fault = vector_fault(self.vectors)
        if fault:
            raise CatalogError(f"an addition cannot be used ({fault}); enrol it again")

    def record(self, sku: str) -> Record:
        if sku not in self._records:
            raise CatalogError(f"there is no SKU {sku!r} among the additions")
        return self._records[sku]

    def thumbnail(self, picture: int) -> bytes:
        return self._added[picture].thumbnail

    def features(self, picture: int) -> Features | None:
        return self._added[picture].features

    def custom(self, picture: int) -> str:
        return ""  # nobody gives any where it is added

    def share(self) -> Self:
        return self

    def close(self) -> None:
        """Nothing is open."""


def vector_fault(vectors: NDArray[np.float16]) -> str:
    """Why (N, D) references cannot be searched; empty: they can. Memory stays bounded."""
    for start in range(0, len(vectors), _CHUNK_ROWS):
        wide = vectors[start : start + _CHUNK_ROWS].astype(np.float32)
        squares = np.einsum("ij,ij->i", wide, wide)
        good = np.abs(np.sqrt(squares) - 1) < LENGTH_TOLERANCE  # false for what is not finite
        if not good.all():
            row = start + int(np.flatnonzero(~good)[0])
            return f"reference {row} is not a finite vector of length 1"
    return ""
