# SPDX-License-Identifier: Apache-2.0
"""A model is loaded only when its card vouches for it: real ONNX files, damaged in every way."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from kiosk.config import LocateConfig
from kiosk.errors import EmbeddingError, ModelError
from kiosk.values import Box, Detection
from kiosk.vision.boxes import iou
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from kiosk.vision.session import MAX_OPSET, Card, OnnxSession


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def models(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "models"))


def change(card: Path, old: str, new: str) -> None:
    text = card.read_text()
    assert old in text
    card.write_text(text.replace(old, new))


def load(models: Path, name: str = "embedder") -> OnnxSession:
    return OnnxSession(models / f"{name}.toml", threads=1)


def test_a_good_model_runs_a_batch(models: Path) -> None:
    session = load(models)
    images = np.zeros((3, tiny_models.CROP, tiny_models.CROP, 3), np.uint8)
    assert session.run(images)["embedding"].shape == (3, tiny_models.DIMENSION)


def test_a_flipped_bit_in_the_model_is_noticed(models: Path) -> None:
    data = bytearray((models / "embedder.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (models / "embedder.onnx").write_bytes(data)
    with pytest.raises(ModelError, match="damaged or was swapped"):
        load(models)


def test_the_detector_under_the_embedders_name_is_noticed(models: Path) -> None:
    shutil.copy(models / "detector.onnx", models / "embedder.onnx")
    with pytest.raises(ModelError, match="sha256"):
        load(models)


def test_a_missing_card_and_a_missing_model_are_named(models: Path) -> None:
    (models / "embedder.onnx").unlink()
    with pytest.raises(ModelError, match=r"embedder\.onnx: cannot be read"):
        load(models)
    (models / "embedder.toml").unlink()
    with pytest.raises(ModelError, match="card is missing"):
        load(models)


@pytest.mark.parametrize(
    "key", ["name", "version", "sha256", "opset", "licence", "quantisation", "trained_on"]
)
def test_a_card_without_a_key_names_the_key(models: Path, key: str) -> None:
    card = models / "embedder.toml"
    lines = card.read_text().splitlines()
    lines.remove(next(line for line in lines if line.startswith(f"{key} =")))
    card.write_text("\n".join(lines))
    with pytest.raises(ModelError, match=key):
        load(models)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("width = 64", "width = 63", "its card says"),
        ("shape = [-1, 48]", "shape = [-1, 49]", "its card says"),
        ("[outputs.embedding]", "[outputs.vector]", "names the output"),
        ("opset = 17", f"opset = {MAX_OPSET + 1}", "update the kiosk"),
        ('channel_order = "BGR"', 'channel_order = "RGB"', "this kiosk gives 'BGR'"),
        ('file = "embedder.onnx"', 'file = "../embedder.onnx"', "plain name beside the card"),
        ("[input]", "[input", "cannot be read"),
    ],
)
def test_a_card_that_does_not_fit_the_graph_is_refused(
    models: Path, old: str, new: str, says: str
) -> None:
    change(models / "embedder.toml", old, new)
    with pytest.raises(ModelError, match=says):
        load(models)


def test_one_thread_and_two_give_the_same_embedding(models: Path) -> None:
    crops = [tiny_models.picture(7)[:64, :64].copy()]
    one = Embedder(OnnxSession(models / "embedder.toml", threads=1)).embed(crops)
    two = Embedder(OnnxSession(models / "embedder.toml", threads=2)).embed(crops)
    assert np.array_equal(one, two)


class BrokenSession:
    """A model that answers, but not with unit vectors."""

    def __init__(self, card: Card, answer: np.ndarray) -> None:
        self.card = card
        self._answer = answer

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return {"embedding": np.repeat(self._answer, len(images), axis=0)}


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1.0])
def test_a_vector_that_is_not_of_unit_length_goes_no_further(models: Path, value: float) -> None:
    answer = np.full((1, tiny_models.DIMENSION), value, np.float32)
    embedder = Embedder(BrokenSession(load(models).card, answer))
    with pytest.raises(EmbeddingError, match="unit length"):
        embedder.embed([np.zeros((64, 64, 3), np.uint8)])


def test_nothing_to_embed_is_no_error(models: Path) -> None:
    assert Embedder(load(models)).embed([]).shape == (0, tiny_models.DIMENSION)


@pytest.mark.parametrize("fit", ["square", "letterbox", "stretch"])
def test_every_way_to_cut_a_crop_gives_the_models_size(models: Path, fit: str) -> None:
    card = models / "embedder.toml"
    lines = [line for line in card.read_text().splitlines() if not line.startswith("fit =")]
    card.write_text("\n".join(lines).replace("[input]", f'[input]\nfit = "{fit}"'))
    embedder = Embedder(load(models))
    pixels = tiny_models.picture(1)
    for box in (Box(10, 10, 200, 60), Box(-5, -5, 500, 500), Box(100, 0, 110, 180)):
        assert embedder.crop(pixels, box).shape == (tiny_models.CROP, tiny_models.CROP, 3)


def test_nothing_bright_means_no_item_and_an_item_means_its_box(models: Path) -> None:
    locator, _ = tiny_models.open_models(models)
    assert locator.locate(tiny_models.picture(-1)) == ()
    (found,) = locator.locate(tiny_models.picture(3))
    assert found.box.width == pytest.approx(found.box.height, rel=0.1)
    assert 0.5 < found.score <= 1


class PaddingSession:
    """A detector that sees one item in the padding above a wide picture, and one in the picture."""

    def __init__(self, card: Card) -> None:
        self.card = card

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        boxes = np.array([[[20, 0, 60, 10], [20, 30, 60, 60]]], np.float32)
        return {"boxes": boxes, "scores": np.array([[0.9, 0.8]], np.float32)}


def test_an_item_beside_the_picture_is_none(models: Path) -> None:
    locator = Locator(PaddingSession(load(models, "detector").card), LocateConfig())
    (found,) = locator.locate(np.zeros((100, 200, 3), np.uint8))
    assert found.score == pytest.approx(0.8)


def test_a_second_look_never_swaps_the_item_for_another_one(models: Path) -> None:
    locator, _ = tiny_models.open_models(models)
    pixels = on_a_counter(tiny_models.picture(3))
    (found,) = locator.locate(pixels)
    loose = Detection(
        Box(found.box.x1 - 12, found.box.y1 - 9, found.box.x2 + 14, found.box.y2 + 8), 0.9
    )
    refined = locator.refined(pixels, loose)
    assert iou(refined.box, found.box) > iou(loose.box, found.box)
    elsewhere = Detection(Box(0, 0, 20, 20), 0.9)
    assert locator.refined(pixels, elsewhere) == elsewhere


def on_a_counter(pixels: np.ndarray) -> np.ndarray:
    """The same item in a picture three times as wide: it is far from the camera."""
    width = pixels.shape[1]
    return np.pad(pixels, ((0, 0), (width, width), (0, 0)), mode="edge")


def test_a_near_item_gets_no_second_look(models: Path) -> None:
    locator, _ = tiny_models.open_models(models)
    pixels = tiny_models.picture(3)
    near = Detection(Box(5, 5, 0.6 * pixels.shape[1] + 5, 60), 0.9)
    assert locator.refined(pixels, near) is near


def test_an_item_does_not_blink_when_the_detector_wavers_but_a_new_one_must_convince(
    models: Path,
) -> None:
    locator, _ = tiny_models.open_models(models)
    pixels = tiny_models.picture(-1)
    pixels[80:98, 100:120] = 255  # 0.8 % of the picture: a score between half and whole
    assert locator.locate(pixels) == ()
    (kept,) = locator.locate(pixels, [Box(98, 78, 122, 100)])
    assert 0.25 <= kept.score < 0.5
    assert locator.locate(pixels, [Box(0, 0, 40, 40)]) == ()
