# SPDX-License-Identifier: Apache-2.0
"""The shipped models in the whole product, on drawn items: no thread count changes a decision."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from kiosk import cli
from tools import golden

ASKED = ("bottle_04", "box_00", "can_03", "earring_09", "jar_05", "round_fruit_10")
NO_HURRY = ("--set", "verify.budget_ms=10000")
"""A decision must not depend on how busy the machine that runs the tests is."""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One front picture per SKU, without the twins."""
    source = tmp_path_factory.mktemp("fronts")
    with (golden.RENDERS / "manifest.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["role"] == "reference"]
    kept = [row for row in rows if not row["sku"].endswith("_twin")]
    with (source / "manifest.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, kept[0].keys())
        writer.writeheader()
        writer.writerows(kept)
    for row in kept:
        shutil.copy(golden.RENDERS / row["path"], source)
    out = tmp_path_factory.mktemp("built") / "release"
    options = ["--no-augment", "--models", str(golden.MODELS), "--out", str(out)]
    assert cli.main(["catalog", "build", str(source), *options]) == os.EX_OK
    return out


def decisions(
    release: Path, threads: int, capsys: pytest.CaptureFixture[str]
) -> list[dict[str, object]]:
    pictures = [str(golden.RENDERS / f"{sku}_0.webp") for sku in ASKED]
    pictures.append(str(golden.RENDERS / "empty_0.webp"))
    capsys.readouterr()
    options = ["--set", f"models.directory={golden.MODELS}", *NO_HURRY]
    options += ["--set", f"models.threads={threads}", "--catalog", str(release), "--json"]
    assert cli.main(["recognise", *options, *pictures]) == os.EX_OK
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(said) == len(pictures)
    return said


def test_one_thread_and_four_decide_the_same_and_never_on_a_wrong_sku(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, four = (decisions(release, threads, capsys) for threads in (1, 4))
    for few, many in zip(one, four, strict=True):
        for key in ("decision", "sku", "rule", "items"):
            assert few[key] == many[key]
        ranked = [[match["sku"] for match in said["matches"]] for said in (few, many)]  # type: ignore[attr-defined]
        assert ranked[0] == ranked[1]
    accepted = {str(said["image"]): said["sku"] for said in one if said["decision"] == "accepted"}
    assert accepted, "none of the drawn items is known again"
    assert {path: sku for path, sku in accepted.items() if f"{sku}_0" not in path} == {}
    assert one[-1]["decision"] == "nothing there"
