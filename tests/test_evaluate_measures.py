# SPDX-License-Identifier: Apache-2.0
"""Measures and their intervals, held against what is known or can be counted by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from evaluate_toys import answer, value

from tools.evaluation.bootstrap import Clusters, Estimate, Floats, auroc
from tools.evaluation.confusions import confusions
from tools.evaluation.measures import Group, by_category, known_measures, unknown_measures
from tools.evaluation.results import result

SEED = (0,)


def labels(clusters: int, each: int) -> list[str]:
    return [f"{number:04}" for number in range(clusters) for _ in range(each)]


def width(estimate: Estimate) -> float:
    assert estimate.low is not None and estimate.high is not None
    return estimate.high - estimate.low


def test_the_interval_of_a_share_contains_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    names, held = labels(40, 5), 0
    for _ in range(200):
        chance = np.repeat(random.uniform(0.4, 1.0, 40), 5)  # SKUs differ; 0.7 on average
        found = Clusters(names, SEED, 200).share((random.random(200) < chance).astype(float))
        assert found.low is not None and found.high is not None
        held += found.low <= 0.7 <= found.high
    assert 0.88 <= held / 200 <= 0.99


def test_an_interval_shrinks_with_more_skus_and_not_with_more_photos_of_the_same() -> None:
    random = np.random.default_rng(2)
    few, many = (random.random(count) < 0.6 for count in (20, 500))
    alike = np.repeat(few, 30)  # thirty photos of a SKU that all say the same
    small = Clusters(labels(20, 1), SEED).share(few.astype(float))
    more = Clusters(labels(20, 30), SEED).share(alike.astype(float))
    large = Clusters(labels(500, 1), SEED).share(many.astype(float))
    assert width(large) < 0.4 * width(small)
    assert width(more) == pytest.approx(width(small), abs=0.03)


def test_equal_seeds_give_equal_intervals_and_a_single_sku_gives_none() -> None:
    hits = (np.arange(30) % 3 == 0).astype(float)
    first, again = (Clusters(labels(10, 3), SEED).share(hits) for _ in range(2))
    other = Clusters(labels(10, 3), (1,)).share((np.arange(30) % 7 == 0).astype(float))
    assert first == again and first != other
    assert Clusters(["one"] * 30, SEED).share(hits) == Estimate(round(1 / 3, 4))
    nobody = Clusters([], SEED)
    assert nobody.share(np.empty(0)) == Estimate(None) == nobody.quantile(np.empty(0), 0.5)


def test_a_quantile_is_the_least_value_that_the_share_does_not_exceed() -> None:
    values = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 6.0, 8.0, 7.0])
    clusters = Clusters(labels(8, 1), SEED)
    found = [clusters.quantile(values, share).value for share in (0.25, 0.5, 0.75, 1.0)]
    assert found == [2.0, 4.0, 6.0, 8.0]
    median = clusters.quantile(values, 0.5)
    assert median.low is not None and median.high is not None
    assert 1.0 <= median.low < 4.0 < median.high <= 8.0


def counted(known: Floats, unknown: Floats) -> float:
    pairs = [(a > b) + (a == b) / 2 for a, b in itertools.product(known, unknown)]
    return float(np.mean(pairs))


@pytest.mark.parametrize("seed", range(4))
def test_auroc_is_the_share_of_pairs_that_are_in_order(seed: int) -> None:
    random = np.random.default_rng(seed)
    known = random.integers(2, 9, 90).astype(float)  # many ties
    unknown = random.integers(0, 7, 70).astype(float)
    unknown[::9] = -np.inf  # nothing was found
    known[::30] = -np.inf
    order = random.permutation(90)
    of_known = Clusters([labels(30, 3)[place] for place in order], (seed, 0))
    of_unknown = Clusters(labels(35, 2), (seed, 1))
    found = auroc(known, unknown, of_known, of_unknown)
    assert found.value == pytest.approx(counted(known, unknown), abs=1e-4)
    assert found.low is not None and found.high is not None
    assert found.low < counted(known, unknown) < found.high


def test_auroc_is_one_when_separable_half_when_equal_and_none_without_unknowns() -> None:
    both = Clusters(labels(10, 1), (0, 0)), Clusters(labels(10, 1), (0, 1))
    scores = np.arange(10.0)
    assert auroc(scores + 10, scores, *both) == Estimate(1.0, 1.0, 1.0)
    assert auroc(scores - 10, scores, *both) == Estimate(0.0, 0.0, 0.0)
    assert auroc(scores, scores, *both).value == 0.5
    assert auroc(np.full(10, 0.3), np.full(10, 0.3), *both) == Estimate(0.5, 0.5, 0.5)
    assert auroc(scores, np.empty(0), both[0], Clusters([], SEED)) == Estimate(None)


ANSWERS = (
    answer("a", ["a", "b"], 0.9, "accepted", similarity=0.9),
    answer("a", ["b", "a"], 0.8, "accepted", similarity=0.7),
    answer("b", ["a", "c", "d", "e", "f", "b"], 0.4, "choose", similarity=0.2),
    answer("b", [], float("-inf"), "nothing found"),
    answer("c", ["a", "b"], 0.1, "unknown", similarity=0.05),
)


def test_measures_of_a_handful_of_answers_are_those_counted_by_hand() -> None:
    nobody = Group([], SEED, decides=True)
    found = known_measures(Group(ANSWERS, SEED, decides=True), nobody)
    assert (found.photos, found.skus, found.accepted, found.accepted_wrong) == (5, 3, 2, 1)
    expected = {
        "top1": 1 / 5,
        "top5": 2 / 5,
        "mrr": (1 + 1 / 2 + 1 / 6) / 5,
        "similarity_low": 0.05,
        "similarity_median": 0.2,
        "similarity_high": 0.7,
        "accepted": 2 / 5,
        "choose": 1 / 5,
        "unknown": 1 / 5,
        "nothing_found": 1 / 5,
        "right_among_accepted": 1 / 2,
    }
    assert {name: value(found, name) for name in expected} == pytest.approx(expected, abs=1e-4)
    assert found.estimates["auroc"].value is None


def test_nothing_accepted_has_no_accuracy_instead_of_a_perfect_one() -> None:
    some = [each for each in ANSWERS if each.reply.outcome != "accepted"]
    nobody = Group([], SEED, decides=True)
    found = known_measures(Group(some, SEED, decides=True), nobody)
    assert found.estimates["right_among_accepted"] == Estimate(None)


def test_a_system_that_only_ranks_has_no_shares_of_outcomes() -> None:
    ranked = [answer("a", ["a"], 0.9, ""), answer("b", [], float("-inf"), "nothing found")]
    found = known_measures(
        Group(ranked, SEED, decides=False), Group([], SEED, decides=False)
    ).estimates
    assert found["nothing_found"].value == 0.5
    assert {"accepted", "choose", "unknown", "right_among_accepted"}.isdisjoint(found)


def test_every_accepted_unknown_item_is_a_wrong_accept() -> None:
    strange = [answer("x", ["a"], 0.9, "accepted"), answer("y", ["a"], 0.1, "unknown")]
    known = Group(ANSWERS[:1], SEED, decides=True)
    found = unknown_measures(Group(strange, SEED, decides=True), known)
    assert (found.accepted, found.accepted_wrong, value(found, "accepted")) == (1, 1, 0.5)
    assert value(found, "auroc") == (0.5 + 1) / 2


def test_a_peer_with_the_same_answers_is_behind_by_nothing_for_sure() -> None:
    ours = result("kiosk", ANSWERS, (), 7)
    twin = result("twin", ANSWERS, (), 7, ours)
    blind = result("blind", [answer(each.picture.sku, ["z"]) for each in ANSWERS], (), 7, ours)
    assert ours.ahead is None and twin.ahead == Estimate(0.0, 0.0, 0.0)
    assert blind.ahead is not None and blind.ahead.value == 0.2
    assert "accepted" not in blind.known["all"].estimates


def test_confusions_count_wrong_answers_by_pair_and_show_the_surest() -> None:
    more = answer("c", ["a"], 0.6, "accepted")
    found = confusions([*ANSWERS, more])
    assert [(each.asked, each.answered, each.count, each.accepted) for each in found] == [
        ("c", "a", 2, 1),
        ("a", "b", 1, 1),
        ("b", "a", 1, 0),
    ]
    assert found[0].surest.reply.score == 0.6


def test_categories_come_in_order_after_all() -> None:
    assert list(by_category(ANSWERS)) == ["all", "things"]
    assert list(by_category([])) == ["all"]
