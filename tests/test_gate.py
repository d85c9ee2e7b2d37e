# SPDX-License-Identifier: Apache-2.0
"""The gate of a release: every way in which one can be wrong and still be whole is found out."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from made_releases import Made, made, opened, unit
from numpy.typing import NDArray
from segments import only, resealed

from kiosk.catalog.gate import check, queries_for, read_gate
from kiosk.catalog.manifest import GATE, QUERIES, read_manifest
from kiosk.errors import CatalogError

SKUS, PICTURES = 60, 3


@dataclass(frozen=True, slots=True)
class Limits:
    agree_min: float = 0.98
    p95_ms_max: float = 0.0


def shelf() -> list[Made]:
    return [Made(f"SKU-{sku:02}", f"{at}.png") for sku in range(SKUS) for at in range(PICTURES)]


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gated") / "out"
    made(out, models, shelf())
    return out


@pytest.fixture
def copy(release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(release, tmp_path / "out"))


def judged(release: Path, models: Path, limits: Limits = Limits()) -> str:
    snapshot = opened(release, models)
    try:
        return check(snapshot, limits)
    finally:
        snapshot.close()


def relabelled(release: Path, statement: str) -> None:
    with closing(sqlite3.connect(only(release, "records.sqlite"))) as connection:
        connection.executescript(statement)


def permuted_ids(release: Path) -> None:
    relabelled(release, f"UPDATE pictures SET sku = (sku + 1) % {SKUS}")


def swapped_labels(release: Path) -> None:
    """Of one SKU in twenty."""
    relabelled(release, "UPDATE pictures SET sku = sku + 1 WHERE sku % 40 = 0 AND id % 3 = 0")
    relabelled(release, "UPDATE pictures SET sku = sku - 1 WHERE sku % 40 = 1 AND id % 3 = 1")


def swapped_names(release: Path) -> None:
    relabelled(
        release,
        "UPDATE skus SET sku = 'x' WHERE id = 3; UPDATE skus SET sku = 'SKU-03' WHERE id = 4;"
        "UPDATE skus SET sku = 'SKU-04' WHERE id = 3",
    )


def wrong_vectors(release: Path) -> None:
    path = only(release, "vectors.npy")
    random = np.random.default_rng(1)
    np.save(path, unit(random.standard_normal(np.load(path).shape)))


def shifted_vectors(release: Path) -> None:
    path = only(release, "vectors.npy")
    np.save(path, np.roll(np.load(path), 1, axis=0))


def few_wrong_vectors(release: Path) -> None:
    path = only(release, "vectors.npy")
    vectors = np.load(path)
    vectors[::20] = -vectors[::20]
    np.save(path, vectors)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (permuted_ids, "another SKU"),
        (swapped_labels, "another SKU"),
        (swapped_names, "another SKU"),
        (wrong_vectors, "another similarity"),
        (shifted_vectors, "another SKU"),
        (few_wrong_vectors, "another similarity"),
    ],
)
def test_a_release_that_was_spoilt_before_it_was_sealed_does_not_pass(
    models: Path, copy: Path, spoil: Callable[[Path], None], said: str
) -> None:
    assert judged(copy, models) == ""
    spoil(copy)
    resealed(copy)
    assert said in judged(copy, models)


def test_no_number_in_a_vector_is_refused_when_it_is_opened(models: Path, copy: Path) -> None:
    path = only(copy, "vectors.npy")
    vectors = np.load(path)
    vectors[100] = np.nan
    np.save(path, vectors)
    resealed(copy)
    with pytest.raises(CatalogError, match="reference 100 is not a finite vector"):
        opened(copy, models)


def test_too_slow_a_search_does_not_pass(models: Path, release: Path) -> None:
    said = judged(release, models, Limits(p95_ms_max=1e-6))
    assert "take longer than" in said
    assert judged(release, models, Limits(p95_ms_max=1e6)) == ""


def test_a_search_that_misses_too_much_does_not_pass(models: Path, release: Path) -> None:
    assert "agrees with whoever built it in" in judged(release, models, Limits(agree_min=1.01))


@pytest.mark.parametrize("name", [GATE, QUERIES])
@pytest.mark.parametrize("data", [b"", b"PK", b"\x93NUMPY nothing of the kind"])
def test_a_gate_that_cannot_be_read_does_not_pass(
    models: Path, copy: Path, name: str, data: bytes
) -> None:
    path = copy / name if name == GATE else only(copy, name)
    path.write_bytes(data)
    resealed(copy)
    assert name in judged(copy, models)


def test_a_damaged_gate_is_named(models: Path, copy: Path) -> None:
    data = bytearray((copy / GATE).read_bytes())
    data[-1] ^= 1
    (copy / GATE).write_bytes(data)
    assert "gate.npz: is damaged" in judged(copy, models)


def test_the_gate_is_asked_of_every_segment_and_stays_small(
    models: Path, copy: Path, tmp_path: Path
) -> None:
    new = made(tmp_path / "new", models, [*shelf(), Made("NEW", "0.png")], base=copy)
    asked = read_gate(tmp_path / "new", new)
    assert len(asked.queries) == SKUS * PICTURES + 1 and asked.skus[-1] == "NEW"
    assert judged(tmp_path / "new", models) == ""
    assert queries_for(100_000, first=True) == 240 and queries_for(1000, first=False) == 25
    assert queries_for(2, first=False) == 2 and queries_for(0, first=True) == 0
    gate = next(each for each in read_manifest(copy).files if each.name == GATE)
    assert gate.bytes < 4000


def test_a_release_that_lost_a_sku_of_its_gate_does_not_pass(models: Path, copy: Path) -> None:
    relabelled(copy, "UPDATE skus SET sku = 'SKU-03-NEW' WHERE sku = 'SKU-03'")
    resealed(copy)
    assert "another SKU" in judged(copy, models)


@pytest.mark.parametrize(("skus", "similarities"), [(1, 0), (0, 1), (1, 1)])
def test_a_gate_with_too_few_answers_does_not_pass(
    models: Path, copy: Path, skus: int, similarities: int
) -> None:
    with np.load(copy / GATE) as file:
        names = file["skus"].tobytes().decode().split("\n")
        near = file["similarities"]
    text = np.frombuffer("\n".join(names[skus:]).encode(), np.uint8)
    np.savez(copy / GATE, skus=text, similarities=near[similarities:])
    resealed(copy)
    assert f"answers to {len(names)} queries" in judged(copy, models)


@pytest.mark.parametrize(
    "change",
    [
        lambda queries: queries.astype(np.float32),
        lambda queries: queries[:, :-1],
        lambda queries: queries[0],
        lambda queries: queries * np.float16(np.nan),
    ],
    ids=["wider", "shorter", "one", "no numbers"],
)
def test_queries_of_another_shape_do_not_pass(
    models: Path, copy: Path, change: Callable[[NDArray[np.float16]], NDArray[np.floating]]
) -> None:
    path = only(copy, QUERIES)
    np.save(path, change(np.load(path)))
    resealed(copy)
    assert "does not fit the manifest" in judged(copy, models)
