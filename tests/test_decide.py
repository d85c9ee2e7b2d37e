# SPDX-License-Identifier: Apache-2.0
"""The rule for one set of matches, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.decide import Said, category, fuse, judge, same
from kiosk.decide.rule import lead
from kiosk.values import NEVER_APART, Match, Outcome, Rule, Thresholds, Verified

THRESHOLDS = Thresholds(accept=0.8, choose=0.6, margin=0.05, method="test", samples=100)


def found(**similarities: float) -> tuple[Match, ...]:
    pairs = sorted(similarities.items(), key=lambda pair: -pair[1])
    return tuple(Match(sku, similarity, row) for row, (sku, similarity) in enumerate(pairs))


CLEAR = found(a=0.9, b=0.5)


OTHER = found(b=0.9, a=0.5)


TWINS = found(a=0.9, b=0.88, c=0.3)


FAINT = found(a=0.7, b=0.65, c=0.2)


STRANGE = found(a=0.4, b=0.3)


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


def test_look_alikes_are_accepted_only_when_the_second_look_tells_them_apart() -> None:
    other = looked("b", 0.88, 0.93)
    apart, close = (looked("a", 0.9, value, group="g") for value in (0.99, 0.97))
    faint = looked("a", 0.95, 0.96, points=6, group="g")
    assert judge((faint, looked("b", 0.3, 0.3)), replace(PRINTED, apart=0.05)).rule is (
        Rule.LOOK_ALIKES  # a few points are no print that tells
    )
    limits = replace(PRINTED, apart=0.05)
    assert judge((apart, other), limits).outcome is Outcome.ACCEPTED
    assert judge((close, other), limits).rule is Rule.SMALL_MARGIN
    near = looked("b", 0.88, 0.915)
    assert judge((close, near), replace(limits, apart=0.1)).rule is Rule.LOOK_ALIKES
    alone = replace(found(a=0.95, b=0.3)[0], group="g")
    assert judge((alone, found(b=0.3)[0]), limits).rule is Rule.LOOK_ALIKES
    unfound = looked("a", 0.95, 0.95, points=0, group="g")
    assert judge((unfound, looked("b", 0.3, 0.3, points=0)), limits).rule is Rule.LOOK_ALIKES


def test_nothing_is_accepted_by_its_print_while_others_were_not_compared() -> None:
    verdict = judge((looked("a", 0.4, 0.95), Match("b", 0.39, 1)), PRINTED)
    assert (verdict.outcome, verdict.rule) == (Outcome.CHOOSE, Rule.UNFINISHED)


def test_fusing_takes_the_mean_evidence_whether_or_not_a_look_was_compared() -> None:
    fused = fuse([(looked("a", 0.4, 0.8), looked("b", 0.5, 0.6)), found(a=0.9, b=0.2)])
    assert [match.sku for match in fused] == ["a", "b"]
    assert fused[0].evidence == pytest.approx(0.85)
    assert fused[0].similarity == pytest.approx(0.65)
    assert fused[1].evidence == pytest.approx(0.4)


def test_a_sku_with_a_higher_limit_of_its_own_is_held_to_it() -> None:
    best, other = found(a=0.9, b=0.5)
    strict = replace(best, accept=0.95)
    assert judge((strict, other), THRESHOLDS).rule is Rule.SOME_SIMILARITY
    assert judge((replace(best, accept=0.85), other), THRESHOLDS).outcome is Outcome.ACCEPTED
    lax = replace(found(a=0.7)[0], accept=0.1)  # a file that somebody edited
    assert judge((lax,), THRESHOLDS).rule is Rule.SOME_SIMILARITY
    printed = replace(looked("a", 0.4, 0.95), accept=0.95)
    assert judge((printed, looked("b", 0.3, 0.3)), PRINTED).outcome is Outcome.ACCEPTED


def test_skus_with_the_very_same_picture_are_never_accepted_whatever_was_found() -> None:
    twin = replace(looked("a", 0.97, 0.99), group="a", accept=NEVER_APART)
    for limits in (PRINTED, replace(PRINTED, apart=0.05)):
        verdict = judge((twin, looked("b", 0.3, 0.3)), limits)
        assert (verdict.outcome, verdict.rule) == (Outcome.CHOOSE, Rule.LOOK_ALIKES)
        assert same((twin,), "a", replace(limits, same=0.5)).said is Said.UNSURE


def test_look_alikes_with_a_print_are_held_to_the_limit_of_prints_however_similar() -> None:
    limits = replace(PRINTED, by_print=0.98, apart=0.05)
    enough, little = (looked("a", 0.9, value, group="g") for value in (0.99, 0.97))
    other = looked("b", 0.5, 0.5, points=0)
    assert judge((enough, other), limits).outcome is Outcome.ACCEPTED
    assert judge((little, other), limits).rule is Rule.LOOK_ALIKES
    assert judge((replace(little, group=""), other), limits).outcome is Outcome.ACCEPTED


def test_what_a_person_said_it_is_not_is_never_accepted_even_when_looks_are_fused() -> None:
    best, other = found(a=0.95, b=0.3)
    refused = replace(best, refused=True)
    assert judge((refused, other), THRESHOLDS).rule is Rule.REFUSED
    together = fuse([(best, other), (refused, other), (best, other)])
    assert judge(together, THRESHOLDS).rule is Rule.REFUSED
    assert same((refused, other), "a", replace(THRESHOLDS, same=0.9)).said is Said.UNSURE


ASKED = replace(THRESHOLDS, same=0.9, differs=0.4)


@pytest.mark.parametrize(
    ("matches", "sku", "said"),
    [
        (found(a=0.95, b=0.5), "a", Said.YES),
        (found(a=0.85, b=0.5), "a", Said.YES),  # accepted by the rule for all
        (found(a=0.95, b=0.5), "b", Said.NO),  # it is another one, for sure
        (found(a=0.7, b=0.5), "a", Said.UNSURE),
        (found(a=0.7, b=0.3), "b", Said.NO),  # its own views are nearer than that
        (found(a=0.7, b=0.5), "none", Said.UNSURE),  # not listed: at most as near as the last
        (found(a=0.7, b=0.3), "none", Said.NO),
        (found(a=0.95, b=0.94), "a", Said.UNSURE),
        (found(a=0.95, b=0.94), "b", Said.UNSURE),
        ((), "a", Said.UNSURE),
    ],
)
def test_whether_it_is_one_named_sku_is_yes_no_or_unsure(
    matches: tuple[Match, ...], sku: str, said: Said
) -> None:
    answer = same(matches, sku, ASKED)
    assert answer.said is said and answer.reason


def test_a_named_sku_among_look_alikes_is_yes_only_with_a_print_that_tells_them_apart() -> None:
    limits = replace(PRINTED, same=0.9, differs=0.4, apart=0.05)
    grouped = replace(found(a=0.95)[0], group="a")
    assert same((grouped, *found(b=0.5)), "a", limits).said is Said.UNSURE
    apart = looked("a", 0.9, 0.99, group="a")
    assert same((apart, looked("b", 0.88, 0.93)), "a", limits).said is Said.YES
    unfinished = same((looked("a", 0.9, 0.99), *found(b=0.5)), "a", limits)
    assert unfinished.said is Said.UNSURE


def test_a_named_sku_is_no_yes_while_others_were_not_compared() -> None:
    """Enough for this question, too little to accept: the rule never came to ask for the others."""
    limits = replace(PRINTED, same=0.85, by_print=0.95)
    near = looked("a", 0.5, 0.9)
    assert same((near, looked("b", 0.45, 0.5)), "a", limits).said is Said.YES
    assert same((near, *found(b=0.45)), "a", limits).said is Said.UNSURE


def test_an_uncalibrated_release_says_yes_to_nothing() -> None:
    nothing = Thresholds(NEVER_APART, 0.5, NEVER_APART, "none", 0)
    assert judge(found(a=1.0), nothing).outcome is Outcome.CHOOSE
    assert same(found(a=1.0), "a", nothing).said is Said.UNSURE
    assert same(found(a=0.1), "a", nothing).said is Said.UNSURE
    assert category(kinds("x", "x"), nothing) == ""


def kinds(first: str, second: str, similarity: float = 0.7) -> tuple[Match, ...]:
    names = {"a": first, "b": second, "c": "other"}
    matches = found(a=similarity, b=similarity - 0.1, c=0.2)
    return tuple(replace(match, category=names[match.sku]) for match in matches)


def test_a_category_is_named_when_the_two_nearest_agree_and_are_near_enough() -> None:
    limits = replace(THRESHOLDS, category=0.65)
    assert category(kinds("cans", "cans"), limits) == "cans"
    assert category(kinds("cans", "jars"), limits) == ""
    assert category(kinds("cans", "cans", 0.6), limits) == ""
    assert category(kinds("", ""), limits) == ""
    assert category(kinds("cans", "cans")[:1], limits) == category((), limits) == ""
    # What a print raises says nothing of the kind: the two nearest by similarity count.
    raised = replace(kinds("cans", "cans")[2], fused=0.99)
    assert category((raised, *kinds("cans", "cans")[:2]), limits) == "cans"
