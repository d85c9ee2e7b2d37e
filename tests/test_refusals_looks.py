# SPDX-License-Identifier: Apache-2.0
""" "Not this" through the real stages: the item is looked at again, and so are its likes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import tiny_models
from refused_views import wrong

from kiosk.catalog.build import build
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import SearchConfig
from kiosk.decide import judge
from kiosk.recognise import Recogniser, still
from kiosk.refusals import MemoryStore, RefusalDesk, Refusals, Unrecorded
from kiosk.values import Hashes, Look, Outcome, Rule

KNOWN = range(6)
UNKNOWN = range(20, 32)


class Counter:
    """A recogniser over a catalog of KNOWN items, and what people say to it."""

    def __init__(self, models: Path, folder: Path) -> None:
        locator, embedder = tiny_models.open_models(models)
        for item in KNOWN:
            for shot in range(2):
                tiny_models.write_picture(
                    folder / "source" / f"sku-{item}" / f"{shot}.png", item, shot
                )
        build(folder / "source", folder / "catalog", locator=locator, embedder=embedder)
        self.embedder = embedder.card.sha256
        self.snapshot = Snapshot.open(
            folder / "catalog", embedder=self.embedder, config=SearchConfig()
        )
        refusals = Refusals(self.embedder, embedder.dimension)
        self.desk = RefusalDesk(MemoryStore(), refusals, Unrecorded())
        self.recogniser = Recogniser(locator, embedder, refusals=refusals)

    def look(self, item: int, shot: int) -> Look:
        frame = still(tiny_models.picture(item, shot))
        return self.recogniser.look(frame, self.snapshot)

    def refuse(self, look: Look) -> str:
        """A person says that it is not the SKU it is most like; the refusal's id."""
        assert look.embedding is not None
        decision = wrong(1, look.embedding, matches=look.matches, looks=(look,))
        hashes = Hashes(look.release, "", self.embedder)
        named = dataclasses.replace(decision, hashes=hashes, decision_id=f"d{id(look)}")
        return self.desk.refuse(named).refusal_id


@pytest.fixture(scope="module")
def built(models: Path, tmp_path_factory: pytest.TempPathFactory):
    made = Counter(models, tmp_path_factory.mktemp("counter"))
    yield made
    made.snapshot.close()


@pytest.fixture
def counter(built: Counter):
    yield built
    for refusal in built.desk.listed():
        built.desk.undo(refusal.refusal_id)


@pytest.mark.parametrize("item", UNKNOWN)
def test_an_unknown_item_is_not_taken_for_the_same_sku_again(counter: Counter, item: int) -> None:
    first = counter.look(item, 0)
    assert not first.matches[0].refused
    counter.refuse(first)
    for shot in range(5):
        again = counter.look(item, shot)
        of_it = next(each for each in again.matches if each.sku == first.matches[0].sku)
        assert of_it.refused
        verdict = judge(again.matches, again.thresholds)
        assert verdict.outcome is not Outcome.ACCEPTED or verdict.sku != of_it.sku


def test_what_the_catalog_knows_is_still_recognised(counter: Counter) -> None:
    before = {(n, shot): counter.look(n, shot) for n in KNOWN for shot in range(4)}
    for item in UNKNOWN:
        counter.refuse(counter.look(item, 0))
    for (item, shot), look in before.items():
        again = counter.look(item, shot)
        assert again.matches[0].sku == f"sku-{item}" == look.matches[0].sku
        assert not again.matches[0].refused


def test_an_accepted_answer_that_is_refused_becomes_a_choice_until_it_is_undone(
    counter: Counter,
) -> None:
    look = counter.look(0, 1)
    certain = dataclasses.replace(look.thresholds, accept=0.1, choose=0.05, margin=0.0)
    assert judge(look.matches, certain).outcome is Outcome.ACCEPTED
    refusal_id = counter.refuse(look)
    refused = judge(counter.look(0, 1).matches, certain)
    assert (refused.outcome, refused.rule) == (Outcome.CHOOSE, Rule.REFUSED)
    counter.desk.undo(refusal_id)
    assert judge(counter.look(0, 1).matches, certain).outcome is Outcome.ACCEPTED


def test_a_release_without_the_sku_makes_nothing_of_its_refusals(counter: Counter) -> None:
    look = counter.look(0, 1)
    gone = dataclasses.replace(look.matches[0], sku="no longer sold")
    counter.refuse(dataclasses.replace(look, matches=(gone,)))
    assert not any(each.refused for each in counter.look(0, 1).matches)
    assert counter.desk.status().ok
