# SPDX-License-Identifier: Apache-2.0
"""When an addition takes from an existing SKU, and what it may be accepted by: numbers only."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kiosk.additions.rule import SAME_VIEW, accept_limit, differs, steals, taken
from kiosk.decide import judge
from kiosk.values import NEVER_APART, Match, Outcome, Thresholds

LIMITS = Thresholds(0.8, 0.6, 0.05, "test", 1)


@pytest.mark.parametrize("nearest", [-1.0, 0.3, 0.76, 0.8, 0.99])
def test_an_addition_never_accepts_more_laxly_than_the_release(nearest: float) -> None:
    limit = accept_limit(nearest, LIMITS)
    assert limit >= LIMITS.accept
    assert limit >= nearest + LIMITS.margin
    never = dataclasses.replace(LIMITS, accept=NEVER_APART)
    assert accept_limit(nearest, never) >= NEVER_APART, "what only asks goes on asking"


def test_nothing_of_another_sku_is_ever_accepted_as_the_addition_by_similarity() -> None:
    near = 0.85
    best = Match("new", near, 0, accept=accept_limit(near, LIMITS))
    assert judge((best, Match("old", 0.2, 1)), LIMITS).outcome is not Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("own", "new", "lost"),
    [
        (0.9, 0.59, False),  # too far to be offered
        (0.9, 0.7, False),  # accepted before and after
        (0.9, 0.86, True),  # accepted before, its lead is gone
        (0.9, 0.91, True),
        (0.7, 0.64, False),  # asked about before and after, the same SKU clearly first
        (0.7, 0.66, True),  # now it could be either
        (0.7, 0.9, True),
        (0.5, 0.7, False),  # it was not found before either
    ],
)
def test_a_match_is_lost_when_its_clear_lead_goes(own: float, new: float, lost: bool) -> None:
    assert steals(own, new, LIMITS) is lost


def at(similarity: float) -> np.ndarray:
    """A unit vector so similar to (1, 0, 0)."""
    return np.array([similarity, np.sqrt(1 - similarity**2), 0], np.float32)


def test_what_is_nearer_than_the_skus_own_other_pictures_is_taken() -> None:
    front, back = at(1.0), at(0.75)
    references, pictures = np.stack([front, back]), np.array([0, 1])
    assert taken(references, pictures, at(0.7)[None] * [1, -1, 1], LIMITS) is None
    found = taken(references, pictures, at(0.79)[None] * [1, -1, 1], LIMITS)
    assert found == (0, 0)


def test_what_the_release_would_accept_as_the_very_picture_is_taken() -> None:
    one = np.stack([at(1.0)])
    assert taken(one, np.array([0]), at(0.81)[None], LIMITS) == (0, 0)
    assert taken(one, np.array([0]), at(0.79)[None], LIMITS) is None, "one picture says no more"


def test_the_other_views_of_one_picture_do_not_speak_for_a_sku() -> None:
    references, new = np.stack([at(1.0), at(0.7)]), at(0.75)[None] * [1, -1, 1]
    assert taken(references, np.array([7, 7]), new, LIMITS) is None
    assert taken(references, np.array([7, 8]), new, LIMITS) is not None


def test_a_view_counts_only_when_it_shows_another_side() -> None:
    first = at(1.0)
    assert differs(first, np.zeros((0, 3), np.float32))
    assert differs(at(SAME_VIEW - 0.01), first[None])
    assert not differs(at(SAME_VIEW + 0.005), first[None])
