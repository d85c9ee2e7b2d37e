# SPDX-License-Identifier: Apache-2.0
"""`gate.npz`: what searches answered for whoever built a release, so that a kiosk can ask again.

The queries lie in the segments (they do not change with the release), the answers here. Before a
release is used, every one is asked: by looking at every reference, which must answer the same, and
by the kiosk's own search, which may miss few.
"""

from __future__ import annotations

import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.joined import Joined, nearest
from kiosk.catalog.leave_out import evenly
from kiosk.catalog.manifest import GATE, QUERIES, Manifest, check_bytes, in_segment
from kiosk.catalog.segment import vector_fault
from kiosk.catalog.snapshot import Snapshot
from kiosk.errors import CatalogError
from kiosk.search import similarities

MOST_QUERIES = 300
FIRST_QUERIES = 240
"""Queries of a first, large segment: some are left for those that follow."""
_TOLERANCE = 2e-3
"""By so much float16 vectors may differ in similarity where they should be equal."""


class Limits(Protocol):
    """What is asked of a release; see `kiosk.announcement.Gate`."""

    @property
    def agree_min(self) -> float: ...

    @property
    def p95_ms_max(self) -> float: ...


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """(M, D) queries and what they must answer."""

    queries: NDArray[np.float32]
    skus: tuple[str, ...]
    similarities: NDArray[np.float32]


def queries_for(pictures: int, *, first: bool) -> int:
    """How many queries a segment of so many pictures gets; `first`: it is the release's first."""
    return min(pictures, FIRST_QUERIES, pictures if first else max(4, pictures // 40))


def write_gate(folder: Path, manifest: Manifest, joined: Joined) -> None:
    """Ask the queries of the release in `folder` and write its gate. Raises OSError."""
    queries = _queries(folder, manifest)
    similarities, skus = nearest(joined, queries)
    text = np.frombuffer("\n".join(skus).encode(), np.uint8)
    np.savez(folder / GATE, skus=text, similarities=similarities.astype(np.float32))


def read_gate(path: Path, manifest: Manifest) -> Asked:
    """The gate of the release folder `path`. Raises CatalogError when it is missing or damaged."""
    check_bytes(path, manifest, [GATE, *(in_segment(each, QUERIES) for each in manifest.segments)])
    queries = _queries(path, manifest)
    try:
        with np.load(path / GATE, allow_pickle=False) as file:
            similarities = file["similarities"]
            skus = tuple(file["skus"].tobytes().decode().split("\n"))
        if similarities.shape != (len(queries),) or len(skus) != len(queries):
            raise ValueError(f"{len(skus)} answers to {len(queries)} queries")
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CatalogError(f"{path / GATE}: cannot be used ({error}); build it again") from error
    return Asked(queries, skus, similarities.astype(np.float32))


def check(snapshot: Snapshot, limits: Limits) -> str:
    """Why this release must not be used on this device; empty: it passed.

    Takes about as long as the queries take. Raises nothing for a release that opened.
    """
    try:
        asked = read_gate(snapshot.path, snapshot.manifest)
    except CatalogError as error:
        return str(error)
    fault = _exactly(snapshot, asked)
    if fault:
        return fault
    agreed, waits = 0, []
    for query, expected in zip(asked.queries, asked.skus, strict=True):
        started = time.perf_counter()
        matches = snapshot.match(query, 2)
        waits.append(1000 * (time.perf_counter() - started))
        near = [each.sku for each in matches if each.similarity >= matches[0].similarity - 1e-3]
        agreed += expected in near
    if agreed < limits.agree_min * len(waits):
        return (
            f"its search agrees with whoever built it in {agreed} of {len(waits)} probe queries; "
            f"{limits.agree_min:.1%} are asked"
        )
    slow_ms = float(np.percentile(waits, 95))
    if 0 < limits.p95_ms_max < slow_ms:
        return (
            f"5 % of its searches take longer than {slow_ms:.1f} ms; {limits.p95_ms_max:.1f} are "
            "allowed"
        )
    return ""


def _exactly(snapshot: Snapshot, asked: Asked) -> str:
    similarities, skus = snapshot.exact(asked.queries)
    apart = np.abs(similarities - asked.similarities) > _TOLERANCE
    if apart.any():
        return (
            f"{int(apart.sum())} of {len(skus)} probe queries find another similarity than when it "
            "was built: its vectors are not those"
        )
    wrong = [
        at
        for at, (found, expected) in enumerate(zip(skus, asked.skus, strict=True))
        if found != expected
        and not _as_near(snapshot, expected, asked.queries[at], similarities[at])
    ]
    if wrong:
        return (
            f"{len(wrong)} of {len(skus)} probe queries find another SKU than when it was built: "
            "its labels are not those"
        )
    return ""


def _as_near(snapshot: Snapshot, sku: str, query: NDArray[np.float32], best: float) -> bool:
    """Two SKUs with equal references have no order."""
    try:
        held = snapshot.references(sku)
    except CatalogError:
        return False
    return float(similarities(query, held.vectors).max()) >= best - 1e-4


def _queries(folder: Path, manifest: Manifest) -> NDArray[np.float32]:
    parts = []
    for each in manifest.segments:
        path = folder / in_segment(each, QUERIES)
        try:
            found: NDArray[np.float16] = np.load(path, allow_pickle=False)
        except (OSError, EOFError, ValueError) as error:
            raise CatalogError(f"{path}: cannot be read ({error}); build it again") from error
        fit = found.ndim == 2 and found.shape[1] == manifest.dimension
        if found.dtype != np.float16 or not fit or vector_fault(found):
            raise CatalogError(f"{path}: does not fit the manifest; build it again")
        parts.append(found)
    every = np.concatenate(parts)
    return every[evenly(np.arange(len(every)), MOST_QUERIES)].astype(np.float32)
