# SPDX-License-Identifier: Apache-2.0
"""Open the index of a release: the Annoy file if it proves itself, else build it, else exact.

The proof is a self-test against exact search on every start and every swap.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.config import SearchConfig
from kiosk.errors import IndexFault
from kiosk.search.annoy_index import AnnoyIndex, build, read_sidecar, write_sidecar
from kiosk.search.exact import ExactIndex, Index, best_rows
from kiosk.values import Neighbour

_log = logging.getLogger(__name__)

PROBES = 64
DEPTH = 10
"""The self-test asks for the ten nearest of this many probe queries."""
MAX_SEARCH_K = 200_000


def open_index(
    vectors: NDArray[np.float16], directory: Path, *, release: str, config: SearchConfig
) -> Index:
    """The index of `vectors` ((N, D) unit length), kept in `directory` (made when missing).

    Never fails for a reason that exact search can answer: the reason stands in the index's name.
    """
    exact = ExactIndex(vectors)
    try:
        return _proven(vectors, directory, exact, release, config)
    except IndexFault as fault:
        _log.info("building the index: %s", fault)
    try:
        directory.mkdir(exist_ok=True)
        _build(vectors, directory, exact, release, config)
        return _proven(vectors, directory, exact, release, config)
    except (IndexFault, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        _log.warning("index: Annoy cannot be used (%s); exact search answers", reason)
        return ExactIndex(vectors, reason)


def recall(
    annoy: AnnoyIndex, probes: NDArray[np.float32], truth: NDArray[np.float32], search_k: int
) -> float:
    """Share of the true `DEPTH` neighbours of the probes that Annoy finds at this effort.

    `truth` is (probes, N): every similarity, by exact search. A neighbour as near as the last true
    one counts as found: equal vectors have no order.
    """
    depth: int = min(DEPTH, truth.shape[1])
    found: int = 0
    for query, similarities in zip(probes, truth, strict=True):
        least = similarities[best_rows(similarities, depth)[-1]] - 1e-4
        near: list[Neighbour] = annoy.search_with(query, depth, search_k)
        found += sum(1 for one in near if similarities[one.reference] >= least)
    return found / (depth * len(probes))


def probe_queries(vectors: NDArray[np.float16], seed: int) -> NDArray[np.float32]:
    """(PROBES, D) unit queries near the references, as a camera would give them; deterministic."""
    random = np.random.default_rng(seed)
    rows = random.choice(len(vectors), min(PROBES, len(vectors)), replace=False)
    queries = vectors[np.sort(rows)].astype(np.float32)
    noise = random.standard_normal(queries.shape).astype(np.float32)
    queries += 0.6 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.asarray(queries / np.linalg.norm(queries, axis=1, keepdims=True), np.float32)


def _build(
    vectors: NDArray[np.float16],
    directory: Path,
    exact: ExactIndex,
    release: str,
    config: SearchConfig,
) -> None:
    """Build, tune the search effort on probes of its own, and only then sign it as usable."""
    path = directory / "index.ann"
    (directory / "index.json").unlink(missing_ok=True)
    sidecar = build(vectors, path, release=release)
    annoy = AnnoyIndex(path, sidecar, release=release, vectors=vectors)
    probes = probe_queries(vectors, seed=1)
    truth = exact.similarities(probes)
    search_k = 20 * sidecar.trees
    # Aim above the promise: the self-test asks other questions than the tuning did.
    wanted = (1 + config.recall) / 2
    while recall(annoy, probes, truth, search_k) < wanted and search_k < MAX_SEARCH_K:
        search_k *= 2
    annoy.close()
    write_sidecar(dataclasses.replace(sidecar, search_k=search_k), directory / "index.json")


def _proven(
    vectors: NDArray[np.float16],
    directory: Path,
    exact: ExactIndex,
    release: str,
    config: SearchConfig,
) -> AnnoyIndex:
    sidecar = read_sidecar(directory / "index.json")
    annoy = AnnoyIndex(directory / "index.ann", sidecar, release=release, vectors=vectors)
    probes = probe_queries(vectors, seed=2)
    reached = recall(annoy, probes, exact.similarities(probes), sidecar.search_k)
    if reached < config.recall:
        annoy.close()
        raise IndexFault(f"the self-test found {reached:.3f} of the neighbours")
    return annoy
