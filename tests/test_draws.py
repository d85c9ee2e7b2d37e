# SPDX-License-Identifier: Apache-2.0
"""Training batches of the embedder: look-alikes meet, every SKU comes twice, a seed repeats."""

from __future__ import annotations

import numpy as np
import pytest

from tools.draws import SHARES, Draw
from tools.instances import Instances, made_up, rooms

SIDE = 48


@pytest.fixture(scope="module")
def known() -> Instances:
    """Three made-up families with their twins, and forty photos of single items."""
    found = list(made_up(3, 2, seed=5))
    photos = np.full((40, 256, 256, 4), 255, np.uint8)
    labels = [each[1] for each in found] + [f"photo {k}" for k in range(40)]
    families = [each[2] for each in found] + [f"photo {k}" for k in range(40)]
    return Instances(
        pixels=np.concatenate([np.stack([each[0].pixels for each in found]), photos]),
        boxes=np.concatenate(
            [np.stack([each[0].box for each in found]), np.tile([40, 40, 200, 200], (40, 1))]
        ).astype(np.float32),
        labels=np.array(labels),
        families=np.array(families),
        sources=np.array(["made-up"] * len(found) + ["single_items"] * 40),
        sscd=np.zeros((len(labels), 512), np.float32),
        lite0=np.zeros((len(labels), 1280), np.float32),
    )


def drawn(known: Instances, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Draw:
    return Draw(known, rows, rooms(known), SIDE)


def test_twins_meet_in_a_batch_and_every_sku_comes_twice(known: Instances) -> None:
    rows = np.arange(len(known.labels))
    batch = drawn(known, rows).batch(np.random.default_rng(1))
    _, counts = np.unique(batch.labels, return_counts=True)
    assert (counts == 2).all() and batch.images.shape[1:] == (SIDE, SIDE, 3)
    made = {str(known.labels[row]) for row in batch.rows if known.sources[row] == "made-up"}
    assert made == {str(label) for label in known.labels[known.sources == "made-up"]}
    photos = sum(known.sources[row] == "single_items" for row in batch.rows)
    assert photos == 2 * SHARES["single_items"]


def test_the_same_seed_draws_the_same_batch(known: Instances) -> None:
    draw = drawn(known, np.arange(len(known.labels)))
    one, same, other = (draw.batch(np.random.default_rng([7, step])) for step in (3, 3, 4))
    assert (one.images == same.images).all() and (one.rows == same.rows).all()
    assert len(one.rows) != len(other.rows) or (one.rows != other.rows).any()


def test_what_is_left_out_is_never_drawn(known: Instances) -> None:
    rows = np.flatnonzero(known.sources == "single_items")[:25]
    draw = drawn(known, rows)
    for seed in range(5):
        assert set(draw.batch(np.random.default_rng(seed)).rows.tolist()) <= set(rows.tolist())


def test_grounds_come_from_photos_of_single_items_only(known: Instances) -> None:
    assert len(rooms(known)) == 10
    assert all((room == 255).all() for room in rooms(known))
