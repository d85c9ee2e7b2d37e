# SPDX-License-Identifier: Apache-2.0
"""Open the search over the rows of a release: the Annoy file that covers most of them if it proves
itself, and exact search for the rest.

The proof is a self-test against exact search whenever a file is mapped. Nothing here waits for a
large index to be built: see `kiosk.search.fold`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.config import SearchConfig
from kiosk.errors import IndexFault
from kiosk.search.annoy_index import (
    AnnoyFile,
    Sidecar,
    build,
    placed,
    read_sidecar,
    remove,
    write_sidecar,
)
from kiosk.search.covered import Covered
from kiosk.search.exact import ExactIndex, Index, Together, best_rows
from kiosk.search.rows import Numbers, Rows
from kiosk.values import Neighbour

_log = logging.getLogger(__name__)

PROBES = 64
DEPTH = 10
"""The self-test asks for the ten nearest of this many probe queries."""
MAX_SEARCH_K = 200_000
_RAISES = 3
"""Times the self-test is taken, with twice the effort each time: what is gone since an index was
tuned, or chance, may put it a little below what it was tuned for."""
_TUNING, _TESTING = 1, 2
"""Seeds of probe queries."""
MOST_DEAD = 0.3
"""Share of an Annoy file's items that may be gone before it is built anew."""

Live = NDArray[np.bool_]


class OpenIndex(Together):
    """Annoy where it covers, exact search for the rest."""

    def __init__(
        self, covered: Covered | None, overlay: ExactIndex | None, config: SearchConfig, why: str
    ) -> None:
        parts: list[Index] = [part for part in (covered, overlay) if part is not None]
        self.covered = covered
        self.left = len(overlay.chosen) if overlay is not None else 0
        """Rows that are searched exactly."""
        name = f"exact ({why})" if why else "exact"
        if covered is not None:
            name = f"annoy, {self.left} newer references exactly" if self.left else "annoy"
        gone = covered.dead_share if covered is not None else 0.0
        self.due = self.left > config.overlay or gone > MOST_DEAD
        """It is time to build the Annoy file anew."""
        super().__init__(parts, name)


def open_index(
    rows: Rows,
    live: Live,
    directory: Path,
    *,
    config: SearchConfig,
    beside: AnnoyFile | None = None,
) -> OpenIndex:
    """The index of the living `rows`, with what is kept in `directory` (made when missing).

    `beside`: a file that is mapped and proven already. Few rows are built over at once. Never fails
    for a reason that exact search can answer: the reason stands in the index's name.
    """
    fault = "there is none yet"
    for sidecar in _found(directory, rows, live):
        try:
            covered = _proven(directory, sidecar, rows, live, config, beside)
        except IndexFault as error:
            fault = str(error)
            _log.info("index: %s; it is removed", fault)
            _forget(directory, sidecar.key)
            continue
        return _beside(covered, rows, live, config, "")
    chosen = _buildable(rows, live)
    if not 0 < len(chosen) <= config.overlay:
        return _beside(None, rows, live, config, fault)
    try:
        _log.info("building the index: %s", fault)
        directory.mkdir(exist_ok=True)
        sidecar = built(rows, chosen, directory, config.recall)
        covered = _proven(directory, sidecar, rows, live, config, None)
        return _beside(covered, rows, live, config, "")
    except (IndexFault, OSError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        _log.warning("index: Annoy cannot be used (%s); exact search answers", why)
        return _beside(None, rows, live, config, why)


def mapped(index: Index) -> AnnoyFile | None:
    """The Annoy file that an index searches, to open the next one beside it."""
    if isinstance(index, OpenIndex):
        return index.covered.file if index.covered is not None else None
    parts = index.parts if isinstance(index, Together) else ()
    return next((file for part in parts if (file := mapped(part)) is not None), None)


def _buildable(rows: Rows, live: Live) -> Numbers:
    lasting = rows.lasting()
    return lasting[live[lasting]]


def _found(directory: Path, rows: Rows, live: Live) -> list[Sidecar]:
    """What is there, that which covers most first; too little of a small catalog is nothing."""
    covering: list[tuple[int, Sidecar]] = []
    for path in sorted(directory.glob("*.json")):
        try:
            sidecar = read_sidecar(path)
        except IndexFault as fault:
            _log.info("index: %s; it is removed", fault)
            _forget(directory, path.stem)
            continue
        where = placed(sidecar, rows)
        where = where[where >= 0]
        count = min(int(live[where].sum()), sidecar.items)
        if count > 0 and sidecar.dimension == rows.dimension:
            covering.append((count, sidecar))
    return [each for _, each in sorted(covering, key=lambda pair: (-pair[0], pair[1].key))]


def _forget(directory: Path, key: str) -> None:
    with contextlib.suppress(OSError):  # on a disk that refuses it stays, and is refused again
        remove(directory, key)


def _beside(
    covered: Covered | None, rows: Rows, live: Live, config: SearchConfig, why: str
) -> OpenIndex:
    rest = live.copy()
    if covered is not None:
        rest[covered.rows] = False
    chosen = np.flatnonzero(rest)
    overlay = ExactIndex(rows, chosen) if len(chosen) else None
    return OpenIndex(covered, overlay, config, why)


def built(rows: Rows, chosen: Numbers, directory: Path, least: float) -> Sidecar:
    """Build, tune the search effort on probes of its own, and only then sign it as usable.

    `least`: the recall promised. Raises IndexFault, OSError.
    """
    sidecar = build(rows, chosen, directory)
    file = AnnoyFile(directory, sidecar)
    try:
        live = np.zeros(len(rows), np.bool_)
        live[chosen] = True
        covered = Covered(file, rows, live)
        exact = ExactIndex(rows, chosen)
        # Aim above the promise, and reach it on the questions of the self-test.
        aims = [(_TUNING, (1 + least) / 2), (_TESTING, least)]
        asked = [(probe_queries(rows, chosen, seed), wanted) for seed, wanted in aims]
        tried = [(probes, exact.similarities(probes), wanted) for probes, wanted in asked]
        search_k = 20 * sidecar.trees
        while search_k < MAX_SEARCH_K and any(
            recall(covered, probes, truth, search_k) < wanted for probes, truth, wanted in tried
        ):
            search_k *= 2
    finally:
        file.close()
    sidecar = dataclasses.replace(sidecar, search_k=search_k)
    write_sidecar(sidecar, directory)
    return sidecar


def _proven(
    directory: Path,
    sidecar: Sidecar,
    rows: Rows,
    live: Live,
    config: SearchConfig,
    beside: AnnoyFile | None,
) -> Covered:
    if beside is not None and beside.sidecar == sidecar:
        with contextlib.suppress(IndexFault):  # its last user has just left
            return Covered(beside.shared(), rows, live)
    file = AnnoyFile(directory, sidecar)
    try:
        covered = Covered(file, rows, live)
        probes = probe_queries(rows, covered.rows, _TESTING)
        truth = ExactIndex(rows, covered.rows).similarities(probes)
        for _ in range(_RAISES):
            reached = recall(covered, probes, truth, file.search_k)
            if reached >= config.recall:
                return covered
            file.search_k *= 2
        raise IndexFault(f"the self-test found {reached:.3f} of the neighbours")
    except BaseException:
        file.close()
        raise


def recall(
    covered: Covered, probes: NDArray[np.float32], truth: NDArray[np.float32], search_k: int
) -> float:
    """Share of the true `DEPTH` neighbours of the probes that Annoy finds at this effort.

    `truth` is (probes, covered rows): every similarity, by exact search. A neighbour as near as the
    last true one counts as found: equal vectors have no order.
    """
    depth: int = min(DEPTH, truth.shape[1])
    found: int = 0
    for query, similarities in zip(probes, truth, strict=True):
        least = similarities[best_rows(similarities, depth)[-1]] - 1e-4
        near: list[Neighbour] = covered.search_with(query, depth, search_k)
        places = np.searchsorted(covered.rows, [one.reference for one in near])
        found += int((similarities[places] >= least).sum())
    return found / (depth * len(probes)) if len(probes) else 1.0


def probe_queries(rows: Rows, chosen: Numbers, seed: int) -> NDArray[np.float32]:
    """(PROBES, D) unit queries near the references, as a camera would give them; deterministic."""
    random = np.random.default_rng(seed)
    near = random.choice(len(chosen), min(PROBES, len(chosen)), replace=False)
    queries = rows.take(chosen[np.sort(near)])
    noise = random.standard_normal(queries.shape).astype(np.float32)
    queries += 0.6 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.asarray(queries / np.linalg.norm(queries, axis=1, keepdims=True), np.float32)
