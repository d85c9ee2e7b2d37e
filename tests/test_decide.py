# SPDX-License-Identifier: Apache-2.0
"""Visits, told as the stories they are. Time is in the looks, so nothing waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import pytest

from kiosk.config import DecideConfig
from kiosk.decide import Visits, fuse, judge
from kiosk.decide.rule import lead
from kiosk.values import (
    NEVER_APART,
    Box,
    Decision,
    Detection,
    Hashes,
    Look,
    Match,
    Outcome,
    Rule,
    Thresholds,
    Verified,
)

THRESHOLDS = Thresholds(accept=0.8, choose=0.6, margin=0.05, method="test", samples=100)
BOX = Box(100, 100, 300, 300)
FAR = Box(600, 400, 800, 600)
FRAME_NS = 100_000_000


def found(**similarities: float) -> tuple[Match, ...]:
    pairs = sorted(similarities.items(), key=lambda pair: -pair[1])
    return tuple(Match(sku, similarity, row) for row, (sku, similarity) in enumerate(pairs))


CLEAR = found(a=0.9, b=0.5)
OTHER = found(b=0.9, a=0.5)
TWINS = found(a=0.9, b=0.88, c=0.3)
FAINT = found(a=0.7, b=0.65, c=0.2)
STRANGE = found(a=0.4, b=0.3)


@dataclass
class Counter:
    """Feeds one look per tenth of a second and collects what was newly decided."""

    visits: Visits
    ticks: Iterator[int]
    release: str = "r1"
    apart: float = NEVER_APART

    def see(
        self,
        matches: tuple[Match, ...] | None,
        frames: int = 1,
        *,
        box: Box = BOX,
        whole: bool = True,
    ) -> list[Decision]:
        made = []
        for _ in range(frames):
            self.last = self.visits.step(self.look(matches, box, whole))
            if self.last.new and self.last.decision:
                made.append(self.last.decision)
        return made

    def look(self, matches: tuple[Match, ...] | None, box: Box, whole: bool) -> Look:
        tick = next(self.ticks)
        subject = None if matches is None else Detection(box, 0.9)
        return Look(
            sequence=tick,
            captured_ns=tick * FRAME_NS,
            frame_size=(1000, 800),
            detections=(subject,) if subject else (),
            subject=subject,
            whole=whole,
            embedding=None,
            matches=matches or (),
            thresholds=replace(THRESHOLDS, apart=self.apart),
            release=self.release,
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


@pytest.mark.parametrize(
    ("matches", "outcome", "rule"),
    [
        (CLEAR, Outcome.ACCEPTED, Rule.ACCEPTED),
        (TWINS, Outcome.CHOOSE, Rule.SMALL_MARGIN),
        (FAINT, Outcome.CHOOSE, Rule.SOME_SIMILARITY),
        (STRANGE, Outcome.UNKNOWN, Rule.LOW_SIMILARITY),
        ((), Outcome.UNKNOWN, Rule.LOW_SIMILARITY),
        (found(a=0.9), Outcome.ACCEPTED, Rule.ACCEPTED),
    ],
)
def test_one_look_is_judged_by_threshold_then_margin(
    matches: tuple[Match, ...], outcome: Outcome, rule: Rule
) -> None:
    verdict = judge(matches, THRESHOLDS)
    assert (verdict.outcome, verdict.rule) == (outcome, rule)


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
    assert decision.rule is Rule.SMALL_MARGIN
    assert [match.sku for match in decision.matches] == ["a", "b"]


def test_looks_at_two_releases_do_not_add_up(counter: Counter) -> None:
    counter.see(CLEAR, 2)
    counter.release = "r2"
    assert counter.see(CLEAR, 2) == []
    (decision,) = counter.see(CLEAR)
    assert decision.hashes.release == "r2"
    counter.release = "r3"
    assert counter.see(OTHER, 1) == []
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
    assert counter.see(STRANGE, 10) == []
    assert counter.last.decision is not None
    assert counter.last.decision.sku == "a"


def test_unknown_becomes_a_choice_only_after_twice_the_agreement(counter: Counter) -> None:
    counter.see(STRANGE, 20)
    assert counter.see(FAINT, 5) == []
    (decision,) = counter.see(FAINT)
    assert decision.outcome is Outcome.CHOOSE


def test_a_tap_settles_the_visit(counter: Counter) -> None:
    counter.see(TWINS, 20)
    counter.visits.settle()
    assert counter.see(CLEAR, 10) == []


def test_an_item_that_leaves_ends_the_visit_and_the_next_one_is_new(counter: Counter) -> None:
    (first,) = counter.see(CLEAR, 5)
    counter.see(None, 4)
    assert not counter.last.present
    assert counter.last.decision is None
    (second,) = counter.see(CLEAR, 5)
    assert first.visit_id != second.visit_id


def test_a_flicker_of_the_detector_does_not_end_the_visit(counter: Counter) -> None:
    counter.see(CLEAR, 5)
    counter.see(None, 3)
    assert counter.last.present
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
    assert counter.last.cut_off
    assert [decision.outcome for decision in made] == [Outcome.CHOOSE]


def test_a_lost_camera_forgets_the_visit(counter: Counter) -> None:
    counter.see(CLEAR, 2)
    counter.visits.lost()
    assert counter.visits.box is None
    assert counter.see(CLEAR, 2) == []


def test_fusing_does_not_favour_a_sku_seen_in_one_lucky_frame() -> None:
    looks = [found(a=0.7, b=0.6)] * 9 + [found(lucky=0.95, a=0.7)]
    fused = fuse(looks)
    assert fused[0].sku == "a"
    assert fused[0].similarity == pytest.approx(0.7)


def test_fusing_one_look_changes_nothing_and_none_gives_none() -> None:
    assert fuse([TWINS]) == TWINS
    assert fuse([(), ()]) == ()


def test_the_lead_of_a_lone_sku_is_over_no_similarity_at_all() -> None:
    assert lead(found(a=0.5)) == 1.5
    assert lead(()) == 0.0


def looked(sku: str, similarity: float, fused: float, points: int = 40, **more: bool) -> Match:
    strength = min(1.0, max(0.0, (fused - similarity) / max(1e-6, 1 - similarity)))
    return Match(
        sku, similarity, 0, verified=Verified(points, 0.5, 0.5, strength), fused=fused, **more
    )


PRINTED = replace(THRESHOLDS, by_print=0.9, apart=0.2)


def test_a_print_found_is_held_against_its_own_threshold() -> None:
    far, near = looked("b", 0.3, 0.3, points=0), looked("a", 0.4, 0.92)
    assert judge((near, far), PRINTED).outcome is Outcome.ACCEPTED
    some = judge((looked("a", 0.4, 0.85), far), PRINTED)
    assert (some.outcome, some.rule) == (Outcome.CHOOSE, Rule.SOME_SIMILARITY)
    assert judge((near, far), THRESHOLDS).outcome is Outcome.CHOOSE  # a release without prints


def test_what_has_no_print_is_accepted_by_similarity_as_ever() -> None:
    best, other = looked("a", 0.85, 0.85, points=0), looked("b", 0.5, 0.5, points=0)
    assert judge((best, other), PRINTED).outcome is Outcome.ACCEPTED


def test_a_weak_print_that_turns_the_order_of_similarities_accepts_nothing() -> None:
    wrong, right = looked("wrong", 0.82, 0.877), looked("right", 0.825, 0.825, points=0)
    verdict = judge((wrong, right), replace(PRINTED, by_print=0.98))
    assert (verdict.outcome, verdict.rule) == (Outcome.CHOOSE, Rule.SMALL_MARGIN)
    clear = looked("wrong", 0.82, 0.985)
    assert judge((clear, right), replace(PRINTED, by_print=0.98)).outcome is Outcome.ACCEPTED


def test_look_alikes_that_were_not_told_apart_are_all_offered(counter: Counter) -> None:
    best = replace(found(a=0.95)[0], group="g")
    made = counter.see((best, *found(b=0.93, c=0.8)), frames=20)
    assert [match.sku for match in made[-1].matches] == ["a", "b"]  # the margin says so
    counter.see(None, frames=8)
    counter.apart = 0.2
    made = counter.see((best, *found(b=0.93, c=0.8)), frames=20)
    assert [match.sku for match in made[-1].matches] == ["a", "b", "c"]


def test_look_alikes_are_accepted_only_when_the_second_look_tells_them_apart() -> None:
    other = looked("b", 0.88, 0.93)
    apart, close = (looked("a", 0.9, value, group="g") for value in (0.99, 0.97))
    faint = looked("a", 0.95, 0.96, points=6, group="g")
    assert judge((faint, looked("b", 0.3, 0.3)), replace(PRINTED, apart=0.05)).rule is (
        Rule.SMALL_MARGIN  # a few points are no print that tells
    )
    limits = replace(PRINTED, apart=0.05)
    assert judge((apart, other), limits).outcome is Outcome.ACCEPTED
    assert judge((close, other), limits).rule is Rule.SMALL_MARGIN
    alone = replace(found(a=0.95, b=0.3)[0], group="g")
    assert judge((alone, found(b=0.3)[0]), limits).rule is Rule.SMALL_MARGIN
    unfound = looked("a", 0.95, 0.95, points=0, group="g")
    assert judge((unfound, looked("b", 0.3, 0.3, points=0)), limits).rule is Rule.SMALL_MARGIN


def test_nothing_is_accepted_by_its_print_while_others_were_not_compared() -> None:
    verdict = judge((looked("a", 0.4, 0.95), Match("b", 0.39, 1)), PRINTED)
    assert (verdict.outcome, verdict.rule) == (Outcome.CHOOSE, Rule.UNFINISHED)


def test_fusing_takes_the_mean_evidence_whether_or_not_a_look_was_compared() -> None:
    fused = fuse([(looked("a", 0.4, 0.8), looked("b", 0.5, 0.6)), found(a=0.9, b=0.2)])
    assert [match.sku for match in fused] == ["a", "b"]
    assert fused[0].evidence == pytest.approx(0.85)
    assert fused[0].similarity == pytest.approx(0.65)
    assert fused[1].evidence == pytest.approx(0.4)
