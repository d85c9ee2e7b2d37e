# SPDX-License-Identifier: Apache-2.0
"""Comparing two files of one model: full marks for itself, fewer for another, refusal of a mix."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from tools import compare


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    tiny_models.write_models(folder / "one")
    tiny_models.write_models(folder / "other", shift=40.0)
    for item in range(6):
        tiny_models.write_picture(folder / "pictures" / f"{item}.png", item)
    tiny_models.write_picture(folder / "pictures" / "empty.png", -1)
    return folder


@pytest.mark.parametrize("name", ["embedder", "detector"])
def test_a_model_agrees_with_itself(folder: Path, name: str) -> None:
    model, out = folder / "one" / f"{name}.onnx", folder / f"{name}.json"
    compare.main([str(model), str(model), str(folder / "pictures"), "--json", str(out)])
    report = json.loads(out.read_text())
    found = report["agreement"]
    assert report["pictures"] == 7
    if name == "embedder":
        assert found["cosine"]["least"] == pytest.approx(1.0, abs=1e-4)
        assert found["same_nearest_neighbour"] == 1.0
        assert found["own_vector_of_the_other_model_nearest"] == 1.0
    else:
        assert found["same_decision_item_or_none"] == 1.0
        assert found["iou_of_best_boxes"]["least"] == 1.0


def test_another_embedder_agrees_less(folder: Path) -> None:
    paths = compare.pictures([folder / "pictures"])
    models = [folder / name / "embedder.onnx" for name in ("one", "other")]
    found = compare.compare(models[0], models[1], paths, 0.4)["agreement"]
    assert found["cosine"]["median"] < 0.9


def test_detectors_that_decide_differently_are_counted() -> None:
    whole = np.array([[[0, 0, 10, 10]], [[0, 0, 10, 10]], [[5, 0, 15, 10]]], np.float32)
    left = {"boxes": whole, "scores": np.array([[0.9], [0.9], [0.1]], np.float32)}
    right = {"boxes": whole[::-1], "scores": np.array([[0.9], [0.2], [0.5]], np.float32)}
    found = compare.boxes(left, right, 0.4)
    assert found["only_first_sees_an_item"] == 1 and found["only_second_sees_an_item"] == 1
    assert found["same_decision_item_or_none"] == pytest.approx(1 / 3, abs=1e-3)
    assert found["iou_of_best_boxes"]["least"] == pytest.approx(1 / 3, abs=1e-3)


def test_a_detector_is_not_compared_with_an_embedder(folder: Path) -> None:
    paths = compare.pictures([folder / "pictures"])
    models = [folder / "one" / f"{name}.onnx" for name in ("detector", "embedder")]
    with pytest.raises(ValueError, match="two files of one model"):
        compare.compare(models[0], models[1], paths, 0.4)


def test_what_is_no_picture_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(ValueError, match="at least two"):
        compare.pictures([tmp_path])
    model = folder / "one" / "embedder.onnx"
    with pytest.raises(ValueError, match=r"a\.png: cannot be read"):
        compare.compare(model, model, [tmp_path / "a.png"] * 2, 0.4)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--limit", "0"), "--limit 0: give 2 or more"),
        (("--limit", "-1"), "--limit -1: give 2 or more"),
        (("--score", "nan"), "--score nan: give a number"),
        (("--json", "/dev/full"), "/dev/full: cannot be written"),
    ],
)
def test_options_that_cannot_be_followed_are_named(
    folder: Path, options: tuple[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(folder / "one" / "embedder.onnx")
    with pytest.raises(SystemExit) as left:
        compare.main([model, model, str(folder / "pictures"), *options])
    assert left.value.code == (os.EX_CANTCREAT if "--json" in options else 2)
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("name", ["none.onnx", "text.onnx"])
def test_a_file_that_is_no_model_is_named(
    folder: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    model = folder / "one" / "embedder.onnx"
    with pytest.raises(SystemExit) as left:
        compare.main([str(tmp_path / name), str(model), str(folder / "pictures")])
    assert left.value.code == 2
    assert f"{name}: is no model that can be loaded" in capsys.readouterr().err
