# SPDX-License-Identifier: Apache-2.0
"""The whole pipeline with the shipped models, on the rendered counter and its ground truth."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from kiosk_process import kiosk
from waiting import until

from kiosk.scene import PRODUCTS, Scene
from tools.score_demo import VisitScore, score

ROUND = 29
"""Visits until every product has been on the counter (a test below holds it)."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo-state")


@pytest.fixture(scope="module")
def scores(state: Path) -> list[VisitScore]:
    return score(ROUND, seed=1, step=4, state=state)


def test_a_round_shows_every_product(scores: list[VisitScore]) -> None:
    seen = {sku for each in scores for sku in each.skus}
    assert seen == {product.sku for product in PRODUCTS}
    assert len(list(Scene().visits(ROUND))) == ROUND


def test_no_visit_ends_in_a_wrong_accept(scores: list[VisitScore]) -> None:
    assert [each for each in scores if each.result == "WRONG"] == []


def test_most_visits_end_in_the_right_decision(scores: list[VisitScore]) -> None:
    right = sum(each.right for each in scores)
    assert right >= 0.8 * len(scores), [each for each in scores if not each.right]


def test_what_is_in_no_catalog_is_unknown(scores: list[VisitScore]) -> None:
    strangers = {product.sku for product in PRODUCTS if not product.in_catalog}
    alone = [each for each in scores if set(each.skus) <= strangers]
    assert len(alone) >= 2
    assert Counter(each.result for each in alone) == {"unknown": len(alone)}


def test_look_alikes_are_offered_and_not_guessed(scores: list[VisitScore]) -> None:
    twins = {product.sku for product in PRODUCTS if product.look_alikes}
    results = Counter(each.result for each in scores if set(each.skus) <= twins)
    assert set(results) <= {"offered", "accepted"}, results


def test_the_demo_command_reaches_a_decision_by_itself(
    scores: list[VisitScore], state: Path, tmp_path: Path
) -> None:
    with kiosk("--state", str(state), folder=tmp_path, command="demo") as run:
        run.heard("READY=1")
        page = run.state(
            lambda page: page["view"] in ("accepted", "choose"), "a decision in the demo"
        )
        assert page["decision"]
        until(lambda: "First decision after" in run.said(), "the word about the first decision")
        assert run.stop() == 0
    journal = subprocess.run(
        [sys.executable, "-m", "kiosk", "journal", "--json", "--state", str(state)],
        capture_output=True,
        text=True,
        check=True,
    )
    entries = [json.loads(line) for line in journal.stdout.splitlines()]
    assert page["decision"] in {entry["decision_id"] for entry in entries}
    assert not list(state.rglob("*.part")) + list(state.rglob("demo-pictures"))
