# SPDX-License-Identifier: Apache-2.0
"""What may go wrong while an item lies there: swapped twins, codes that change, doubts, taps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest
from test_decide import CLEAR, FAINT, TWINS, found
from test_visits import BOX, FAR, Counter

from kiosk.config import DecideConfig
from kiosk.decide import Visits
from kiosk.values import Hashes, Hint, Outcome, Rule


def counter_of(config: DecideConfig) -> Counter:
    ids = count(1)
    visits = Visits(
        config,
        lambda look: Hashes(look.release, "d", "e"),
        new_id=lambda: f"id{next(ids)}",
        now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    return Counter(visits, count())


@pytest.fixture
def counter() -> Counter:
    return counter_of(DecideConfig())


def test_what_a_barcode_settled_is_decided_once_though_it_looks_a_little_more_like_its_twin(
    counter: Counter,
) -> None:
    made = counter.see(TWINS, 60, coded=("b",)) + counter.see(TWINS, 60)
    assert [(each.sku, each.rule) for each in made] == [("b", Rule.BARCODE)]


def test_a_twin_laid_in_the_place_of_another_is_told_by_its_own_barcode(counter: Counter) -> None:
    (first,) = counter.see(TWINS, 5, coded=("a",))
    (second,) = counter.see(TWINS, 20, coded=("b",))
    assert (first.sku, second.sku) == ("a", "b")
    assert first.visit_id != second.visit_id


def test_a_ticket_that_is_shown_late_is_still_a_mismatch(counter: Counter) -> None:
    (first,) = counter.see(CLEAR, 10)
    (second,) = counter.see(CLEAR, 10, coded=("b",))
    assert (first.outcome, second.outcome) == (Outcome.ACCEPTED, Outcome.MISMATCH)


def test_a_mismatch_ends_when_the_right_ticket_is_shown(counter: Counter) -> None:
    (first,) = counter.see(CLEAR, 10, coded=("b",))
    (second,) = counter.see(CLEAR, 10, coded=("a",))
    assert (first.outcome, second.sku) == (Outcome.MISMATCH, "a")


def test_one_read_of_another_code_takes_nothing_back(counter: Counter) -> None:
    counter.see(CLEAR, 10)
    assert counter.see(CLEAR, 1, coded=("b",)) + counter.see(CLEAR, 30) == []


def test_an_item_that_is_doubted_asked_about_and_known_again_is_one_visit(
    counter: Counter,
) -> None:
    made = counter.see(CLEAR, 5) + counter.see(found(b=0.75, a=0.74, c=0.3), 30)
    made += counter.see(CLEAR, 5)
    assert [each.sku for each in made] == ["a", None, "a"]
    assert made[0].visit_id == made[2].visit_id


def test_an_item_known_again_after_a_choice_that_did_not_offer_it_is_another_one(
    counter: Counter,
) -> None:
    made = counter.see(CLEAR, 5) + counter.see(found(c=0.75, d=0.74, a=0.3), 30)
    made += counter.see(CLEAR, 5)
    assert [each.sku for each in made] == ["a", None, "a"]
    assert made[0].visit_id != made[2].visit_id


def test_a_refusal_while_the_item_is_out_of_sight_for_a_moment_is_heard(counter: Counter) -> None:
    (first,) = counter.see(CLEAR, 3)
    counter.see(None, 1)
    counter.visits.again(first.decision_id)
    (second,) = counter.see(CLEAR, 3)
    assert second.decision_id != first.decision_id
    counter.visits.again(second.decision_id)
    counter.see(None, 3)
    assert counter.steps != ()
    counter.see(None, 1)
    assert counter.steps == ()


def test_the_focus_stays_with_an_item_whose_answer_was_refused(counter: Counter) -> None:
    counter.see_all((CLEAR, BOX), (found(b=0.9, a=0.5), FAR), frames=3)
    far = next(step for step in counter.steps if step.box == FAR)
    assert far.decision is not None
    assert counter.visits.focus(far.visit_id)
    counter.visits.again(far.decision.decision_id)
    counter.see_all((CLEAR, BOX), (found(b=0.9, a=0.5), FAR))
    assert counter.last is not None
    assert counter.last.box == FAR


@pytest.mark.parametrize("frames", [1, 11, 60])
def test_any_number_of_frames_that_must_agree_can_be_reached(frames: int) -> None:
    counter = counter_of(replace(DecideConfig(), agreement_frames=frames, time_limit_s=30.0))
    assert counter.see(CLEAR, frames - 1) == []
    (decision,) = counter.see(CLEAR)
    assert (decision.sku, decision.agreement) == ("a", (frames, frames))


def test_unknown_becomes_a_choice_however_many_frames_must_agree() -> None:
    counter = counter_of(replace(DecideConfig(), agreement_frames=20))
    (first,) = counter.see(found(a=0.4), 20)
    (second,) = counter.see(FAINT, 40)
    assert (first.outcome, second.outcome) == (Outcome.UNKNOWN, Outcome.CHOOSE)


def test_frames_that_never_agree_are_accepted_late_when_a_barcode_says_the_same(
    counter: Counter,
) -> None:
    made = []
    for _ in range(20):
        made += counter.see(CLEAR, 2, coded=("a",)) + counter.see(CLEAR, 1, hint=Hint.HAND_AWAY)
    assert [(each.sku, each.rule) for each in made] == [("a", Rule.BARCODE)]
