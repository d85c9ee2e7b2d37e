# SPDX-License-Identifier: Apache-2.0
"""The measurement of refusals, on drawn items with the tiny models."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from tools import measure_refusals
from tools.measure_refusals import Case, table


def test_wrong_answers_are_forced_and_the_rules_stand_side_by_side(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["path,sku,role,split,category"]
    for item in range(6):
        for shot in range(4):
            name = f"{item}-{shot}.png"
            tiny_models.write_picture(tmp_path / name, item, shot)
            lines.append(f"{name},sku-{item},{'photo' if shot else 'reference'},test,drawn")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(lines))
    measure_refusals.main(
        [str(manifest), "--photos", "3", "--halves", "2", "--models", str(models)]
    )
    said = capsys.readouterr().out
    assert "6 SKUs, 18 photos, 2 halves" in said
    assert "both, as the kiosk" in said and "weight 1 margin +0.00" in said
    assert re.search(r">= 0\.50: \d+ wrong answers become \d+; of \d+ true scans \d+", said)
    assert re.search(r"500 refusals of all 10 SKUs: p50 0\.\d+ ms", said)


def test_the_table_counts_blocked_and_lost_at_each_floor() -> None:
    near, of_it = np.array([0.9], np.float32), np.array([0.6], np.float32)
    cases = [
        Case("again", 0.6, near, of_it, own=0.0, refused=0.0),
        Case("other", 0.6, near - 0.5, of_it, own=0.0, refused=0.5),
        Case("other", 0.6, near - 0.5, of_it, own=0.0, refused=0.0),
        Case("true", 0.6, near, of_it, own=0.4, refused=0.1),
        Case("true", 0.52, near - 0.6, of_it - 0.2, own=0.0, refused=0.0),
    ]
    lines = {line[:26].strip(): line[26:].split() for line in table(cases).splitlines()}
    assert lines["(cases)"][:3] == ["1/2/2", "1/2/1", "1/2/1"]
    assert lines["similarity, as the kiosk"][:2] == ["100.0/0.0/50.0", "100.0/0.0/100.0"]
    assert lines["both, as the kiosk"][:2] == ["100.0/50.0/0.0", "100.0/50.0/0.0"]
    assert lines["both, as the kiosk"][-1] == "-/-/-"
