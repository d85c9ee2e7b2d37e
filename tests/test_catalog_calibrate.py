# SPDX-License-Identifier: Apache-2.0
"""Thresholds measured by leaving out: held against fresh synthetic strangers and odd catalogs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from prints import face, features_of, photographed

from kiosk.catalog.calibrate import calibrate, measure, thresholds_of, upper_bound
from kiosk.catalog.details import Details
from kiosk.catalog.leave_out import SAME_PICTURE, LeavingOut, Probes, References
from kiosk.values import NEVER_APART, Features

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


def catalog(world: World, items: np.ndarray, pictures_per_sku: int = 1) -> tuple:
    """References of (pictures, D) items, six views each, and five probes of each picture."""
    views = world.views(items, 6)
    picture = np.repeat(np.arange(len(items), dtype=np.int32), 6)
    references = References(
        vectors=views.reshape(-1, DIMENSION).astype(np.float16),
        skus=picture // pictures_per_sku,
        pictures=picture,
        views=np.tile(np.arange(6, dtype=np.int32), len(items)),
    )
    return references, probes_of(world, items)


def probes_of(world: World, items: np.ndarray, count: int = 5) -> Probes:
    seen = photos(world, items, count)
    numbers = np.repeat(np.arange(len(items), dtype=np.int32), count)
    return Probes(seen.reshape(-1, DIMENSION).astype(np.float16), numbers)


def photos(world: World, items: np.ndarray, count: int = 1) -> np.ndarray:
    """(items, count, D): as the camera sees them."""
    return world.views(items, count + 1, noise=0.6)[:, 1:]


def similarities(references: References, queries: np.ndarray) -> np.ndarray:
    return queries @ references.vectors.astype(np.float32).T


@pytest.mark.parametrize("skus", [20, 43, 150, 600])
def test_fresh_strangers_rarely_reach_accept(skus: int) -> None:
    reached, offered, total = 0, 0, 0
    for seed in range(6):
        world = World(seed)
        references, probes = catalog(world, world.items(skus))
        thresholds = calibrate(references, probes).thresholds
        best = similarities(references, photos(world, world.items(400))[:, 0]).max(axis=1)
        reached += int((best >= thresholds.accept).sum())
        offered += int((best >= thresholds.choose).sum())
        total += len(best)
    assert reached / total <= 0.02
    assert offered / total <= 0.35
    assert 0 < thresholds.choose <= thresholds.accept <= SAME_PICTURE


def test_own_items_are_mostly_recognised_where_items_differ() -> None:
    world = World(3)
    items = world.items(100)
    references, probes = catalog(world, items)
    thresholds = calibrate(references, probes).thresholds
    near = similarities(references, photos(world, items, 3).reshape(-1, DIMENSION))
    own = np.equal.outer(np.repeat(np.arange(100), 3), references.skus)
    right = np.where(own, near, -1).max(axis=1)
    wrong = np.where(own, -1, near).max(axis=1)
    accepted = (right >= thresholds.accept) & (right - wrong >= thresholds.margin)
    assert accepted.mean() > 0.5
    assert not ((wrong >= thresholds.accept) & (wrong - right >= thresholds.margin)).any()


def test_several_pictures_of_a_sku_are_tried_against_the_others() -> None:
    world = World(4)
    items = np.repeat(world.items(40), 3, axis=0)
    sides = unit(items + 0.4 * unit(world.random.standard_normal(items.shape)))
    references, probes = catalog(world, sides, pictures_per_sku=3)
    samples = measure(references, probes)
    assert samples.skus == 40 and len(samples.own) == len(samples.strangers) == 40 * 3 * 5
    near = similarities(references, probes.vectors.astype(np.float32))
    same_sku = np.equal.outer(probes.pictures // 3, references.skus)
    same_picture = np.equal.outer(probes.pictures, references.pictures)
    expected = np.where(same_sku & ~same_picture, near, -1).max(axis=1)
    assert np.allclose(samples.own, expected, atol=1e-5)
    assert np.allclose(samples.rivals, np.where(same_sku, -1, near).max(axis=1), atol=1e-5)


def test_a_sku_with_one_picture_keeps_it_to_be_recognised_by() -> None:
    world = World(12)
    references, probes = catalog(world, world.items(30))
    near = similarities(references, probes.vectors.astype(np.float32))
    same = np.equal.outer(probes.pictures, references.pictures)
    expected = np.where(same, near, -1).max(axis=1)
    assert np.allclose(measure(references, probes).own, expected, atol=1e-5)


@pytest.mark.parametrize("skus", [1, 2, 4])
def test_with_fewer_than_five_skus_nothing_is_accepted_without_a_tap(skus: int) -> None:
    world = World(5)
    references, probes = catalog(world, world.items(skus))
    thresholds = calibrate(references, probes).thresholds
    assert thresholds.accept > 1
    assert thresholds.choose < 1
    assert "nothing is accepted without a tap" in thresholds.method


@pytest.mark.parametrize("skus", [5, 10])
def test_tiny_catalogs_are_raised_towards_their_own_probes(skus: int) -> None:
    reached = []
    for seed in range(20):
        world = World(seed + 100)
        references, probes = catalog(world, world.items(skus))
        thresholds = calibrate(references, probes).thresholds
        best = similarities(references, photos(world, world.items(300))[:, 0]).max(axis=1)
        reached.append((best >= thresholds.accept).mean())
    assert np.mean(reached) < 0.05


def test_an_item_listed_twice_does_not_raise_accept_for_all_others() -> None:
    world = World(7)
    items = world.items(60)
    alone = calibrate(*catalog(world, items)).thresholds
    thresholds = calibrate(*catalog(world, np.concatenate([items, items[:1]]))).thresholds
    assert abs(thresholds.accept - alone.accept) < 0.05
    assert thresholds.margin > 0
    assert "2 pictures stand under two SKUs" in thresholds.method


def test_look_alikes_are_asked_about_and_the_others_keep_their_margin() -> None:
    world = World(8, spread=3.0)
    items = world.items(120)
    near = unit(items[:10] + 0.05 * unit(world.random.standard_normal((10, DIMENSION))))
    alone = calibrate(*catalog(world, items))
    found = calibrate(*catalog(world, np.concatenate([items, near])))
    pairs = {*range(10), *range(120, 130)}
    assert len(found.contested & pairs) >= 18
    assert len(found.contested - pairs) <= 2
    assert found.thresholds.margin <= alone.thresholds.margin + 0.05
    assert "look-alikes and are always asked about" in found.thresholds.method


def test_the_result_is_the_same_every_time() -> None:
    world = World(9)
    table = catalog(world, world.items(70))
    assert calibrate(*table) == calibrate(*table)


def test_a_catalog_of_many_blocks_is_searched_like_a_small_one() -> None:
    world = World(11)
    items = world.items(1500)
    references, _ = catalog(world, items)
    probes = probes_of(world, items[:400], 1)
    samples = measure(references, probes)
    near = similarities(references, probes.vectors.astype(np.float32))
    near[np.equal.outer(probes.pictures, references.skus)] = -1
    assert len(references.vectors) > 8192 and len(samples.strangers) == 400
    assert np.allclose(samples.strangers, near.max(axis=1), atol=1e-5)


def test_upper_bound_is_the_conformal_rank_or_beyond_the_maximum() -> None:
    values = np.arange(1000, dtype=np.float32)
    assert upper_bound(values) == 990  # ceil(1001 * 0.99) = 991st of them
    few = np.array([0.1, 0.4, 0.5], np.float32)
    assert upper_bound(few) == pytest.approx(0.5 + 0.05 / 2)
    assert upper_bound(few[:0]) == 0


@pytest.mark.parametrize("own", [True, False])
def test_the_nearest_rows_are_those_of_a_plain_search_without_what_is_left_out(own: bool) -> None:
    world = World(13)
    references, _ = catalog(world, world.items(40), pictures_per_sku=2)
    probes = probes_of(world, world.items(80)[:40], 1)
    table = LeavingOut(references)
    found, rows = table.nearest(probes.vectors, probes.pictures, 25, own=own)
    near = similarities(references, probes.vectors.astype(np.float32))
    same_sku = np.equal.outer(probes.pictures // 2, references.skus)
    same_picture = np.equal.outer(probes.pictures, references.pictures)
    near[~(same_sku & ~same_picture) if own else same_sku] = -np.inf
    expected = -np.sort(-near, axis=1)[:, :25]
    assert np.allclose(found, expected, atol=1e-5)
    finite = np.isfinite(found)
    assert np.allclose(np.take_along_axis(near, rows, axis=1)[finite], found[finite], atol=1e-5)


def details_of(designs: list[int]) -> Details:
    class Faces:
        name = "on: faces"

        def of(self, picture: int) -> Features | None:
            return features_of(face(designs[picture]))

    return Faces()


def test_strangers_whose_print_is_found_in_part_raise_what_a_print_must_show() -> None:
    """Two flavours of one brand: each is a stranger that verifies against the other."""
    world = World(14)
    items = world.items(6)
    references, _ = catalog(world, items)
    references = replace(references, details=details_of([1, 2, 3, 4, 5, 6]))
    vectors = photos(world, items)[:, 0].astype(np.float16)
    pictures = np.arange(6, dtype=np.int32)
    distinct = tuple(features_of(photographed(face(design))) for design in range(1, 7))
    probes = Probes(vectors, pictures)
    alone = measure(references, probes, Probes(vectors, pictures, distinct))
    assert alone.second is not None and len(alone.second.own) == 6
    assert (alone.second.own > alone.own).all()
    by_chance = alone.second.strangers.max(initial=0.0)
    assert by_chance < 0.6
    shared = tuple(features_of(photographed(face(1 + number // 2))) for number in range(6))
    partly = measure(references, probes, Probes(vectors, pictures, shared))
    assert partly.second is not None and partly.second.strangers.max() > by_chance + 0.2
    assert thresholds_of(partly).by_print > partly.second.strangers.max()
    # Where no two SKUs share a print, nothing was tried: that is no proof that none is like it.
    assert thresholds_of(alone).by_print > thresholds_of(partly).by_print
    assert thresholds_of(alone).by_print >= thresholds_of(alone).accept
    # Where two SKUs share a picture, only the number of pictures would tell them apart.
    assert thresholds_of(partly).apart < NEVER_APART
    assert thresholds_of(replace(partly, twins=1)).apart == NEVER_APART


def test_without_local_features_nothing_is_accepted_by_its_print() -> None:
    world = World(15)
    thresholds = calibrate(*catalog(world, world.items(40))).thresholds
    assert thresholds.by_print == thresholds.apart == NEVER_APART
