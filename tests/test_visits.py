# SPDX-License-Identifier: Apache-2.0
"""Visits, told as the stories they are. Time is in the looks, so nothing waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import pytest
from test_decide import CLEAR, FAINT, OTHER, STRANGE, THRESHOLDS, TWINS, found

from kiosk.config import DecideConfig
from kiosk.decide import Step, Visits
from kiosk.values import (
    NEVER_APART,
    Box,
    Code,
    Decision,
    Detection,
    Hashes,
    Hint,
    Look,
    Match,
    Outcome,
    Rule,
    Sight,
)

BOX = Box(100, 100, 300, 300)
FAR = Box(600, 400, 800, 600)
FRAME_NS = 100_000_000


@dataclass
class Counter:
    """Feeds one sight per tenth of a second and collects what was newly decided."""

    visits: Visits
    ticks: Iterator[int]
    release: str = "r1"
    apart: float = NEVER_APART
    steps: tuple[Step, ...] = ()

    @property
    def last(self) -> Step | None:
        """The step of the item in focus."""
        return self.steps[0] if self.steps else None

    def see(
        self,
        matches: tuple[Match, ...] | None,
        frames: int = 1,
        *,
        box: Box = BOX,
        whole: bool = True,
        hint: Hint | None = None,
        coded: tuple[str, ...] = (),
    ) -> list[Decision]:
        items = () if matches is None else ((matches, box),)
        return self.see_all(*items, frames=frames, whole=whole, hint=hint, coded=coded)

    def see_all(
        self,
        *items: tuple[tuple[Match, ...], Box],
        frames: int = 1,
        whole: bool = True,
        hint: Hint | None = None,
        coded: tuple[str, ...] = (),
    ) -> list[Decision]:
        made = []
        for _ in range(frames):
            tick = next(self.ticks)
            looks = tuple(
                self.look(tick, matches, box, whole, hint, coded) for matches, box in items
            )
            self.steps = self.visits.step(Sight(tick, tick * FRAME_NS, (1000, 800), (), looks))
            made += [step.decision for step in self.steps if step.new and step.decision]
        return made

    def look(
        self,
        tick: int,
        matches: tuple[Match, ...],
        box: Box,
        whole: bool,
        hint: Hint | None,
        coded: tuple[str, ...],
    ) -> Look:
        return Look(
            sequence=tick,
            captured_ns=tick * FRAME_NS,
            frame_size=(1000, 800),
            detections=(),
            subject=Detection(box, 0.9),
            whole=whole,
            embedding=None,
            matches=matches,
            thresholds=replace(THRESHOLDS, apart=self.apart),
            release=self.release,
            hint=hint,
            codes=tuple(Code(f"00{sku}", "EAN-13", box) for sku in coded),
            coded=coded,
        )


@pytest.fixture
def counter() -> Counter:
    ids = count(1)
    visits = Visits(
        DecideConfig(),
        lambda look: Hashes(look.release, "d", "e"),
        new_id=lambda: f"id{next(ids)}",
        now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    return Counter(visits, count())


def test_a_clear_item_is_accepted_when_three_frames_agree(counter: Counter) -> None:
    assert counter.see(CLEAR, 2) == []
    (decision,) = counter.see(CLEAR)
    assert decision.outcome is Outcome.ACCEPTED
    assert decision.sku == "a"
    assert decision.agreement == (3, 3)
    assert decision.margin == pytest.approx(0.4)
    assert decision.at == "2026-01-02T03:04:05.000+00:00"
    assert decision.hashes == Hashes("r1", "d", "e")


def test_the_same_item_lying_still_is_one_decision_not_ten(counter: Counter) -> None:
    assert len(counter.see(CLEAR, 200)) == 1


def test_a_sku_with_look_alikes_is_asked_about_however_clear_it_seems(counter: Counter) -> None:
    contested = (replace(CLEAR[0], group="g"), *CLEAR[1:])
    (decision,) = counter.see(contested, 40)
    assert decision.outcome is Outcome.CHOOSE
    assert decision.rule is Rule.LOOK_ALIKES
    assert [match.sku for match in decision.matches] == ["a", "b"]


def test_looks_at_two_releases_do_not_add_up(counter: Counter) -> None:
    counter.see(CLEAR, 2)
    counter.release = "r2"
    assert counter.see(CLEAR, 2) == []
    (decision,) = counter.see(CLEAR)
    assert decision.hashes.release == "r2"
    counter.release = "r3"
    assert counter.see(OTHER, 1) == []
    assert counter.last is not None
    assert counter.last.decision is None


def test_frames_that_disagree_are_never_accepted(counter: Counter) -> None:
    made = []
    for _ in range(30):
        made += counter.see(CLEAR, 2) + counter.see(OTHER, 2)
    assert [decision.outcome for decision in made][0] is Outcome.CHOOSE
    assert all(decision.sku is None for decision in made)


def test_disagreeing_frames_offer_both(counter: Counter) -> None:
    made = []
    for _ in range(10):
        made += counter.see(CLEAR) + counter.see(OTHER)
    assert {match.sku for match in made[0].matches} == {"a", "b"}


def test_a_stranger_is_unknown_after_the_time_limit_and_not_before(counter: Counter) -> None:
    assert counter.see(STRANGE, 15) == []
    (decision,) = counter.see(STRANGE)
    assert decision.outcome is Outcome.UNKNOWN
    assert decision.sku is None


def test_look_alikes_are_a_choice_of_exactly_those_worth_offering(counter: Counter) -> None:
    (decision,) = counter.see(TWINS, 20)
    assert decision.outcome is Outcome.CHOOSE
    assert decision.rule is Rule.SMALL_MARGIN
    assert [match.sku for match in decision.matches] == ["a", "b"]


def test_a_sku_well_behind_two_look_alikes_is_not_offered_beside_them(counter: Counter) -> None:
    (decision,) = counter.see(found(a=0.9, b=0.88, far=0.75), 20)
    assert [match.sku for match in decision.matches] == ["a", "b"]


def test_a_choice_may_become_accepted_when_the_view_clears(counter: Counter) -> None:
    (first,) = counter.see(FAINT, 20)
    (second,) = counter.see(CLEAR, 3)
    assert (first.outcome, second.outcome) == (Outcome.CHOOSE, Outcome.ACCEPTED)
    assert first.visit_id == second.visit_id
    assert first.decision_id != second.decision_id


def test_an_accepted_item_stays_accepted_when_a_hand_covers_it_for_a_moment(
    counter: Counter,
) -> None:
    counter.see(CLEAR, 3)
    assert counter.see(STRANGE, 10, hint=Hint.HAND_AWAY) == []
    assert counter.last is not None
    assert counter.last.decision is not None
    assert counter.last.decision.sku == "a"


def test_unknown_becomes_a_choice_only_after_twice_the_agreement(counter: Counter) -> None:
    counter.see(STRANGE, 20)
    assert counter.see(FAINT, 5) == []
    (decision,) = counter.see(FAINT)
    assert decision.outcome is Outcome.CHOOSE


def test_a_tap_settles_the_visit(counter: Counter) -> None:
    counter.see(TWINS, 20)
    assert counter.last is not None
    assert counter.last.decision is not None
    counter.visits.settle(counter.last.decision.decision_id)
    assert counter.see(CLEAR, 10) == []


def test_an_item_that_leaves_ends_the_visit_and_the_next_one_is_new(counter: Counter) -> None:
    (first,) = counter.see(CLEAR, 5)
    counter.see(None, 4)
    assert counter.last is None
    (second,) = counter.see(CLEAR, 5)
    assert first.visit_id != second.visit_id


def test_a_flicker_of_the_detector_does_not_end_the_visit(counter: Counter) -> None:
    counter.see(CLEAR, 5)
    counter.see(None, 3)
    assert counter.last is not None
    assert counter.see(CLEAR, 20) == []


def test_frames_before_and_after_a_gap_do_not_agree(counter: Counter) -> None:
    counter.see(CLEAR, 2)
    counter.see(None, 1)
    assert counter.see(CLEAR, 2) == []


def test_an_item_swapped_without_a_gap_in_the_same_place_is_decided_anew(
    counter: Counter,
) -> None:
    (first,) = counter.see(CLEAR, 5)
    (second,) = counter.see(OTHER, 25)
    assert (first.sku, second.sku) == ("a", "b")
    assert first.visit_id != second.visit_id


def test_an_accepted_item_swapped_for_a_stranger_does_not_lend_it_its_name(
    counter: Counter,
) -> None:
    counter.see(CLEAR, 5)
    (second,) = counter.see(STRANGE, 40)
    assert second.outcome is Outcome.UNKNOWN


def test_a_choice_swapped_for_a_stranger_is_taken_back(counter: Counter) -> None:
    counter.see(TWINS, 20)
    (second,) = counter.see(STRANGE, 40)
    assert second.outcome is Outcome.UNKNOWN


def test_an_item_that_appears_elsewhere_at_once_is_another_visit(counter: Counter) -> None:
    (first,) = counter.see(CLEAR, 5)
    (second,) = counter.see(CLEAR, 5, box=FAR)
    assert first.visit_id != second.visit_id


def test_a_cut_off_item_is_never_accepted(counter: Counter) -> None:
    made = counter.see(CLEAR, 60, whole=False)
    assert [decision.outcome for decision in made] == [Outcome.CHOOSE]


def test_a_lost_camera_forgets_the_visit(counter: Counter) -> None:
    counter.see(CLEAR, 2)
    counter.visits.lost()
    assert counter.visits.boxes == ()
    assert counter.see(CLEAR, 2) == []


def test_look_alikes_that_were_not_told_apart_are_all_offered(counter: Counter) -> None:
    best = replace(found(a=0.95)[0], group="g")
    made = counter.see((best, *found(b=0.93, c=0.8)), frames=20)
    assert [match.sku for match in made[-1].matches] == ["a", "b"]  # the margin says so
    counter.see(None, frames=8)
    counter.apart = 0.2
    made = counter.see((best, *found(b=0.93, c=0.8)), frames=20)
    assert [match.sku for match in made[-1].matches] == ["a", "b", "c"]


def test_a_doubt_in_clear_view_takes_the_answer_back_but_it_stays_one_visit(
    counter: Counter,
) -> None:
    (first,) = counter.see(CLEAR, 3)
    counter.see(STRANGE, 6)
    assert counter.last is not None
    assert counter.last.decision is None  # not shown beside something it may not be
    (second,) = counter.see(CLEAR, 3)
    assert (second.sku, second.visit_id) == (first.sku, first.visit_id)


def test_a_swap_seen_clearly_is_decided_within_a_second(counter: Counter) -> None:
    counter.see(CLEAR, 5)
    (second,) = counter.see(OTHER, 9)
    assert second.sku == "b"


def test_each_of_several_items_gets_a_decision_of_its_own(counter: Counter) -> None:
    made = counter.see_all((CLEAR, BOX), (OTHER, FAR), frames=3)
    assert [decision.sku for decision in made] == ["a", "b"]
    assert len({decision.visit_id for decision in made}) == 2
    counter.see_all((CLEAR, BOX), frames=5)
    assert [step.decision.sku for step in counter.steps if step.decision] == ["a"]


def test_an_item_that_joins_does_not_disturb_the_one_that_lies_there(counter: Counter) -> None:
    (first,) = counter.see(CLEAR, 4)
    made = counter.see_all((CLEAR, BOX), (TWINS, FAR), frames=20)
    assert [decision.outcome for decision in made] == [Outcome.CHOOSE]
    assert counter.last is not None
    assert counter.last.decision == first


def test_the_focus_survives_a_flicker_of_the_detector(counter: Counter) -> None:
    counter.see_all((CLEAR, BOX), (OTHER, FAR), frames=4)
    counter.see(OTHER, 2, box=FAR)
    assert counter.last is not None
    assert counter.last.box == BOX


def test_an_item_pushed_along_the_counter_is_one_visit(counter: Counter) -> None:
    made = []
    for shift in range(0, 400, 40):
        made += counter.see(CLEAR, 1, box=Box(100 + shift, 100, 300 + shift, 300))
    assert len(made) == 1


def test_an_item_in_motion_that_no_longer_overlaps_where_it_was_is_the_same(
    counter: Counter,
) -> None:
    counter.see(CLEAR, 2)
    (decision,) = counter.see(CLEAR, 1, box=Box(205, 100, 405, 300))
    assert decision.agreement == (3, 3)


def test_poor_looks_wait_for_a_better_one_instead_of_answering(counter: Counter) -> None:
    assert counter.see(STRANGE, 40, hint=Hint.MOVE_CLOSER) == []
    (decision,) = counter.see(CLEAR, 3)
    assert decision.sku == "a"


def test_poor_looks_never_accept_and_end_in_a_question(counter: Counter) -> None:
    made = counter.see(CLEAR, 80, hint=Hint.HOLD_STILL)
    assert [(each.outcome, each.rule) for each in made] == [(Outcome.CHOOSE, Rule.POOR_VIEW)]


def test_a_barcode_settles_what_looks_alike(counter: Counter) -> None:
    (decision,) = counter.see(TWINS, 3, coded=("b",))
    assert (decision.sku, decision.rule) == ("b", Rule.BARCODE)
    assert [code.text for code in decision.codes] == ["00b"]


def test_a_switched_ticket_is_a_mismatch_never_a_silent_choice(counter: Counter) -> None:
    (decision,) = counter.see(CLEAR, 3, coded=("b",))
    assert (decision.outcome, decision.sku) == (Outcome.MISMATCH, None)
    assert [match.sku for match in decision.matches] == ["a", "b"]


def test_a_barcode_of_something_else_than_the_likely_ones_is_a_mismatch(counter: Counter) -> None:
    (decision,) = counter.see(FAINT, 20, coded=("c",))
    assert decision.outcome is Outcome.MISMATCH


def test_a_barcode_on_what_looks_like_nothing_known_is_offered_to_a_person(
    counter: Counter,
) -> None:
    (decision,) = counter.see(STRANGE, 20, coded=("b",))
    assert (decision.outcome, decision.rule) == (Outcome.CHOOSE, Rule.BARCODE)
    assert decision.matches[0].sku == "b"


def test_a_barcode_that_agrees_changes_nothing(counter: Counter) -> None:
    (decision,) = counter.see(CLEAR, 3, coded=("a",))
    assert (decision.sku, decision.rule) == ("a", Rule.ACCEPTED)


def test_two_barcodes_on_one_item_are_a_question(counter: Counter) -> None:
    (decision,) = counter.see(TWINS, 20, coded=("a", "b"))
    assert decision.outcome is Outcome.CHOOSE


def test_the_time_from_rest_to_decision_is_measured(counter: Counter) -> None:
    counter.see(CLEAR, 1, box=Box(0, 100, 200, 300))
    (decision,) = counter.see(CLEAR, 3)
    assert decision.waited_ms == pytest.approx(100)


def test_a_refusal_has_the_visit_decided_anew(counter: Counter) -> None:
    (first,) = counter.see(CLEAR, 3)
    counter.visits.again(first.decision_id)
    refused = (replace(CLEAR[0], refused=True), *CLEAR[1:])
    made = counter.see(refused, 20)
    assert all(decision.sku != "a" for decision in made)
