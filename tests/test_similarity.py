# SPDX-License-Identifier: Apache-2.0
"""A similarity lies in -1..1, whatever the rounding of stored vectors makes of their lengths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kiosk.config import SearchConfig
from kiosk.search import ExactIndex, Rows, open_index, similarities

ROWS = 400
EXACT, LET_IN = (1.0, 1.0), (0.985, 1.015)
"""Lengths before rounding: as a build makes them, and as far off as a file may be."""


def rounded(seed: int, dimension: int, lengths: tuple[float, float]) -> NDArray[np.float16]:
    """(ROWS, D) vectors of these lengths, as a release stores them."""
    random = np.random.default_rng(seed)
    wide = random.standard_normal((ROWS, dimension))
    wide *= random.uniform(*lengths, (ROWS, 1)) / np.linalg.norm(wide, axis=1, keepdims=True)
    return wide.astype(np.float16)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("dimension", "lengths"), [(32, EXACT), (256, EXACT), (256, LET_IN)])
def test_no_search_finds_more_likeness_than_sameness(
    tmp_path: Path, seed: int, dimension: int, lengths: tuple[float, float]
) -> None:
    vectors = rounded(seed, dimension, lengths)
    rows = Rows.of(vectors)
    wide = vectors.astype(np.float32)
    assert (np.einsum("ij,ij->i", wide, wide) > 1).any(), "the rounding must make some too long"
    opened = open_index(rows, np.ones(ROWS, np.bool_), tmp_path, config=SearchConfig())
    try:
        for index in (ExactIndex(rows), opened):
            for at in range(0, ROWS, 16):
                found = index.search(wide[at], ROWS) + index.search(-wide[at], ROWS)
                assert all(-1 <= one.similarity <= 1 for one in found)
                assert found[0].similarity == pytest.approx(1, abs=0.04)
        assert lengths == LET_IN or opened.name == "annoy"
    finally:
        opened.close()


@pytest.mark.parametrize("seed", range(5))
def test_only_what_lies_outside_is_changed(seed: int) -> None:
    wide = rounded(seed, 64, LET_IN).astype(np.float32)
    plain = wide @ wide.T
    bounded = similarities(wide, wide)
    inside = np.abs(plain) <= 1
    assert np.array_equal(bounded[inside], plain[inside])
    assert np.array_equal(np.abs(bounded[~inside]), np.ones(np.count_nonzero(~inside)))
    assert np.array_equal(similarities(wide[0], wide), np.clip(wide[0] @ wide.T, -1, 1))


def test_no_likeness_of_what_is_none() -> None:
    nothing = np.full((1, 4), np.nan, np.float32)
    assert np.isnan(similarities(nothing, nothing)).all()
