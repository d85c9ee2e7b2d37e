# SPDX-License-Identifier: Apache-2.0
"""Thresholds measured by leaving out: held against fresh synthetic strangers and odd catalogs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from prints import face, features_of, photographed
from worlds import (
    BASIS,
    DIMENSION,
    World,
    calibrated_world,
    catalog,
    listed,
    outsiders,
    photos,
    probes_of,
    samples_of,
    similarities,
    unit,
)

from kiosk.catalog.calibrate import calibrated
from kiosk.catalog.details import Details
from kiosk.catalog.leave_out import SAME_PICTURE, LeavingOut, Probes
from kiosk.catalog.limits import doubt
from kiosk.catalog.samples import Samples
from kiosk.values import NEVER_APART, Features

RISKS = (0.001, 0.01, 0.05)


@pytest.mark.parametrize("skus", [20, 43, 150, 600])
def test_fresh_strangers_rarely_reach_accept(skus: int) -> None:
    reached, offered, total = 0, 0, 0
    for seed in range(6):
        world = World(seed)
        references, probes = catalog(world, world.items(skus))
        thresholds = calibrated_world((references, probes)).thresholds
        best = similarities(references, photos(world, world.items(400))[:, 0]).max(axis=1)
        reached += int((best >= thresholds.accept).sum())
        offered += int((best >= thresholds.choose).sum())
        total += len(best)
    assert reached / total <= 0.01
    assert offered / total <= 0.35
    assert 0 < thresholds.choose <= thresholds.accept <= SAME_PICTURE


def test_own_items_are_mostly_recognised_where_items_differ() -> None:
    world = World(3)
    items = world.items(100)
    references, probes = catalog(world, items)
    thresholds = calibrated_world((references, probes), risk=0.05).thresholds
    near = similarities(references, photos(world, items, 3).reshape(-1, DIMENSION))
    own = np.equal.outer(np.repeat(np.arange(100), 3), references.skus)
    right = np.where(own, near, -1).max(axis=1)
    wrong = np.where(own, -1, near).max(axis=1)
    accepted = (right >= thresholds.accept) & (right - wrong >= thresholds.margin)
    assert accepted.mean() > 0.5
    assert not ((wrong >= thresholds.accept) & (wrong - right >= thresholds.margin)).any()


@pytest.mark.parametrize("skus", [30, 150, 600])
def test_who_asks_for_less_risk_gets_higher_limits_and_less_accepted(skus: int) -> None:
    world = World(21)
    samples = samples_of(catalog(world, world.items(skus)))
    found = [calibrated(samples, listed(skus), BASIS, risk) for risk in RISKS]
    limits = [each.thresholds for each in found]
    for low, high in zip(limits[:-1], limits[1:], strict=True):
        assert low.accept >= high.accept and low.margin >= high.margin
        assert low.same >= high.same and low.by_print >= high.by_print
    accepted = [each.accepted[0] for each in found]
    assert accepted == sorted(accepted)
    assert {each.accepted[1] for each in found} == {skus * 5}
    if skus == 600:
        assert accepted[2] > 1.1 * accepted[0]


def test_the_worst_view_of_an_article_speaks_for_it_and_other_views_add_nothing() -> None:
    world = World(22)
    table = catalog(world, world.items(120))
    once = calibrated_world(table, risk=0.05)
    again = Probes(np.tile(table[1].vectors, (3, 1)), np.tile(table[1].pictures, 3))
    thrice = calibrated_world((table[0], again), risk=0.05)
    assert thrice.thresholds.accept == once.thresholds.accept
    counts = [(each.things, each.bound) for each in thrice.thresholds.claims]
    assert counts == [(each.things, each.bound) for each in once.thresholds.claims]


def test_a_stranger_that_was_shipped_raises_what_is_accepted() -> None:
    world = World(23)
    items = world.items(60)
    table = catalog(world, items)
    alone = calibrated_world(table).thresholds.accept
    near = unit(items[:40] + 0.3 * unit(world.random.standard_normal((40, DIMENSION))))
    limits = calibrated_world(table, strangers=outsiders(near)).thresholds
    best = similarities(table[0], near).max()
    assert best > alone and limits.accept > best


def test_a_category_that_attracts_strangers_has_a_higher_limit_and_so_has_a_single_sku() -> None:
    world = World(24, spread=2.0)
    items = world.items(200)
    table = catalog(world, items)
    # Every fourth SKU is of category c0: forty strangers crowd around twenty of these.
    crowd = unit(np.tile(items[:80:4], (2, 1)) + 0.5 * unit(world.random.standard_normal((40, 32))))
    random = world.random.standard_normal((3000, DIMENSION))
    strangers = outsiders(np.concatenate([crowd, random]))
    found = calibrated_world(table, strangers=strangers, risk=0.05, categories=4)
    lines = {line.category: line for line in found.categories}
    accept = found.thresholds.accept
    assert lines["c0"].others.wrong > 0 and lines["c0"].accept is not None
    assert lines["c0"].accept > accept and lines["c0"].others.bound > lines["c1"].others.bound
    assert sum(line.others.things for line in lines.values()) == 3040
    assert all(each > accept for each in found.accept.values())
    assert {f"s{number:03}" for number in range(0, 200, 4)} <= set(found.accept)
    nearest = similarities(table[0], strangers.vectors)
    for row, best in zip(nearest.argmax(axis=1), nearest.max(axis=1), strict=True):
        assert best < found.accept.get(f"s{table[0].skus[row]:03}", accept)


def test_several_pictures_of_a_sku_are_tried_against_the_others() -> None:
    world = World(4)
    items = np.repeat(world.items(40), 3, axis=0)
    sides = unit(items + 0.4 * unit(world.random.standard_normal(items.shape)))
    references, probes = catalog(world, sides, pictures_per_sku=3)
    samples = samples_of((references, probes))
    assert samples.count == 40 and len(samples.own) == 40 * 3 * 5
    near = similarities(references, probes.vectors.astype(np.float32))
    same_sku = np.equal.outer(probes.pictures // 3, references.skus)
    same_picture = np.equal.outer(probes.pictures, references.pictures)
    expected = np.where(same_sku & ~same_picture, near, -1).max(axis=1)
    assert np.allclose(samples.own, expected, atol=1e-5)
    others = np.where(same_sku, -1, near)
    assert np.allclose(samples.others.similarity, others.max(axis=1), atol=1e-5)
    nearest = references.skus[others.argmax(axis=1)]
    assert (samples.others.sku == nearest).all()
    others[np.equal.outer(nearest, references.skus)] = -1
    assert np.allclose(samples.others.second, others.max(axis=1), atol=1e-5)
    assert (samples.others.runner_up == references.skus[others.argmax(axis=1)]).all()


def test_a_sku_with_one_picture_keeps_it_to_be_recognised_by() -> None:
    world = World(12)
    references, probes = catalog(world, world.items(30))
    near = similarities(references, probes.vectors.astype(np.float32))
    same = np.equal.outer(probes.pictures, references.pictures)
    expected = np.where(same, near, -1).max(axis=1)
    assert np.allclose(samples_of((references, probes)).own, expected, atol=1e-5)


@pytest.mark.parametrize("skus", [1, 2, 4])
def test_with_fewer_than_five_skus_nothing_is_accepted_without_a_tap(skus: int) -> None:
    world = World(5)
    calibration = calibrated_world(catalog(world, world.items(skus)), categories=2)
    thresholds = calibration.thresholds
    assert thresholds.accept > 1 and thresholds.same > 1 and thresholds.by_print > 1
    assert thresholds.choose < 1 and thresholds.category == NEVER_APART
    assert calibration.accepted == (0, skus * 5)
    assert "nothing is accepted without a tap" in thresholds.method


def test_a_catalog_of_nothing_but_one_picture_under_many_skus_accepts_nothing() -> None:
    world = World(25)
    table = catalog(world, np.repeat(world.items(1), 12, axis=0))
    vectors = np.tile(table[0].vectors[:6], (12, 1))
    found = calibrated_world((replace(table[0], vectors=vectors), table[1]))
    assert found.articles == 1 and found.thresholds.accept > 1
    assert found.groups == {"s000": tuple(f"s{number:03}" for number in range(12))}
    assert set(found.accept.values()) == {NEVER_APART} and len(found.accept) == 12
    assert found.accepted[0] == 0


def test_one_reference_per_sku_is_measured_all_the_same() -> None:
    world = World(26)
    references, probes = catalog(world, world.items(40))
    plain = references.views == 0
    one = replace(
        references,
        vectors=references.vectors[plain],
        skus=references.skus[plain],
        pictures=references.pictures[plain],
        views=references.views[plain],
    )
    found = calibrated_world((one, probes))
    assert found.articles == 40 and 0 < found.thresholds.choose < found.thresholds.accept < 1
    assert found.thresholds.claims[0].things >= 36


@pytest.mark.parametrize("skus", [5, 10])
def test_tiny_catalogs_are_raised_towards_their_own_probes(skus: int) -> None:
    reached = []
    for seed in range(20):
        world = World(seed + 100)
        references, probes = catalog(world, world.items(skus))
        thresholds = calibrated_world((references, probes)).thresholds
        best = similarities(references, photos(world, world.items(300))[:, 0]).max(axis=1)
        reached.append((best >= thresholds.accept).mean())
    assert np.mean(reached) < 0.04


def test_doubt_is_total_with_one_thing_and_gone_where_there_are_enough() -> None:
    assert doubt(1, 0.01) == 1 and doubt(100, 0.01) == 0 == doubt(10_000, 0.01)
    assert doubt(10, 0.01) == pytest.approx(0.3, abs=0.01)
    assert doubt(43, 0.001) > doubt(43, 0.01) > doubt(43, 0.05) == 0


def test_an_item_listed_twice_does_not_raise_accept_for_all_others() -> None:
    world = World(7)
    items = world.items(60)
    alone = calibrated_world(catalog(world, items)).thresholds
    found = calibrated_world(catalog(world, np.concatenate([items, items[:1]])))
    assert abs(found.thresholds.accept - alone.accept) < 0.05
    assert found.thresholds.margin > 0
    assert found.groups == {"s000": ("s000", "s060")} and found.articles == 60
    assert found.accept == {"s000": NEVER_APART, "s060": NEVER_APART}
    assert "2 pictures stand under two SKUs" in found.thresholds.method


def test_look_alikes_are_asked_about_and_the_others_keep_their_margin() -> None:
    world = World(8, spread=3.0)
    items = world.items(120)
    near = unit(items[:10] + 0.15 * unit(world.random.standard_normal((10, DIMENSION))))
    alone = calibrated_world(catalog(world, items))
    found = calibrated_world(catalog(world, np.concatenate([items, near])))
    pairs = [{f"s{one:03}", f"s{120 + one:03}"} for one in range(10)]
    groups = [set(skus) for skus in found.groups.values()]
    assert sum(pair in groups for pair in pairs) >= 9 and len(groups) <= 11
    assert all(name == skus[0] for name, skus in found.groups.items())
    assert found.thresholds.margin <= alone.thresholds.margin + 0.05
    assert "look-alikes and are always asked about" in found.thresholds.method


def test_a_category_is_named_only_where_left_out_articles_show_it_rightly() -> None:
    world = World(27)
    # Themes far apart are the categories: what is near, is of the same kind.
    kinds = unit(world.random.standard_normal((4, DIMENSION)))
    items = unit(np.tile(kinds, (20, 1)) + 0.5 * unit(world.random.standard_normal((80, 32))))
    named = calibrated_world(catalog(world, items), categories=4)
    assert named.thresholds.category < 0.9 and named.category_risk == 0.05
    few = calibrated_world(catalog(world, items[:20]), categories=4)
    assert 0.05 < few.category_risk <= 0.2
    tiny = calibrated_world(catalog(world, items[:10]), categories=4)
    assert tiny.thresholds.category == NEVER_APART and tiny.category_risk == 0
    for categories in (0, 1):
        one = calibrated_world(catalog(world, items), categories=categories)
        assert one.thresholds.category == NEVER_APART
    mixed = calibrated_world(catalog(World(28), World(28).items(80)), categories=4)
    assert mixed.thresholds.category > named.thresholds.category


def test_an_impostor_stays_below_same_and_own_views_above_differs() -> None:
    world = World(29)
    samples = samples_of(catalog(world, world.items(100)))
    limits = calibrated(samples, listed(100), BASIS, 0.05).thresholds
    alike = samples.has_look_alikes(samples.skus)
    assert (samples.others.similarity[~alike] >= limits.same).mean() <= 0.05
    assert (samples.own < limits.differs).mean() <= 0.05
    assert limits.differs <= limits.choose < limits.same


def test_the_result_is_the_same_every_time() -> None:
    world = World(9)
    table = catalog(world, world.items(70))
    assert calibrated_world(table, categories=3) == calibrated_world(table, categories=3)


def test_a_catalog_of_many_blocks_is_searched_like_a_small_one() -> None:
    world = World(11)
    items = world.items(1500)
    references, _ = catalog(world, items)
    probes = probes_of(world, items[:400], 1)
    samples = samples_of((references, probes))
    near = similarities(references, probes.vectors.astype(np.float32))
    near[np.equal.outer(probes.pictures, references.skus)] = -1
    assert len(references.vectors) > 8192 and len(samples.own) == 400
    assert np.allclose(samples.others.similarity, near.max(axis=1), atol=1e-5)


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


def limits_of(samples: Samples, risk: float = 0.001) -> tuple[float, float, float]:
    limits = calibrated(samples, listed(6), BASIS, risk).thresholds
    return limits.accept, limits.by_print, limits.apart


def test_strangers_whose_print_is_found_in_part_raise_what_a_print_must_show() -> None:
    """Two flavours of one brand: each is a stranger that verifies against the other."""
    world = World(14)
    items = world.items(6)
    references, _ = catalog(world, items)
    references = replace(references, details=details_of([1, 2, 3, 4, 5, 6]))
    vectors = photos(world, items)[:, 0].astype(np.float16)
    pictures = np.arange(6, dtype=np.int32)
    table = references, Probes(vectors, pictures)
    distinct = tuple(features_of(photographed(face(design))) for design in range(1, 7))
    alone = samples_of(table, Probes(vectors, pictures, distinct))
    assert alone.compared is not None and len(alone.compared.own) == 6
    assert (alone.compared.own_evidence() > alone.own).all()
    by_chance = alone.compared.other_evidence(printed=True).max(initial=0.0)
    assert by_chance < 0.6
    shared = tuple(features_of(photographed(face(1 + number // 2))) for number in range(6))
    partly = samples_of(table, Probes(vectors, pictures, shared))
    assert partly.compared is not None
    strangers = partly.compared.other_evidence(printed=True).max()
    assert strangers > by_chance + 0.2
    assert limits_of(partly, 0.05)[1] > strangers
    # Where no two SKUs share a print, nothing was tried: that is no proof that none is like it.
    assert limits_of(alone)[1] > limits_of(alone, 0.05)[1] > limits_of(alone)[0]
    assert limits_of(partly)[2] < NEVER_APART
    # Both gates were tried on the same six: their places add up in what is stated.
    claim = calibrated(alone, listed(6), BASIS).thresholds.claims[0]
    assert claim.bound > 0.5


def test_without_local_features_nothing_is_accepted_by_its_print() -> None:
    world = World(15)
    thresholds = calibrated_world(catalog(world, world.items(40))).thresholds
    assert thresholds.by_print == thresholds.apart == NEVER_APART
