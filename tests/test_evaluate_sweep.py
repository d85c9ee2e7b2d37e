# SPDX-License-Identifier: Apache-2.0
"""The sweep: degraded pictures are what they say, and strength 0 is the plain run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluate_toys import request, run, shop, value, write_manifest
from tiny_models import picture

from kiosk.values import Box, Pixels
from kiosk.vision.decode import read_picture
from tools.evaluation.answers import Answer, Reply
from tools.evaluation.bootstrap import Estimate
from tools.evaluation.charts import chart
from tools.evaluation.degrade import DEGRADATIONS, STRENGTHS, Degradation, degraded
from tools.evaluation.measures import ALL
from tools.evaluation.sweep import swept

BOX = Box(60.0, 30.0, 180.0, 150.0)
BY_NAME = {how.name: how for how in DEGRADATIONS}


@pytest.mark.parametrize("how", DEGRADATIONS, ids=lambda how: how.name)
def test_a_degradation_is_repeatable_changes_the_picture_and_leaves_the_original(
    how: Degradation,
) -> None:
    plain = picture(3)
    kept = plain.copy()
    assert degraded(plain, how, 0, BOX, (1,)) is plain
    for strength in (1, 2, 3):
        first, again = (degraded(plain, how, strength, BOX, (1, 2)) for _ in range(2))
        assert first.dtype == np.uint8 and first.ndim == 3 and first.flags.c_contiguous
        assert np.array_equal(first, again)
        if how.settings[strength - 1] != 160:  # the item has fewer pixels already
            assert first.shape != plain.shape or not np.array_equal(first, plain)
    assert np.array_equal(plain, kept)


@pytest.mark.parametrize("how", DEGRADATIONS, ids=lambda how: how.name)
@pytest.mark.parametrize("size", [(33, 47), (64, 400), (300, 40)])
def test_a_degradation_can_do_with_any_picture_and_any_box(
    how: Degradation, size: tuple[int, int]
) -> None:
    height, width = size
    plain = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    for box in (None, Box(0, 0, width, height), Box(5, 5, 6, 6), Box(width - 9, 0, width, height)):
        for strength in (1, 2, 3):
            found = degraded(plain, how, strength, box, (strength,))
            assert min(found.shape[:2]) >= 32 and max(found.shape[:2]) <= 1300


def difference(how: str, strength: int) -> float:
    plain = picture(2).astype(int)
    seen = degraded(picture(2), BY_NAME[how], strength, BOX, (4,)).astype(int)
    return float(np.abs(seen - plain).mean())


@pytest.mark.parametrize(
    "how", ["coarse", "defocus", "motion", "dark", "bright", "noise", "occlusion"]
)
def test_stronger_settings_change_more(how: str) -> None:
    assert difference(how, 1) < difference(how, 2) < difference(how, 3)


def test_the_item_shrinks_in_the_frame_and_leaves_it() -> None:
    shapes = [degraded(picture(1), BY_NAME["small"], k, BOX, (0,)).shape for k in (1, 2, 3)]
    assert [shape[1] for shape in shapes] == [400, 600, 960]
    for strength, share in ((1, 0.1), (3, 0.4)):
        cut = degraded(picture(1), BY_NAME["cut-off"], strength, BOX, (2,))
        height, width = cut.shape[:2]
        lost = max((240 - width) / 120 - 0.5, (180 - height) / 120 - 0.25)
        assert lost == pytest.approx(share, abs=0.02)


def test_another_background_keeps_the_item() -> None:
    plain = picture(5)
    for strength in (1, 2, 3):
        seen = degraded(plain, BY_NAME["background"], strength, BOX, (9,))
        assert np.array_equal(seen[30:150, 60:180], plain[30:150, 60:180])
        assert not np.array_equal(seen[:20], plain[:20])


class Replayed:
    """Answers as the run did, from what it was asked."""

    name = "replayed"

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._replies = {read_picture(each.picture.path).tobytes(): each.reply for each in answers}

    def reply(self, pixels: Pixels, sku: str) -> Reply:
        return self._replies[pixels.tobytes()]


def test_strength_zero_is_the_plain_run_and_a_degradation_that_does_nothing_costs_nothing(
    tmp_path: Path,
) -> None:
    manifest = write_manifest(tmp_path / "shop" / "m.csv", shop(tmp_path / "shop", range(5)))
    wanted = replace(request(tmp_path, manifest), sweep=True, sweep_photos=100)
    found = run(wanted)
    assert found.sweep is not None and found.sweep.photos == 15
    assert [curve.how.name for curve in found.sweep.curves] == [how.name for how in DEGRADATIONS]
    plain = found.product.known[ALL]
    for curve in found.sweep.curves:
        start = curve.points[0]
        assert start.top1 == plain.estimates["top1"] and start.top5 == plain.estimates["top5"]
        assert start.loss == Estimate(0.0, 0.0, 0.0) and start.setting is None
        for point in curve.points:
            assert point.loss.value == pytest.approx(
                value(plain, "top1") - float(point.top1.value or 0), abs=2e-4
            )
        drawn = chart(curve)
        assert drawn.startswith("<svg") and drawn.count("<circle") == len(STRENGTHS)
    idle = Degradation("idle", "nothing", (1, 2, 3), lambda pixels, setting, box, random: pixels)
    answers = found.product.answers
    again = swept(Replayed(answers), answers, 7, 0, lambda what, done, total: None, [idle])
    assert again.photos == 7
    (curve,) = again.curves
    assert len({(point.top1, point.top5, point.loss) for point in curve.points}) == 1
    assert curve.mild_loss == Estimate(0.0, 0.0, 0.0)
