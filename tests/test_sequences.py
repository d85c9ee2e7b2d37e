# SPDX-License-Identifier: Apache-2.0
"""Stories on the counter, as pictures through the shipped models: what is decided, and how often.

Drawn items on the drawn counter, in places that the stories choose. Time is in the frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import prints
import pytest

from kiosk.catalog.build import BuildOptions, build
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import DecideConfig, LocateConfig, ModelsConfig, SearchConfig, VerifyConfig
from kiosk.decide import Visits
from kiosk.models import load_models
from kiosk.recognise import Recogniser
from kiosk.scene.counter import empty_counter
from kiosk.scene.hand import Reach, hand_sprites
from kiosk.scene.sprite import lay
from kiosk.scene.stock import solid
from kiosk.scene.view import Pose, counter_view
from kiosk.values import Decision, Frame, Hashes, Outcome, Pixels
from kiosk.vision.background import Background

KNOWN = ("CTN-GRANOLA", "CTN-TEA", "CAN-COFFEE", "BTL-OLIVE", "CAN-TUNA", "BTL-HONEY")
STRANGER = "OUT-DUCK"
MIDDLE = Pose(0.0, 2.5, 0.15)
LEFT, RIGHT = Pose(-8.6, 2.5, 0.15), Pose(8.6, 2.5, 0.15)
VIEW = counter_view(640, 480)

Items = Sequence[tuple[str, Pose]]


class Stage:
    """The counter, the models and the visits."""

    def __init__(self, folder: Path) -> None:
        self._empty = empty_counter(VIEW)
        self._noise = np.random.default_rng(3)
        locator, embedder = load_models(ModelsConfig(), LocateConfig())
        for sku in KNOWN:
            (folder / "source" / sku).mkdir(parents=True)
            pixels = self.drawn([(sku, Pose(0.0, 2.0, 0.0))])
            (folder / "source" / sku / "front.png").write_bytes(prints.png(pixels))
        options = BuildOptions(augment=False, risk=0.2)
        build(
            folder / "source",
            folder / "catalog",
            locator=locator,
            embedder=embedder,
            options=options,
        )
        self.snapshot = Snapshot.open(
            folder / "catalog", embedder=embedder.card.sha256, config=SearchConfig()
        )
        config = VerifyConfig(budget_ms=10_000)
        self._recogniser = Recogniser(locator, embedder, config, items=3)
        self.reset()

    def reset(self) -> None:
        """Nothing was seen yet."""
        self.visits = Visits(DecideConfig(), lambda look: Hashes(look.release, "d", "e"))
        self.background = Background()
        self._frame = self._now_ns = 0
        self.shown: tuple[Decision | None, ...] = ()
        self.most_covered = 0.0

    def drawn(self, items: Items, hand: Reach | None = None) -> Pixels:
        pixels = self._empty.copy()
        for sku, pose in sorted(items, key=lambda item: item[1].z):
            lay(pixels, solid(sku, VIEW).sprite(pose))
        if hand is not None:
            lay(pixels, hand_sprites(VIEW, hand)[1])
        wobble = self._noise.integers(-3, 4, pixels.shape, np.int16)
        return np.asarray(np.clip(pixels + wobble, 0, 255), np.uint8)

    def see(
        self, items: Items, frames: int = 1, hand: Reach | None = None, tick_s: float = 0.1
    ) -> list[Decision]:
        """What is newly decided in these frames."""
        made: list[Decision] = []
        for _ in range(frames):
            pixels = self.drawn(items, hand)
            self._frame += 1
            self._now_ns += round(tick_s * 1e9)
            frame = Frame(pixels, self._frame, self._now_ns)
            sight = self._recogniser.sight(
                frame, self.snapshot, self.visits.boxes, background=self.background
            )
            if not sight.detections:
                self.background.learn(pixels)
            steps = self.visits.step(sight)
            made += [step.decision for step in steps if step.new and step.decision]
            self.shown = tuple(step.decision for step in steps)
            covered = (look.quality.covered for look in sight.looks if look.quality)
            self.most_covered = max(self.most_covered, *covered, 0.0)
        return made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("sequences"))
    yield made
    made.snapshot.close()


@pytest.fixture
def stage(built: Stage) -> Stage:
    """An empty counter that was seen empty."""
    built.reset()
    assert built.see([], 3) == []
    return built


def accepted(made: list[Decision]) -> list[str]:
    return [decision.sku for decision in made if decision.sku is not None]


def test_the_same_item_lying_still_for_a_minute_is_one_visit(stage: Stage) -> None:
    made = stage.see([("CTN-TEA", MIDDLE)], 10) + stage.see([("CTN-TEA", MIDDLE)], 30, tick_s=2.0)
    assert accepted(made) == ["CTN-TEA"]
    assert len({decision.visit_id for decision in made}) == 1


def test_an_item_swapped_without_a_gap_is_another_visit(stage: Stage) -> None:
    first = stage.see([("CTN-TEA", MIDDLE)], 8)
    second = stage.see([("CAN-COFFEE", MIDDLE)], 25)
    assert (accepted(first), accepted(second)) == (["CTN-TEA"], ["CAN-COFFEE"])
    assert {each.visit_id for each in first}.isdisjoint(each.visit_id for each in second)


def test_a_known_item_swapped_for_a_stranger_does_not_lend_it_its_name(stage: Stage) -> None:
    assert accepted(stage.see([("CTN-TEA", MIDDLE)], 8)) == ["CTN-TEA"]
    assert accepted(stage.see([(STRANGER, MIDDLE)], 30)) == []
    assert [decision and decision.outcome for decision in stage.shown] == [Outcome.UNKNOWN]


def test_an_item_carried_across_the_counter_is_one_visit_and_never_another_sku(
    stage: Stage,
) -> None:
    made = []
    for step in range(12):
        made += stage.see([("CAN-COFFEE", Pose(-14.0 + 1.3 * step, 2.5, 0.15))])
    made += stage.see([("CAN-COFFEE", Pose(1.6, 2.5, 0.15))], 10)
    assert set(accepted(made)) == {"CAN-COFFEE"}
    assert len({decision.visit_id for decision in made}) == 1


def test_two_items_get_a_decision_each_and_one_may_leave(stage: Stage) -> None:
    made = stage.see([("CTN-TEA", LEFT), ("BTL-OLIVE", RIGHT)], 8)
    assert sorted(accepted(made)) == ["BTL-OLIVE", "CTN-TEA"]
    assert accepted(stage.see([("BTL-OLIVE", RIGHT)], 12)) == []
    assert [decision and decision.sku for decision in stage.shown] == ["BTL-OLIVE"]


def test_a_hand_that_reaches_in_changes_no_answer_and_makes_none_up(stage: Stage) -> None:
    assert accepted(stage.see([("CTN-GRANOLA", MIDDLE)], 8)) == ["CTN-GRANOLA"]
    for x in range(500, 340, -20):
        assert accepted(stage.see([("CTN-GRANOLA", MIDDLE)], 1, reach(x))) == []
    made = stage.see([("CTN-GRANOLA", MIDDLE)], 12)
    assert set(accepted(made)) <= {"CTN-GRANOLA"}
    assert stage.most_covered > 0.05
    assert any(decision and decision.sku == "CTN-GRANOLA" for decision in stage.shown)


def test_a_hand_alone_is_no_article(stage: Stage) -> None:
    made = []
    for x in range(500, 300, -25):
        made += stage.see([], 1, reach(x))
    assert accepted(made + stage.see([], 20, reach(300))) == []


def reach(x: float) -> Reach:
    """A pointing hand from the right."""
    return Reach(x, 260.0, -0.62, "point")
