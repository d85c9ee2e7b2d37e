# SPDX-License-Identifier: Apache-2.0
"""Workshops and small pictures for the tests of imports, and what a workshop holds as a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kiosk.imports.forms import Form, find
from kiosk.workshop.changes import Change, Picture, Sku
from kiosk.workshop.folder import Workshop, init, is_workshop, workshop
from kiosk.workshop.importing import Importer, Summary
from kiosk.workshop.line_report import LineReport

WIDTH, HEIGHT = 60, 40


def draw(path: Path, number: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """A picture whose bytes depend on `number`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[9, :16] = np.array([255 * (number >> bit & 1) for bit in range(16)])[:, None]
    written, data = cv2.imencode(".png", pixels)
    assert written
    path.write_bytes(data.tobytes())
    return path


def meta(root: Path, *objects: dict[str, Any] | str) -> Path:
    """increment.meta in `root`."""
    rows = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in objects]
    (root / "increment.meta").write_text("\n".join(rows), encoding="utf-8")
    return root


def add(sku: str, name: str, **more: object) -> dict[str, Any]:
    return {"OperationType": "ADD", "ProductId": sku, "PicName": name, **more}


@contextmanager
def shop(folder: Path, *changes: Change) -> Iterator[Workshop]:
    """The workshop in `folder`, made when there is none."""
    if not is_workshop(folder):
        init(folder)
    with workshop(folder) as opened:
        opened.repository.apply(changes)
        yield opened


def imported(
    folder: Path, source: Path, form: Form | None = None, *, strict: bool = False, **more: Any
) -> tuple[list[LineReport], Summary]:
    """What became of each line, and of all."""
    told: list[LineReport] = []
    with shop(folder) as opened:
        importer = Importer(opened.repository, opened.pictures, **more)
        summary = importer.run(find(source, form), "test", told.append, strict=strict)
    assert [report.position for report in told] == list(range(1, summary.lines + 1))
    return told, summary


Contents = tuple[tuple[Sku, ...], tuple[Picture, ...], dict[str, int | None]]


def contents(folder: Path) -> Contents:
    """All rows of a workshop; every picture that they name is there, byte for byte."""
    with shop(folder) as opened, opened.repository.reading() as reading:
        pictures = tuple(reading.pictures())
        for digest in {picture.sha256 for picture in pictures}:
            opened.pictures.read(digest, digest)
        return tuple(reading.skus()), pictures, reading.categories()


def files(folder: Path) -> set[str]:
    """The pictures that lie in a workshop, by sha256; scratch files too."""
    return {path.name for path in picture_files(folder / "pictures")}


def picture_files(folder: Path) -> list[Path]:
    """What lies in a folder of pictures, but for the lock and whose they are."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if path.name != ".lock" and path.parent.name != ".catalogs"]
