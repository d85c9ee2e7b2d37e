# SPDX-License-Identifier: Apache-2.0
"""Decisions on what was added on a kiosk, in the journal: explained, and replayed on a release that
does not have it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import replays
import tiny_models
from added_parts import SIDES, build_release, opened

from kiosk.additions import AdditionStore
from kiosk.cli import main
from kiosk.config import DecideConfig
from kiosk.decide import Visits
from kiosk.journal import stories
from kiosk.recognise import Recogniser, still
from kiosk.replay.again import ADDED_HERE, again
from kiosk.values import Box, Code, Decision, Hashes, Outcome


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(models, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def path(models: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with one decision on an addition, whose barcode was read, too."""
    state = tmp_path_factory.mktemp("state")
    with opened(models, release, AdditionStore(state / "additions.sqlite")) as bench:
        bench.added(code="4012345678901")
        recogniser = Recogniser(bench.locator, bench.embedder)
        visits = Visits(DecideConfig(), lambda look: Hashes(look.release, "d", "e"))
        made: list[Decision] = []
        with bench.slot.borrow() as snapshot:
            for number in range(14):
                pixels = tiny_models.picture(SIDES[0], 5, 480, 360)
                frame = dataclasses.replace(
                    still(pixels, number), captured_ns=number * replays.TICK_NS
                )
                sight = recogniser.sight(frame, snapshot, visits.boxes)
                code = Code("4012345678901", "EAN-13", Box(1, 1, 9, 9))
                looks = tuple(
                    dataclasses.replace(look, codes=(code,), coded=("new",)) for look in sight.looks
                )
                steps = visits.step(dataclasses.replace(sight, looks=looks))
                made += [step.decision for step in steps if step.new and step.decision]
    assert made[0].outcome is Outcome.ACCEPTED and made[0].matches[0].added
    return replays.recorded(state, made)


def test_it_can_be_made_again_and_what_is_missing_is_said(
    models: Path, release: Path, path: Path
) -> None:
    snapshot = replays.opened(models, release)
    (story,) = list(stories(path))
    replayed = again(story, snapshot, 3)
    assert replayed.same_release
    assert ADDED_HERE in replayed.remarks
    assert replayed.verdict.sku != "new"
    snapshot.close()


def test_it_is_explained(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (story,) = list(stories(path))
    assert main(["explain", story.decision_id, "--state", str(path.parent)]) == 0
    assert "added on the kiosk" in capsys.readouterr().out
