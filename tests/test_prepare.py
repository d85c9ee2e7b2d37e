# SPDX-License-Identifier: Apache-2.0
"""Preparing references: what each step does, what it leaves alone, and that cameras see none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import open_models, picture, write_models, write_picture

from kiosk.catalog.enrol import Enrolment
from kiosk.errors import UsageError
from kiosk.values import Box, Pixels
from kiosk.vision.augment import MIRRORED, VIEWS
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from kiosk.vision.prepare import BACKDROP, CLEAN, LIGHT, STEPS, cleaned, evenly_lit, steps_of

BOX = Box(60, 40, 180, 140)


def scene(light: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Pixels:
    """A bright round item with a pattern on a dark green counter, in some light."""
    rows, columns = np.mgrid[0:180, 0:240]
    inside = ((columns - 120) / 58) ** 2 + ((rows - 90) / 48) ** 2 < 1
    pixels = np.full((180, 240, 3), (30, 60, 30), np.float64)
    pixels += np.random.default_rng(3).normal(0, 3, pixels.shape)
    stripes = np.where((columns // 12) % 2 == 0, 220, 170)
    pixels[inside] = np.stack([stripes * 0.9, stripes, stripes * 0.95], axis=-1)[inside]
    return np.clip(pixels * light, 0, 255).astype(np.uint8)


def test_the_background_becomes_grey_and_the_item_stays() -> None:
    before, after = scene(), cleaned(scene(), BOX)
    assert np.all(after[:25, :] == BACKDROP) and np.all(after[:, :40] == BACKDROP)
    assert np.array_equal(after[70:110, 90:150], before[70:110, 90:150])
    assert np.array_equal(after, cleaned(scene(), BOX)), "the same bytes every time"


@pytest.mark.parametrize(
    "box", [Box(0, 0, 240, 180), Box(2, 2, 30, 20), Box(100, 80, 103, 83)]
)  # fmt: skip
def test_where_no_outline_is_found_the_picture_stays_as_it_was(box: Box) -> None:
    assert np.array_equal(cleaned(scene(), box), scene())


def test_light_of_another_colour_or_strength_is_mostly_taken_away() -> None:
    plain = evenly_lit(scene(), BOX).astype(np.float64)
    for light in ((0.9, 1.0, 1.1), (0.7, 0.7, 0.7), (1.1, 1.0, 0.9)):
        before = np.abs(scene(light).astype(np.float64) - scene()).mean()
        after = np.abs(evenly_lit(scene(light), BOX) - plain).mean()
        assert after < before * 0.6


def test_a_black_item_is_not_made_grey() -> None:
    black = np.full((60, 60, 3), 8, np.uint8)
    assert evenly_lit(black, Box(10, 10, 50, 50)).mean() < 20


def test_steps_are_named_in_any_order_and_done_in_one() -> None:
    assert steps_of("") == () and steps_of("light, clean") == STEPS == (CLEAN, LIGHT)
    with pytest.raises(UsageError, match="--prepare blur: give some of clean, light"):
        steps_of("clean,blur")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Locator, Embedder]:
    return open_models(write_models(tmp_path_factory.mktemp("models")))


def test_references_are_prepared_and_what_a_camera_may_see_is_not(
    models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    data = write_picture(tmp_path / "1.png", 3).read_bytes()
    plain, steps = (
        Enrolment(*models, prepare=prepare).enrol(data, "1.png", mirrored=False, probed=True)
        for prepare in ((), STEPS)
    )
    assert not np.array_equal(plain.vectors, steps.vectors)
    assert np.array_equal(plain.probes, steps.probes)
    assert plain.box == steps.box and plain.thumbnail == steps.thumbnail
    assert len(plain.features) == len(steps.features)


def test_other_steps_are_other_settings(models: tuple[Locator, Embedder]) -> None:
    names = {
        Enrolment(*models, prepare=prepare).settings(mirrored=False, probed=False)
        for prepare in ((), (CLEAN,), (LIGHT,), STEPS)
    }
    assert len(names) == 4


@pytest.mark.parametrize("prepare", [(), STEPS])
def test_no_reference_is_mirrored_unless_that_is_asked_for(
    models: tuple[Locator, Embedder], tmp_path: Path, prepare: tuple[str, ...]
) -> None:
    data = write_picture(tmp_path / "1.png", 4).read_bytes()
    enrolment = Enrolment(*models, prepare=prepare)
    handed = enrolment.enrol(data, "1.png", mirrored=False, probed=False)
    assert handed.views == tuple(view.name for view in VIEWS)
    assert not any(view.mirror for view in enrolment.views(mirrored=False))
    either = enrolment.enrol(data, "1.png", mirrored=True, probed=False)
    assert either.views == tuple(view.name for view in VIEWS + MIRRORED)
    assert np.array_equal(either.vectors[0], handed.vectors[0])
    assert picture(4).shape == (180, 240, 3)
