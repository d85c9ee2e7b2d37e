# SPDX-License-Identifier: Apache-2.0
"""Toy data sets for the evaluation: items that the tiny models tell apart, listed in manifests.

What must come out is known by construction. Everything is deterministic.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tiny_models import write_models, write_picture

from tools.evaluation.answers import Answer, Reply
from tools.evaluation.manifests import Picture
from tools.evaluation.plan import Choice
from tools.evaluation.results import Run
from tools.evaluation.run import Request, evaluate

HEAD = ("path", "sku", "role", "split", "category")
ITEMS = 8
PHOTOS = 3
Rows = list[list[str]]


def write_manifest(path: Path, rows: Iterable[Sequence[str]], head: Sequence[str] = HEAD) -> Path:
    """A manifest with these rows; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def sku(item: int) -> str:
    return f"SKU-{item}"


def shop(folder: Path, items: Iterable[int] = range(ITEMS), photos: int = PHOTOS) -> Rows:
    """A reference, test photos and one train photo of each item; even and odd items differ in
    their category. Gives the rows."""
    rows: Rows = []
    for item in items:
        shots = [("reference", ""), *[("photo", "test")] * photos, ("photo", "train")]
        for shot, (role, split) in enumerate(shots):
            name = f"{item}/{shot}.png"
            write_picture(folder / name, item, shot)
            rows.append([name, sku(item), role, split, "even" if item % 2 == 0 else "odd"])
    return rows


def shuffled(rows: Rows, seed: int = 5) -> Rows:
    """The rows with the SKUs of the test photos dealt out anew."""
    asked = [k for k, row in enumerate(rows) if row[3] == "test"]
    order = np.random.default_rng(seed).permutation(asked)
    dealt = {here: rows[there][1] for here, there in zip(asked, order, strict=True)}
    return [[row[0], dealt.get(k, row[1]), *row[2:]] for k, row in enumerate(rows)]


def request(folder: Path, manifest: Path, **choice: object) -> Request:
    """A request for the tiny models, which are written into `folder` unless they are there."""
    models = folder / "models"
    if not models.exists():
        write_models(models)
    return Request(manifests=(manifest,), models=str(models), choice=replace(Choice(), **choice))  # type: ignore[arg-type]


def run(wanted: Request) -> Run:
    """The run, told to nobody."""
    return evaluate(wanted, lambda what, done, total: None)


def value(group: object, name: str) -> float:
    """The number behind a measure that must have one."""
    found = group.estimates[name].value  # type: ignore[attr-defined]
    assert found is not None
    return float(found)


def answer(
    asked: str, ranked: Sequence[str], score: float = 0.5, outcome: str = "choose", **more: object
) -> Answer:
    """An answer nobody gave."""
    picture = Picture(Path("p.png"), "p.png", asked, "photo", "test", "things", "line 1", "m.csv")
    return Answer(picture, Reply(tuple(ranked), score, outcome=outcome, **more))  # type: ignore[arg-type]
