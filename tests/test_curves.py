# SPDX-License-Identifier: Apache-2.0
"""Training curves: every metric gets a panel, a log cut off by a kill can still be drawn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tools import curves


def test_a_log_becomes_a_picture_with_a_panel_for_each_metric(tmp_path: Path) -> None:
    lines = ["step,metric,value"]
    for step in range(0, 2000, 10):
        lines.append(f"{step},train_loss,{4 * np.exp(-step / 500) + step % 7 / 20}")
        lines.append(f"{step},rate,0.001")
    lines += [f"{step},validation_loss,{4.2 * np.exp(-step / 500)}" for step in (500, 1000, 1900)]
    log, out = tmp_path / "log.csv", tmp_path / "out.png"
    log.write_text("\n".join([*lines, "2000,train_lo"]))  # killed in the middle of a line
    curves.main([str(log), str(out)])
    pixels = cv2.imread(str(out))
    assert pixels is not None and pixels.shape == (curves.HEIGHT, 2 * curves.WIDTH, 3)
    assert list(curves.panels(curves.read(log))) == ["rate", "loss"]


def test_a_value_that_is_no_number_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("step,metric,value\n1,loss,nan\n2,loss,0.5\n")
    assert curves.read(log) == {"loss": [(2.0, 0.5)]}


@pytest.mark.parametrize(
    ("text", "says"), [("a,b\n1,2\n", "step,metric,value"), ("step,metric,value\n", "no numbers")]
)
def test_what_is_no_log_is_named(tmp_path: Path, text: str, says: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(text)
    with pytest.raises(ValueError, match=says):
        curves.read(log)


def test_ticks_are_few_and_round() -> None:
    assert curves.ticks(0.0, 1.0) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert 2 <= len(curves.ticks(-3.7, 912.0)) <= 6


@pytest.mark.parametrize("name", ["out", "out.txt", "none/out.png"])
def test_an_output_that_cannot_be_written_is_named(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.csv"
    log.write_text("step,metric,value\n2,loss,0.5\n")
    with pytest.raises(SystemExit) as left:
        curves.main([str(log), str(tmp_path / name)])
    assert left.value.code == 2
    assert f"{tmp_path / name}: cannot be written" in capsys.readouterr().err
