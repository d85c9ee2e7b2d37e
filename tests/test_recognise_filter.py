# SPDX-License-Identifier: Apache-2.0
"""`kiosk recognise --filter`: only what matches is listed, however far down the list it stands."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import tiny_models

from kiosk.catalog.build import BuildOptions, build
from kiosk.cli import main

ITEMS = 60


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More SKUs than a look lists; each has a number, one has the colour red."""
    root = tmp_path_factory.mktemp("filter")
    rows = ["sku,category,int_attr,colour"]
    for item in range(ITEMS):
        tiny_models.write_picture(root / "in" / f"sku-{item}" / "0.png", item, 0)
        rows.append(f"sku-{item},{'odd' if item % 2 else 'even'},{item},{'red' * (item == 7)}")
    (root / "in" / "skus.csv").write_text("\n".join(rows))
    locator, embedder = tiny_models.open_models(models)
    options = BuildOptions(augment=False, details=False)
    build(root / "in", root / "out", locator=locator, embedder=embedder, options=options)
    tiny_models.write_picture(root / "query.png", 3, 9)
    return root


def listed(
    models: Path, release: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> list[str]:
    """The SKUs that are listed for a picture of SKU 3."""
    command = ["recognise", "--set", f"models.directory={models}", "--catalog"]
    command += [str(release / "out"), "--json", *options, str(release / "query.png")]
    assert main(command) == os.EX_OK
    return [match["sku"] for match in json.loads(capsys.readouterr().out)["matches"]]


def test_only_skus_that_match_are_listed_the_nearest_of_them_first(
    models: Path, release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = listed(models, release, capsys)
    assert everything[0] == "sku-3" and len(everything) == 5
    even = listed(models, release, capsys, "--filter", "category = 'even'")
    assert len(even) == 5 and all(int(sku[4:]) % 2 == 0 for sku in even)
    kept = [sku for sku in everything if int(sku[4:]) % 2 == 0]
    assert even[: len(kept)] == kept
    assert listed(models, release, capsys, "--filter", "int_attr in (3, 4)")[0] == "sku-3"


def test_a_filter_reaches_skus_far_below_what_a_look_lists(
    models: Path, release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for item in range(0, ITEMS, 7):
        assert listed(models, release, capsys, "--filter", f"int_attr = {item}") == [f"sku-{item}"]
    assert listed(models, release, capsys, "--filter", "colour = 'red'") == ["sku-7"]
    assert listed(models, release, capsys, "--filter", "colour = 'blue'") == []


def test_a_filter_that_cannot_be_read_is_a_wrong_call(
    models: Path, release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["recognise", "--catalog", str(release / "out"), "--filter", "a ~ 1", "x.png"]
    assert main(command) == os.EX_USAGE
    assert "character 3: expected" in capsys.readouterr().err
