# SPDX-License-Identifier: Apache-2.0
"""How an index is tuned and proven: what it is asked, and what counts as found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kiosk.config import SearchConfig
from kiosk.search import ExactIndex, Rows, open_index
from kiosk.search.annoy_index import AnnoyFile, read_sidecar
from kiosk.search.covered import Covered
from kiosk.search.open import MAX_SEARCH_K, PROBES, probe_queries, recall
from kiosk.search.rows import Block

COUNT, DIMENSION = 1500, 16


def every(count: int = COUNT) -> NDArray[np.int64]:
    return np.arange(count)


@pytest.fixture(scope="module")
def rows() -> Rows:
    random = np.random.default_rng(11)
    vectors = random.standard_normal((COUNT, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Rows.of(vectors.astype(np.float16), "r1")


@pytest.fixture(scope="module")
def folder(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    open_index(rows, np.ones(COUNT, np.bool_), folder, config=SearchConfig()).close()
    return folder


@pytest.fixture
def covered(rows: Rows, folder: Path) -> Iterator[Covered]:
    (path,) = folder.glob("*.json")
    file = AnnoyFile(folder, read_sidecar(path))
    yield Covered(file, rows, np.ones(COUNT, np.bool_))
    file.close()


def test_an_index_is_given_no_more_effort_than_it_needs(covered: Covered) -> None:
    assert covered.file.sidecar.search_k < MAX_SEARCH_K / 4


def test_everything_is_found_when_everything_is_looked_at(rows: Rows, covered: Covered) -> None:
    probes = probe_queries(rows, every(), 3)
    truth = ExactIndex(rows, every()).similarities(probes)
    assert recall(covered, probes, truth, MAX_SEARCH_K) == 1.0
    hard = recall(covered, probes, truth, 1)
    assert 0.0 < hard < 1.0
    assert recall(covered, probes[:0], truth[:0], 1) == 1.0, "nothing was asked"


def test_what_is_found_beside_the_nearest_is_not_counted(rows: Rows, covered: Covered) -> None:
    probes = probe_queries(rows, every(), 3)
    truth = ExactIndex(rows, every()).similarities(probes)
    turned = np.ascontiguousarray(truth[:, ::-1])
    assert recall(covered, probes, turned, MAX_SEARCH_K) < 0.3


def test_probes_are_near_references_as_views_are_and_none_of_them(rows: Rows) -> None:
    probes = probe_queries(rows, every(), 1)
    assert probes.shape == (PROBES, DIMENSION)
    assert np.linalg.norm(probes, axis=1) == pytest.approx(np.ones(PROBES), abs=1e-5)
    nearest = ExactIndex(rows, every()).similarities(probes).max(axis=1)
    assert nearest.min() > 0.6
    assert nearest.max() < 0.99


def test_probes_are_the_same_for_a_seed_and_others_for_another(rows: Rows) -> None:
    first, again, other = (probe_queries(rows, every(), seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert not np.isclose(first, other).any(axis=1).all()
    assert len(probe_queries(rows, every(5), 1)) == 5


def test_an_index_of_which_nothing_lives_answers_nothing(rows: Rows, folder: Path) -> None:
    index = open_index(rows, np.zeros(COUNT, np.bool_), folder, config=SearchConfig())
    try:
        assert not index.name.startswith("annoy")
        assert index.search(probe_queries(rows, every(), 1)[0], 3) == []
    finally:
        index.close()


@pytest.mark.parametrize("gone", [0.0, 0.5, 0.9])
def test_only_the_living_are_found_however_many_are_gone(
    gone: float, rows: Rows, folder: Path
) -> None:
    live = np.random.default_rng(2).random(COUNT) >= gone
    index = open_index(rows, live, folder, config=SearchConfig())
    exact = ExactIndex(rows, np.flatnonzero(live))
    same = 0
    try:
        for query in probe_queries(rows, every(), 4)[:10]:
            found = [each.reference for each in index.search(query, 10)]
            assert live[found].all()
            assert len(found) == 10
            same += found[0] == exact.search(query, 1)[0].reference
        assert same >= 8
        assert index.due is (gone > 0.3)
    finally:
        index.close()


def noise(count: int, dimension: int = DIMENSION, seed: int = 5) -> NDArray[np.float16]:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


@pytest.mark.parametrize(("overlay", "due"), [(41, False), (40, False), (39, True)])
def test_an_index_is_built_anew_when_more_is_new_than_is_searched_exactly(
    overlay: int, due: bool, rows: Rows, folder: Path
) -> None:
    more = Rows([*rows.blocks, Block("r2", noise(40))])
    config = SearchConfig(overlay=overlay)
    index = open_index(more, np.ones(len(more), np.bool_), folder, config=config)
    try:
        assert index.left == 40
        assert index.due is due
        assert index.search(more.take(np.array([COUNT + 7]))[0], 1)[0].reference == COUNT + 7
    finally:
        index.close()


def test_an_index_of_vectors_of_another_length_is_not_asked(folder: Path) -> None:
    short = Rows.of(noise(COUNT, DIMENSION // 2), "r1")
    config = SearchConfig(overlay=0)
    index = open_index(short, np.ones(COUNT, np.bool_), folder, config=config)
    try:
        assert index.name.startswith("exact")
        assert index.search(short.take(np.array([3]))[0], 1)[0].reference == 3
    finally:
        index.close()


@pytest.mark.parametrize(
    "wanted",
    [[], [0], [9], [2, 3, 4], [3, 4, 5], [4, 3, 2], [2, 4, 3, 5], [3, 3], [0, 9], [9, 0]]
    + [list(range(10)), [5, 6, 7, 8], [5, 7, 6, 8], [2, 2, 4]],
)
def test_rows_are_taken_from_their_blocks_in_any_order(wanted: list[int]) -> None:
    vectors = noise(10)
    cut = Rows([Block("a", vectors[:4]), Block("b", vectors[4:4]), Block("", vectors[4:9]),
                Block("c", vectors[9:])])  # fmt: skip
    taken = cut.take(np.array(wanted, np.intp))
    assert taken.dtype == np.float32
    assert (taken == vectors[wanted].astype(np.float32)).all()
    assert taken.shape == (len(wanted), DIMENSION)
    assert len(cut) == 10
    assert cut.lasting().tolist() == [0, 1, 2, 3, 9]
    assert Rows([]).dimension == len(Rows([])) == 0
