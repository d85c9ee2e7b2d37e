# SPDX-License-Identifier: Apache-2.0
"""The hand-written models do what the tests that use them rely on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import CROP, DIMENSION, open_models, picture, write_models

from kiosk.values import Box, Pixels
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator, subject


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Locator, Embedder]:
    return open_models(write_models(tmp_path_factory.mktemp("models")))


def embedding(models: tuple[Locator, Embedder], pixels: Pixels) -> np.ndarray:
    locator, embedder = models
    found = subject(locator.locate(pixels), pixels.shape[1], pixels.shape[0])
    assert found is not None
    return embedder.embed([embedder.crop(pixels, found.box)])[0]


def test_the_detector_finds_the_item_and_nothing_on_an_empty_counter(models) -> None:
    locator, _ = models
    pixels = np.full((200, 300, 3), 30, np.uint8)
    pixels[40:120, 100:220] = (20, 220, 240)
    found = locator.locate(pixels)
    assert len(found) == 1 and found[0].score > 0.9
    assert np.allclose(found[0].box.as_list(), Box(100, 40, 220, 120).as_list(), atol=4)
    assert locator.locate(picture(-1)) == ()


def test_the_embedder_tells_items_apart_and_knows_them_again(models) -> None:
    shots = np.array([[embedding(models, picture(i, s)) for s in range(3)] for i in range(8)])
    assert shots.shape == (8, 3, DIMENSION)
    same = np.einsum("isd,itd->ist", shots, shots).min()
    other = max(float((shots[i] @ shots[j].T).max()) for i in range(8) for j in range(i))
    assert same > 0.9 and other < same - 0.1


def test_writing_twice_gives_the_same_bytes_and_another_shift_another_model(tmp_path: Path) -> None:
    first, again = write_models(tmp_path / "a"), write_models(tmp_path / "b")
    other = write_models(tmp_path / "c", shift=90.0)
    for name in ("detector.onnx", "embedder.onnx", "detector.toml", "embedder.toml"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    assert (first / "embedder.toml").read_bytes() != (other / "embedder.toml").read_bytes()
    assert open_models(other)[1].crop(picture(1), Box(0, 0, 50, 50)).shape == (CROP, CROP, 3)
