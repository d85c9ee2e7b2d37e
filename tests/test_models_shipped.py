# SPDX-License-Identifier: Apache-2.0
"""The shipped models on drawn items they never saw (tests/renders): found, told apart, the same.

The floors hold with room to spare: they catch a broken model, a wrong preprocessing or a bad
export, and are no claim of quality; those are on the cards. `python -m tools.counter_pictures
tests/renders` makes the pictures, `python -m tools.golden` the golden answers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from kiosk.config import LocateConfig
from kiosk.vision.boxes import iou
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from kiosk.vision.session import OnnxSession
from tools import golden
from tools.golden import Shot

FOUND_OF_24 = 22
"""A brown bottle on brown wood may be missed."""
FOUND_IOU = 0.5
MEAN_IOU = 0.75
KNOWN_OF_24 = 22
OVER_ITS_TWIN_OF_24 = 16
"""Chance is 12."""

LEAST_COSINE = 0.995
BOX_PX = 2.0
SCORE = 0.05
"""Tolerances of the golden answers: int8 kernels of other processors round differently."""
LEVELS = 2.0
"""Of 255: how far a decoded, cropped picture's colours may be off."""
SAME = 1e-5
"""Tolerance between ways to run one model on one machine."""


def session(name: str, threads: int = 1) -> OnnxSession:
    return OnnxSession(golden.MODELS / f"{name}.toml", threads=threads)


@pytest.fixture(scope="module")
def pictures() -> list[Shot]:
    return golden.shots()


@pytest.fixture(scope="module")
def locator() -> Locator:
    return Locator(session("detector"), LocateConfig())


Embed = Callable[[Shot], np.ndarray]


@pytest.fixture(scope="module")
def embed() -> Embed:
    embedder = Embedder(session("embedder"))

    def one(shot: Shot) -> np.ndarray:
        assert shot.box is not None
        return embedder.embed([embedder.crop(shot.pixels, shot.box)])[0]

    return one


def of(pictures: list[Shot], role: str) -> list[Shot]:
    found = [shot for shot in pictures if shot.role == role]
    assert found
    return found


def test_the_detector_finds_the_item_on_its_counter(pictures, locator) -> None:
    overlaps = {}
    for shot in of(pictures, "photo"):
        found = locator.locate(shot.pixels)
        overlaps[shot.name] = max((iou(each.box, shot.box) for each in found), default=0.0)
    missed = {name: v for name, v in overlaps.items() if v < FOUND_IOU}
    assert len(overlaps) == 24 and len(overlaps) - len(missed) >= FOUND_OF_24, missed
    assert np.mean(list(overlaps.values())) >= MEAN_IOU


def test_the_detector_finds_nothing_on_an_empty_counter(pictures, locator) -> None:
    found = {shot.name: locator.locate(shot.pixels) for shot in of(pictures, "empty")}
    assert {name: boxes for name, boxes in found.items() if boxes} == {}


def test_the_embedder_ranks_another_view_of_an_item_above_every_other_item(
    pictures: list[Shot], embed: Embed
) -> None:
    fronts = [s for s in of(pictures, "reference") if not s.sku.endswith("_twin")]
    references = np.array([embed(shot) for shot in fronts])
    asked = of(pictures, "photo")
    best = [fronts[int(np.argmax(references @ embed(shot)))].sku for shot in asked]
    right = [shot.sku == sku for shot, sku in zip(asked, best, strict=True)]
    assert len(right) == 24 and sum(right) >= KNOWN_OF_24


def test_the_embedder_prefers_an_item_to_its_twin_of_another_colour(
    pictures: list[Shot], embed: Embed
) -> None:
    references = {shot.sku: embed(shot) for shot in of(pictures, "reference")}
    right = 0
    for shot in of(pictures, "photo"):
        asked = embed(shot)
        right += bool(asked @ references[shot.sku] > asked @ references[f"{shot.sku}_twin"])
    assert right >= OVER_ITS_TWIN_OF_24


@pytest.mark.parametrize("name", golden.NAMES)
def test_the_models_answer_as_written_down(name: str, pictures: list[Shot]) -> None:
    model = session(name)
    batch = golden.inputs(name, model, pictures)
    with np.load(golden.GOLDEN / f"{name}.npz") as file:
        wanted = {key: file[key] for key in file.files}
    assert str(wanted["model"]) == model.card.sha256, f"{name} is another model: {golden.AGAIN}"
    asked = golden.outline(batch)
    same = asked.shape == wanted["asked"].shape and np.abs(asked - wanted["asked"]).max() <= LEVELS
    assert same, f"the {name} was asked other pictures (decoding or cropping): {golden.AGAIN}"
    found = golden.answers(model, batch)
    if name == "embedder":
        cosine = (found["embedding"] * wanted["embedding"]).sum(1)
        assert cosine.min() >= LEAST_COSINE
        return
    threshold = float(model.card.body["defaults"]["score"])
    assert np.abs(found["scores"] - wanted["scores"])[:, 0].max() <= SCORE
    sure = wanted["scores"][:, 0] >= threshold
    assert sure.any()
    assert np.abs(found["boxes"] - wanted["boxes"])[sure, 0].max() <= BOX_PX


def test_the_golden_command_writes_what_the_test_reads_and_says_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = tiny_models.write_models(tmp_path / "models")
    for said in ("nothing to compare with", "changed"):
        golden.main(["--models", str(models), "--out", str(tmp_path / "golden")])
        assert capsys.readouterr().out.count(said) == len(golden.NAMES)
    with np.load(tmp_path / "golden" / "embedder.npz") as file:
        model = OnnxSession(models / "embedder.toml", threads=1)
        assert str(file["model"]) == model.card.sha256
        asked = golden.inputs("embedder", model, golden.shots())
        assert np.array_equal(file["embedding"], golden.answers(model, asked)["embedding"])


@pytest.mark.parametrize("name", golden.NAMES)
def test_a_batch_answers_as_its_pictures_do_one_by_one(name: str, pictures: list[Shot]) -> None:
    model = session(name)
    batch = golden.inputs(name, model, pictures)[:7]
    together, single = model.run(batch), golden.answers(model, batch)
    assert together.keys() == single.keys()
    for key, values in single.items():
        assert np.allclose(together[key], values, atol=SAME * max(1.0, np.abs(values).max()))


@pytest.mark.parametrize("name", golden.NAMES)
def test_one_thread_and_four_answer_the_same(name: str, pictures: list[Shot]) -> None:
    one, four = session(name, 1), session(name, 4)
    batch = golden.inputs(name, one, pictures)
    few, many = golden.answers(one, batch), golden.answers(four, batch)
    for key, values in few.items():
        assert np.allclose(many[key], values, atol=SAME * max(1.0, np.abs(values).max()))
    if name == "embedder":  # and so the decision: whom each vector is nearest to, in order
        orders = [np.argsort(-(v["embedding"] @ v["embedding"].T), axis=1) for v in (few, many)]
        assert np.array_equal(orders[0][:, :3], orders[1][:, :3])
