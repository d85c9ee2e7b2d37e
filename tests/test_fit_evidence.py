# SPDX-License-Identifier: Apache-2.0
"""The tools that fit the second look: they find what is there, and write what the product reads."""

from __future__ import annotations

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from prints import counter, face, photographed, png

from kiosk.values import Verified
from kiosk.verify import joined, weights
from kiosk.verify.evidence import strength
from tools import fit_evidence, fit_projection
from tools.fit_evidence import Photo

NOW = (weights.CONSTANT, weights.LOG_POINTS, weights.COVERAGE, weights.COLOUR)


def photo(sku: str, *candidates: tuple[bool, float, float, float, float]) -> Photo:
    right, similarity, points, coverage, colour = map(np.array, zip(*candidates, strict=True))
    return Photo(sku, right, similarity, points, coverage, colour)


def test_the_tool_weighs_as_the_product_does() -> None:
    one = photo("a", (True, 0.3, 40.0, 0.4, 0.6), (False, 0.5, 0.0, 0.0, 0.0))
    expected = joined(0.3, Verified(40, 0.4, 0.6, strength(40, 0.4, 0.6)))
    assert fit_evidence.evidence(one, NOW) == pytest.approx([expected, 0.5])


def test_fitted_weights_put_the_covered_face_before_the_shared_logo() -> None:
    photos = [
        photo(f"sku-{number}", (False, 0.6, 50.0, 0.2, 0.5), (True, 0.4, 45.0, 0.6, 0.6))
        for number in range(10)
    ]
    scores = fit_evidence.evidence(photos[0], fit_evidence.fitted(photos))
    assert scores[1] > scores[0]
    assert fit_evidence.crossed(photos) == 10


def test_what_is_written_is_a_module_of_the_same_names(tmp_path: Path) -> None:
    path = tmp_path / "weights.py"
    path.write_text(fit_evidence.module((-5.0, 0.2, 6.0, 0.4), 0.123))
    written = runpy.run_path(str(path))
    assert (written["CONSTANT"], written["LOG_POINTS"]) == (-5.0, 0.2)
    assert (written["COVERAGE"], written["COLOUR"], written["APART"]) == (6.0, 0.4, 0.12)
    assert fit_evidence.module(NOW, weights.APART) == fit_evidence.OUT.read_text()


def test_photos_are_chosen_evenly_and_only_of_the_split_that_is_asked_for(tmp_path: Path) -> None:
    rows = [f"p{number}.jpg,a,photo,train,Packages" for number in range(9)]
    rows += ["t.jpg,a,photo,test,Packages", "r.jpg,a,reference,,Packages", "f.jpg,b,photo,train,F"]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,sku,role,split,category\n" + "\n".join(rows) + "\n")
    found = fit_evidence.chosen(manifest, "train", "Packages", 3)
    assert [(sku, path.name) for sku, path in found] == [
        ("a", "p0.jpg"),
        ("a", "p4.jpg"),
        ("a", "p8.jpg"),
    ]


def test_the_projection_holds_the_directions_that_vary_most() -> None:
    random = np.random.default_rng(1)
    samples = random.standard_normal((500, 128)).astype(np.float32) * 0.01
    samples[:, 7] += random.standard_normal(500)
    table, share = fit_projection.fitted(samples, 48)
    assert table.shape == (49, 128) and table.dtype == np.float16
    assert table[1].argmax() == 7 and table[1, 7] == pytest.approx(1.0, abs=0.01)
    assert 0.9 < share < 1 and math.isfinite(share)


def test_the_whole_way_from_a_manifest_to_the_gain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = tiny_models.write_models(tmp_path / "models")
    lines = ["path,sku,role,split,category"]
    for design in range(1, 6):
        (tmp_path / f"{design}.png").write_bytes(png(counter(face(design))))
        seen = photographed(face(design), turn=20)
        (tmp_path / f"{design}-photo.png").write_bytes(png(counter(seen)))
        lines.append(f"{design}.png,sku-{design},reference,,Packages")
        lines.append(f"{design}-photo.png,sku-{design},photo,train,Packages")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    before = fit_evidence.OUT.read_bytes()
    fit_evidence.main([str(tmp_path / "manifest.csv"), "--models", str(models)])
    told = capsys.readouterr().out
    assert "5 photos, 0 without an item or a candidate" in told
    assert "with the second look 1.000" in told
    assert fit_evidence.OUT.read_bytes() == before  # nothing is written unasked
