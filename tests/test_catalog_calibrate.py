# SPDX-License-Identifier: Apache-2.0
"""Thresholds measured by leaving out: held against fresh synthetic strangers and odd catalogs."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.catalog.calibrate import SAME_PICTURE, calibrate, measure, thresholds_of, upper_bound

DIMENSION = 32


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


class World:
    """Items around shared themes, so that some strangers resemble items; views around items."""

    def __init__(self, seed: int, spread: float = 1.2) -> None:
        self.random = np.random.default_rng(seed)
        self.themes = unit(self.random.standard_normal((12, DIMENSION)))
        self.spread = spread

    def items(self, count: int) -> np.ndarray:
        theme = self.themes[self.random.integers(0, len(self.themes), count)]
        noise = unit(self.random.standard_normal((count, DIMENSION)))
        return unit(theme + self.spread * noise)

    def views(self, items: np.ndarray, count: int, noise: float = 0.35) -> np.ndarray:
        """(items, count, D); the first view is the item as it is."""
        wobble = unit(self.random.standard_normal((len(items), count, DIMENSION))) * noise
        wobble[:, 0] = 0
        return unit(items[:, None] + wobble)


def rows(views: np.ndarray, pictures_per_sku: int = 1) -> tuple[np.ndarray, ...]:
    """Vectors, SKU, picture and view numbers of (pictures, views, D)."""
    pictures, count = views.shape[:2]
    picture = np.repeat(np.arange(pictures, dtype=np.int32), count)
    view = np.tile(np.arange(count, dtype=np.int32), pictures)
    vectors = views.reshape(-1, views.shape[2]).astype(np.float16)
    return vectors, picture // pictures_per_sku, picture, view


@pytest.mark.parametrize("skus", [20, 43, 150, 600])
def test_fresh_strangers_rarely_reach_accept(skus: int) -> None:
    reached, offered, total = 0, 0, 0
    for seed in range(8):
        world = World(seed)
        table = rows(world.views(world.items(skus), 6))
        thresholds = calibrate(*table)
        strangers = world.items(400)
        best = (strangers @ table[0].astype(np.float32).T).max(axis=1)
        reached += int((best >= thresholds.accept).sum())
        offered += int((best >= thresholds.choose).sum())
        total += len(best)
    assert reached / total <= 0.02
    assert offered / total <= 0.35
    assert 0 < thresholds.choose <= thresholds.accept <= SAME_PICTURE


def test_own_items_are_mostly_recognised_where_items_differ() -> None:
    world = World(3)
    items = world.items(100)
    table = rows(world.views(items, 6))
    thresholds = calibrate(*table)
    fresh = world.views(items, 4)[:, 1:]
    near = np.einsum("ivd,nd->ivn", fresh, table[0].astype(np.float32))
    own = np.equal.outer(np.arange(100), table[1])[:, None]
    right = np.where(own, near, -1).max(axis=2)
    wrong = np.where(own, -1, near).max(axis=2)
    accepted = (right >= thresholds.accept) & (right - wrong >= thresholds.margin)
    assert accepted.mean() > 0.5
    assert not ((wrong >= thresholds.accept) & (wrong - right >= thresholds.margin)).any()


def test_several_pictures_of_a_sku_are_tried_against_the_others() -> None:
    world = World(4)
    items = np.repeat(world.items(40), 3, axis=0)
    views = world.views(unit(items + 0.2 * unit(world.random.standard_normal(items.shape))), 4)
    samples = measure(*rows(views, pictures_per_sku=3))
    assert samples.skus == 40
    # Plain views count as well: their SKU has other pictures to be recognised by.
    assert len(samples.own) == len(samples.rivals) == 40 * 3 * 4
    assert len(samples.strangers) == 120
    assert samples.own.max() < SAME_PICTURE


def test_one_sku_accepts_only_what_resembles_it_as_its_own_views_do() -> None:
    world = World(5)
    table = rows(world.views(world.items(1), 8))
    thresholds = calibrate(*table)
    own = table[0][1:].astype(np.float32) @ table[0][0].astype(np.float32)
    assert thresholds.accept == pytest.approx(float(np.median(own)), abs=1e-3)
    assert "1 SKU tell" in thresholds.method and thresholds.samples == 7
    strangers = world.items(2000) @ table[0].astype(np.float32).T
    assert (strangers.max(axis=1) >= thresholds.accept).mean() < 0.005


@pytest.mark.parametrize("skus", [2, 3, 5, 10])
def test_tiny_catalogs_are_raised_towards_their_own_views(skus: int) -> None:
    reached = []
    for seed in range(20):
        world = World(seed + 100)
        table = rows(world.views(world.items(skus), 8))
        thresholds = calibrate(*table)
        best = (world.items(300) @ table[0].astype(np.float32).T).max(axis=1)
        reached.append((best >= thresholds.accept).mean())
    assert np.mean(reached) < 0.05


def test_a_single_picture_without_views_accepts_only_itself() -> None:
    thresholds = calibrate(*rows(World(6).items(1)[:, None]))
    assert thresholds.accept == thresholds.choose == SAME_PICTURE
    assert "accepts only equal pictures" in thresholds.method and thresholds.samples == 0


def test_an_item_listed_twice_does_not_raise_accept_for_all_others() -> None:
    world = World(7)
    items = world.items(60)
    alone = calibrate(*rows(world.views(items, 6)))
    views = world.views(np.concatenate([items, items[:1]]), 6)
    thresholds = calibrate(*rows(views))
    assert abs(thresholds.accept - alone.accept) < 0.05
    assert thresholds.margin > 0
    assert "2 pictures stand under two SKUs" in thresholds.method


def test_look_alikes_make_the_margin_wider_than_their_wrong_leads() -> None:
    world = World(8, spread=3.0)
    items = world.items(120)
    near = unit(items[:60] + 0.15 * unit(world.random.standard_normal((60, DIMENSION))))
    samples = measure(*rows(world.views(np.concatenate([items, near]), 8, noise=0.6)))
    thresholds = thresholds_of(samples)
    leads = samples.rivals - samples.own
    wrong = (leads > thresholds.margin) & (samples.rivals >= thresholds.accept)
    assert wrong.mean() < 0.01
    assert thresholds.margin >= samples.noise > 0


def test_the_result_is_the_same_every_time() -> None:
    world = World(9)
    table = rows(world.views(world.items(70), 5))
    assert calibrate(*table) == calibrate(*table)


def test_a_catalog_of_many_blocks_is_searched_like_a_small_one() -> None:
    world = World(11)
    vectors, skus, pictures, views = rows(world.views(world.items(4500), 2))
    samples = measure(vectors, skus, pictures, views, max_queries=300)
    wide = vectors.astype(np.float32)
    chosen = np.flatnonzero(views == 0)[np.linspace(0, 4499, 300).astype(int)]
    near = wide[chosen] @ wide.T
    near[np.equal.outer(skus[chosen], skus)] = -1
    assert len(wide) > 8192 and len(samples.strangers) == 300
    assert np.allclose(samples.strangers, near.max(axis=1), atol=1e-6)


def test_at_most_so_many_queries_are_tried() -> None:
    world = World(10)
    table = rows(world.views(world.items(200), 5))
    everything, fewer = measure(*table), measure(*table, max_queries=150)
    assert (len(everything.strangers), len(everything.own)) == (200, 800)
    assert (len(fewer.strangers), len(fewer.own)) == (150, 150)
    difference = thresholds_of(everything).accept - thresholds_of(fewer).accept
    assert abs(difference) < 0.05


def test_upper_bound_is_the_conformal_rank_or_beyond_the_maximum() -> None:
    values = np.arange(1000, dtype=np.float32)
    assert upper_bound(values) == 990  # ceil(1001 * 0.99) = 991st of them
    few = np.array([0.1, 0.4, 0.5], np.float32)
    assert upper_bound(few) == pytest.approx(0.5 + 0.05 / 2)
    assert upper_bound(few[:0]) == 0
