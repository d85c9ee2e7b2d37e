# SPDX-License-Identifier: Apache-2.0
"""The numbers behind `tools.decisions`: exact intervals, counts known by hand, scenario rows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from prints import face, features_of
from tiny_models import picture as drawn

from kiosk.values import Box, Claim
from tools.evaluation.cases import Case, Said
from tools.evaluation.exact import at_most, clopper_pearson
from tools.evaluation.honest import odd
from tools.evaluation.manifests import Picture
from tools.evaluation.rates import rates
from tools.evaluation.ways import WAYS, coloured
from tools.strangers import even


def photo(sku: str, name: str = "p.png") -> Picture:
    return Picture(Path(name), name, sku, "photo", "test", "things", "line 1", "m.csv")


def case(sku: str, said: Said, half: int = 0, category: str = "") -> Case:
    return Case(photo(sku), half, said, "X", category=category)


def claim(bound: float) -> Claim:
    return Claim("them", 0, 10, 20, bound, 0.95)


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [
        (0, 43, 0.0, 1 - 0.025 ** (1 / 43)),
        (43, 43, 0.025 ** (1 / 43), 1.0),
        (1, 10, 0.0025286, 0.4450161),
        (5, 10, 0.1870860, 0.8129140),
        (10, 1000, 0.0048055, 0.0183140),
    ],
)
def test_exact_intervals_are_those_of_the_tables(
    hits: int, tries: int, low: float, high: float
) -> None:
    found = clopper_pearson(hits, tries)
    assert found.value == pytest.approx(hits / tries, abs=1e-6)
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-6), pytest.approx(high, abs=2e-6))


def test_nothing_tried_has_no_share() -> None:
    assert clopper_pearson(0, 0).value is None


def test_the_binomial_tail_is_the_sum_of_its_terms() -> None:
    terms = [math.comb(12, count) * 0.3**count * 0.7 ** (12 - count) for count in range(13)]
    for hits in range(-1, 13):
        assert at_most(hits, 12, 0.3) == pytest.approx(sum(terms[: hits + 1]), abs=1e-12)
    assert (at_most(3, 12, 0.0), at_most(3, 12, 1.0), at_most(12, 12, 1.0)) == (1.0, 0.0, 1.0)


def test_wrong_accepts_are_counted_by_photo_by_thing_and_by_catalog() -> None:
    cases = [
        *[case("a", Said.WRONG)] * 2,
        *[case("a", Said.RIGHT, 1)] * 3,
        *[case("b", Said.RIGHT)] * 4,
        case("c", Said.UNKNOWN, 1, "things"),
        case("d", Said.CHOOSE, 1, "others"),
    ]
    found = rates(cases, {0: claim(0.4), 1: claim(0.0)}, seed=0)
    assert (found.photos, found.things, found.wrong, found.wrong_things) == (11, 4, 2, 1)
    assert found.wrong_rate.value == pytest.approx(2 / 11, abs=1e-4)
    assert found.wrong_things_rate.value == 0.25
    assert found.accuracy.value == pytest.approx(7 / 9, abs=1e-4)
    assert (found.named, found.named_right) == (2, 1)
    assert [(each.wrong, each.photos, each.within) for each in found.halves] == [
        (2, 6, True),
        (0, 5, True),
    ]
    assert found.stated == (0.0, 0.4) and found.within == 2
    stricter = rates(cases, {0: claim(0.3), 1: claim(0.0)}, seed=0)
    assert stricter.within == 1


def test_a_release_that_states_nothing_keeps_nothing() -> None:
    found = rates([case("a", Said.UNKNOWN)], {0: None}, seed=0)
    assert found.stated is None and found.within == 0


def test_the_shipped_strangers_were_made_of_none_of_the_photos_that_are_asked() -> None:
    names = [f"thing-{number}.jpg" for number in range(100)]
    assert all(odd(name) is not even(name) for name in names)
    assert 30 < sum(map(odd, names)) < 70


def test_every_row_changes_the_picture_the_same_way_each_time() -> None:
    pixels = drawn(3)
    asked, box = photo("a"), Box(60, 20, 180, 160)
    for way in WAYS:
        one, two = (way.change(asked, box, 0)(pixels) for _ in range(2))
        assert one.dtype == np.uint8 and np.array_equal(one, two), way.name
        assert np.array_equal(one, pixels) == (way.name == "as it is"), way.name
    (twin,) = (way for way in WAYS if way.twin)
    turned = twin.change(asked, box, 0)(pixels)
    # Another hue, as bright as before.
    assert abs(int(turned.max(axis=2).mean()) - int(pixels.max(axis=2).mean())) <= 2


def test_only_a_coloured_item_has_a_twin_in_another_colour() -> None:
    assert coloured(features_of(face(1, ground=(40, 60, 200))))
    assert not coloured(features_of(face(1)))


def test_a_quarter_turn_turns_the_frame_with_the_item() -> None:
    (way,) = (way for way in WAYS if way.name == "rotated, 90 degrees")
    pixels = drawn(3)
    assert np.array_equal(way.change(photo("a"), None, 0)(pixels), np.rot90(pixels, -1))
