# SPDX-License-Identifier: Apache-2.0
"""Damage that the sha256 does not show, because the card was changed along with the file.

`test_session.py` holds what the sha256 catches; here the card vouches for a broken or wrong graph,
as after a bad export or a careless repair.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_models

from kiosk.config import LocateConfig, ModelsConfig
from kiosk.errors import EmbeddingError, ModelError
from kiosk.models import load_models
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from kiosk.vision.session import MAX_OPSET


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tiny_models.write_models(tmp_path / "models")


def load(models: Path, score: float = 0.0) -> tuple[Locator, Embedder]:
    return load_models(ModelsConfig(directory=str(models), threads=1), LocateConfig(score=score))


def vouch(models: Path, name: str) -> None:
    """Write the model's true sha256 on its card, whatever the model is now."""
    digest = hashlib.sha256((models / f"{name}.onnx").read_bytes()).hexdigest()
    card = models / f"{name}.toml"
    card.write_text(re.sub(r'sha256 = ".*"', f'sha256 = "{digest}"', card.read_text()))


@pytest.mark.parametrize("name", ["detector", "embedder"])
@pytest.mark.parametrize("damage", ["empty", "half", "zeros", "text"])
def test_a_vouched_file_that_is_no_model_is_named(models: Path, name: str, damage: str) -> None:
    path = models / f"{name}.onnx"
    data = path.read_bytes()
    broken = {"empty": b"", "half": data[: len(data) // 2], "zeros": bytes(len(data)),
              "text": b"<html>404 Not Found</html>"}[damage]  # fmt: skip
    path.write_bytes(broken)
    vouch(models, name)
    with pytest.raises(ModelError, match=rf"{name}\.onnx: ONNX Runtime cannot load it"):
        load(models)


def test_a_file_cut_short_by_a_full_disk_is_noticed_by_its_sha256(models: Path) -> None:
    path = models / "detector.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="damaged or was swapped"):
        load(models)


def rewritten(models: Path, name: str, opset: int) -> None:
    model = onnx.load(str(models / f"{name}.onnx"))
    model.opset_import[0].version = opset
    onnx.save(model, str(models / f"{name}.onnx"))
    vouch(models, name)


def test_an_opset_from_the_future_is_refused_though_the_card_claims_an_old_one(
    models: Path,
) -> None:
    rewritten(models, "embedder", 99)
    with pytest.raises(ModelError, match="cannot load it"):
        load(models)


def test_a_graph_written_for_another_opset_than_its_operators_is_refused(models: Path) -> None:
    rewritten(models, "embedder", MAX_OPSET + 1)  # ReduceL2 took its axes elsewhere from then on
    with pytest.raises(ModelError, match="cannot load it"):
        load(models)


@pytest.mark.parametrize(("name", "other"), [("detector", "embedder"), ("embedder", "detector")])
def test_a_card_that_vouches_for_the_other_models_file_is_refused(
    models: Path, name: str, other: str
) -> None:
    shutil.copy(models / f"{other}.onnx", models / f"{name}.onnx")
    vouch(models, name)
    with pytest.raises(ModelError, match="restore model and card together"):
        load(models)


def test_the_embedder_with_its_card_in_the_detectors_place_is_refused(models: Path) -> None:
    shutil.copy(models / "embedder.toml", models / "detector.toml")  # it names embedder.onnx
    with pytest.raises(ModelError):
        load(models)


def test_the_detector_with_its_card_in_the_embedders_place_is_refused(models: Path) -> None:
    shutil.copy(models / "detector.toml", models / "embedder.toml")
    with pytest.raises(ModelError):
        load(models)


def test_a_configured_score_does_not_let_the_embedder_pass_for_a_detector(models: Path) -> None:
    shutil.copy(models / "embedder.toml", models / "detector.toml")
    with pytest.raises(ModelError):
        load(models, score=0.5)


def test_a_picture_of_another_size_is_an_error_and_no_answer(models: Path) -> None:
    _, embedder = load(models)
    wrong = np.zeros((tiny_models.CROP - 1, tiny_models.CROP, 3), np.uint8)
    with pytest.raises(Exception, match="dimensions"):
        embedder.embed([wrong])


def test_an_embedder_that_computes_nan_gives_no_vector(models: Path) -> None:
    tiny_models.write_models(models, shift=float("nan"))
    _, embedder = load(models)
    with pytest.raises(EmbeddingError, match="unit length"):
        embedder.embed([np.zeros((tiny_models.CROP, tiny_models.CROP, 3), np.uint8)])


@pytest.mark.parametrize("constant", ["gain", "noneMax"])
def test_a_detector_that_computes_nan_sees_nothing(models: Path, constant: str) -> None:
    """`gain` makes its scores NaN, `noneMax` its boxes."""
    path = models / "detector.onnx"
    model = onnx.load(str(path))
    value = next(i for i in model.graph.initializer if i.name == constant)
    value.CopyFrom(onnx.numpy_helper.from_array(np.array(np.nan, np.float32), constant))
    onnx.save(model, str(path))
    vouch(models, "detector")
    locator, _ = load(models)
    picture = tiny_models.picture(3)
    assert locator.locate(picture) == ()
