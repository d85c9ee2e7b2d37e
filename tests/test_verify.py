# SPDX-License-Identifier: Apache-2.0
"""The second look: what must verify, and above all what must not."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from prints import face, features_of, flavour, photographed, recoloured

from kiosk.errors import ImageError
from kiosk.values import POINT, TONES, Box, Features, Verified
from kiosk.verify import NOTHING, compare, compare_all, joined
from kiosk.verify.evidence import LEAST_COLOUR, strength
from kiosk.verify.geometry import LEAST_POINTS, arranged
from kiosk.verify.matching import directions, pairs
from kiosk.vision.features import MOST_POINTS, SIDE, features

CLEAR = 0.25
"""Least lead in strength between the right face and one that only resembles it."""


@pytest.fixture(scope="module")
def plain() -> Features:
    return features_of(face(1))


@pytest.fixture(scope="module")
def photo() -> Features:
    return features_of(photographed(face(1)))


def with_points(some: Features, points: np.ndarray) -> Features:
    return replace(some, points=points)


def test_the_print_is_found_again_turned_askew_and_noisy(plain: Features, photo: Features) -> None:
    found = compare(photo, plain)
    assert found.points > 30
    assert found.coverage > 0.5 and found.colour > 0.5
    assert found.strength > 0.8


def test_another_print_is_not_found(photo: Features) -> None:
    for design in (2, 3, 4):
        assert compare(photo, features_of(face(design))).strength < 0.05


def test_a_mirrored_print_does_not_verify(plain: Features) -> None:
    mirrored = features_of(np.ascontiguousarray(photographed(face(1))[:, ::-1]))
    assert compare(mirrored, plain).strength < 0.05


def test_a_print_upside_down_is_still_the_print(plain: Features) -> None:
    assert compare(features_of(photographed(face(1), turn=180)), plain).strength > 0.8


@pytest.mark.parametrize("light", [(1.0, 1.0, 1.0), (0.8, 1.0, 1.15), (1.1, 1.0, 0.85)])
def test_a_twin_that_differs_in_colour_only_is_told_apart_in_any_light(
    plain: Features, light: tuple[float, float, float]
) -> None:
    seen = features_of(photographed(face(1), light=light))
    right, twin = compare(seen, plain), compare(seen, features_of(recoloured(face(1))))
    assert twin.points > 30  # the print is the same
    assert right.colour - twin.colour > 0.3
    assert right.strength - twin.strength > CLEAR


def test_another_flavour_with_the_same_logo_covers_less_of_the_face() -> None:
    seen = features_of(photographed(flavour(1, 11)))
    right, other = (compare(seen, features_of(flavour(1, design))) for design in (11, 12))
    assert other.points >= LEAST_POINTS  # the logo is found
    assert other.coverage < 0.6 * right.coverage
    assert right.strength - other.strength > CLEAR


def test_colours_that_do_not_agree_at_all_make_it_another_print() -> None:
    assert strength(200, 1.0, LEAST_COLOUR - 0.01) == 0.0 < strength(200, 1.0, LEAST_COLOUR)


@pytest.mark.parametrize("share", [4, 6])
def test_a_corner_of_a_face_is_not_the_item(plain: Features, share: int) -> None:
    seen = photographed(face(1), turn=0)
    part = features_of(np.ascontiguousarray(seen[: len(seen) // share]))
    assert compare(part, plain).strength < compare(features_of(seen), plain).strength - CLEAR


def test_too_few_points_say_nothing(plain: Features, photo: Features) -> None:
    few = with_points(plain, plain.points[: LEAST_POINTS - 1])
    assert compare(photo, few) == compare(few, photo) == NOTHING
    assert strength(LEAST_POINTS - 1, 1.0, 1.0) == 0.0


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_crop_has_no_points_and_verifies_nothing(plain: Features, value: int) -> None:
    flat = features_of(np.full((120, 90, 3), value, np.uint8))
    assert len(flat.points) == 0
    assert compare(flat, plain) == compare(plain, flat) == compare(flat, flat) == NOTHING


def test_a_crop_thinner_than_any_print_has_no_points() -> None:
    assert len(features_of(face(1)[:4]).points) == 0


def test_descriptors_of_nothing_but_zeros_pair_with_nothing(photo: Features) -> None:
    blank = photo.points.copy()
    blank["descriptor"] = 0
    assert compare(with_points(photo, blank), photo) == NOTHING


def test_points_collapsed_into_one_place_are_no_arrangement(photo: Features) -> None:
    heap = photo.points.copy()
    heap["at"] = 6400
    assert compare(with_points(photo, heap), photo).points == 0
    assert compare(photo, with_points(photo, heap)).points == 0


def test_points_on_one_line_are_no_arrangement(photo: Features) -> None:
    line = photo.points.copy()
    line["at"][:, 1] = 6400
    flat = with_points(photo, line)
    assert compare(flat, flat).points == 0


def test_scattered_pairs_are_no_arrangement(photo: Features) -> None:
    random = np.random.default_rng(3)
    scattered = photo.points.copy()
    scattered["at"] = random.integers(0, 64 * SIDE, scattered["at"].shape)
    scattered["angle"] = random.integers(0, 256, len(scattered))
    assert compare(with_points(photo, scattered), photo).strength < 0.05


def test_random_points_never_verify() -> None:
    random = np.random.default_rng(9)
    for _ in range(5):
        first, second = (
            Features(
                np.frombuffer(random.bytes(POINT.itemsize * 300), POINT),
                random.integers(0, 256, (TONES, TONES, 3), np.uint8),
                (SIDE, SIDE),
            )
            for _ in range(2)
        )
        found = compare(first, second)
        assert math.isfinite(found.strength) and found.strength < 0.05


def test_a_pair_uses_each_point_once(plain: Features, photo: Features) -> None:
    found = pairs(directions(photo), directions(plain))
    assert len(set(found[:, 0])) == len(set(found[:, 1])) == len(found)
    arrangement = arranged(photo, plain, found)
    assert arrangement is not None and len(set(arrangement.agreeing)) == len(arrangement.agreeing)


def test_features_are_the_same_every_time_and_bounded() -> None:
    pixels = photographed(face(1))
    first, second = features_of(pixels), features_of(pixels)
    assert first.points.tobytes() == second.points.tobytes()
    assert first.tones.tobytes() == second.tones.tobytes()
    assert 0 < len(first.points) <= MOST_POINTS and max(first.size) == SIDE


def test_a_box_outside_the_picture_has_no_features_but_a_clear_error() -> None:
    with pytest.raises(ImageError):
        features(face(1), Box(900, 900, 950, 950))


def test_text_at_the_edge_of_a_tight_box_is_kept() -> None:
    wide = np.full((400, 400, 3), 90, np.uint8)
    wide[50:350, 50:350] = face(1)
    tight = features(wide, Box(56, 56, 344, 344))
    assert tight.size == (SIDE, SIDE)
    assert compare(tight, features_of(face(1))).coverage > 0.7


def test_strength_grows_with_all_it_is_made_of_and_stays_a_share() -> None:
    base = strength(20, 0.3, 0.4)
    assert 0 <= base <= strength(60, 0.3, 0.4) <= 1
    assert base < strength(20, 0.5, 0.4) and base < strength(20, 0.3, 0.5)
    assert strength(10_000, 1.0, 1.0) <= 1.0


@pytest.mark.parametrize("similarity", [-1.0, -0.2, 0.0, 0.5, 0.99, 1.0])
def test_joining_only_raises_a_similarity_and_never_above_one(similarity: float) -> None:
    assert joined(similarity, NOTHING) == similarity
    values = [joined(similarity, Verified(9, 0.5, 0.5, share)) for share in (0.0, 0.4, 1.0)]
    assert values == sorted(values) and similarity <= values[-1] <= 1.0


def test_the_second_look_ends_when_its_time_is_spent(plain: Features, photo: Features) -> None:
    assert list(compare_all(photo, [plain] * 3, time.perf_counter())) == []
    assert len(list(compare_all(photo, [plain] * 3, math.inf))) == 3
