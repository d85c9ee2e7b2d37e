# SPDX-License-Identifier: Apache-2.0
"""The shipped strangers: of this embedder or not used, whole or refused, counted as shown."""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from tiny_models import DIMENSION, open_models, picture, write_picture

from kiosk.catalog.bounds import least_things
from kiosk.catalog.build import build
from kiosk.catalog.claims import OTHERS
from kiosk.catalog.strangers import CARD, MAX_BYTES, VECTORS, load_strangers, packed, unpacked
from kiosk.errors import ModelError
from tools.strangers import MODELS, chosen, embedded, even, made_up, write

EMBEDDER = "e" * 64


def vectors(count: int = 20, dimension: int = 12) -> np.ndarray:
    values = np.random.default_rng(1).standard_normal((count, dimension)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, vectors(), 5, EMBEDDER)
    return tmp_path


def test_what_is_packed_keeps_its_direction() -> None:
    values = vectors(200, 256)
    again = unpacked(packed(values))
    assert (np.einsum("ij,ij->i", values, again) > 0.999).all()
    assert np.allclose(np.linalg.norm(again, axis=1), 1, atol=1e-6)


def test_strangers_of_this_embedder_are_loaded(folder: Path) -> None:
    found = load_strangers(folder, embedder=EMBEDDER)
    assert found.vectors.shape == (20, 12) and found.note == ""
    assert found.sha256 == hashlib.sha256((folder / VECTORS).read_bytes()).hexdigest()


def test_those_of_another_embedder_are_not_used_and_that_is_said(folder: Path) -> None:
    found = load_strangers(folder, embedder="f" * 64)
    assert len(found.vectors) == 0 and found.sha256 == ""
    assert "another embedder" in found.note


def test_a_folder_without_any_has_none_and_says_so(tmp_path: Path) -> None:
    assert "no strangers.toml" in load_strangers(tmp_path, embedder=EMBEDDER).note


@pytest.mark.parametrize("attack", ["altered", "missing", "cut", "huge", "card", "no card entry"])
def test_a_damaged_file_is_refused_by_name(folder: Path, attack: str) -> None:
    path = folder / VECTORS
    data = path.read_bytes()
    if attack == "altered":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif attack == "missing":
        path.unlink()
    elif attack == "cut":
        path.write_bytes(data[:100])
    elif attack == "huge":
        with path.open("r+b") as file:
            file.truncate(MAX_BYTES + 1)
    elif attack == "card":
        (folder / CARD).write_text('sha256 = "../x"\nembedder = "y"\n')
    else:
        (folder / CARD).write_text(f'embedder = "{EMBEDDER}"\n')
    with pytest.raises(ModelError, match="restore it"):
        load_strangers(folder, embedder=EMBEDDER)


@pytest.mark.parametrize("values", [np.zeros((3, 4), np.int8), np.ones((3, 4), np.float32)])
def test_a_file_that_holds_something_else_is_refused(folder: Path, values: np.ndarray) -> None:
    old = hashlib.sha256((folder / VECTORS).read_bytes()).hexdigest()
    np.save(folder / VECTORS, values)
    card = (folder / CARD).read_text()
    new = hashlib.sha256((folder / VECTORS).read_bytes()).hexdigest()
    (folder / CARD).write_text(card.replace(old, new))
    with pytest.raises(ModelError, match="not int8 vectors"):
        load_strangers(folder, embedder=EMBEDDER)


def test_what_is_shipped_is_of_the_shipped_embedder_and_supports_a_tenth_of_a_percent() -> None:
    embedder = tomllib.loads((MODELS / "embedder.toml").read_text())["sha256"]
    found = load_strangers(MODELS, embedder=embedder)
    card = tomllib.loads((MODELS / CARD).read_text())
    assert len(found.vectors) == card["things"] >= least_things(0.001)
    assert found.vectors.shape[1] == card["dimension"]
    assert (MODELS / VECTORS).stat().st_size < 2_000_000


def test_half_of_the_photos_are_shipped_and_the_other_half_is_left_to_measure_with(
    tmp_path: Path,
) -> None:
    names = [f"photo{number}.jpg" for number in range(400)]
    (tmp_path / "manifest.csv").write_text("path,sku\n" + "\n".join(f"{n},x" for n in names) + "\n")
    shipped = {path.name for path in chosen(tmp_path / "manifest.csv")}
    assert shipped == {name for name in names if even(name)} and 160 < len(shipped) < 240


def test_a_picture_without_an_item_is_no_stranger(models: Path) -> None:
    found = embedded(open_models(models), [picture(1), picture(-1), picture(2)])
    assert found.shape == (2, DIMENSION)
    assert (made_up(3) == made_up(3)).all() and made_up(3).dtype == np.uint8


def test_a_build_uses_the_strangers_beside_its_models(models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(models, tmp_path / "models")
    for item in range(6):
        write_picture(tmp_path / "source" / f"SKU-{item}" / "1.png", item)
    locator, embedder = open_models(folder)
    things = embedded((locator, embedder), [picture(item, 1) for item in range(20, 50)])
    without = build(tmp_path / "source", tmp_path / "a", locator=locator, embedder=embedder)
    write(folder, things, 0, embedder.card.sha256)
    found = build(tmp_path / "source", tmp_path / "b", locator=locator, embedder=embedder)
    assert OTHERS not in {claim.about for claim in without.calibration.thresholds.claims}
    (claim,) = (c for c in found.calibration.thresholds.claims if c.about == OTHERS)
    assert claim.things == 30 and claim.wrong == 0
    assert found.calibration.basis.strangers and not without.calibration.basis.strangers
    assert found.manifest.release != without.manifest.release
