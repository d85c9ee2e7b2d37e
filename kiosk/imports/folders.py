# SPDX-License-Identifier: Apache-2.0
"""A folder with a sub-folder of pictures for each SKU. Sorted, so that a run that goes on after an
interruption meets the same pictures in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kiosk.catalog.sources import SUFFIXES
from kiosk.errors import ImportRefused
from kiosk.imports.changes import Line, Put, Remark
from kiosk.imports.texts import picture_name, sku


def read_folders(root: Path) -> Iterator[Line]:
    """A line for each picture, numbered in order, and one for each SKU folder without any.

    Raises OSError.
    """
    number = 0
    for folder in visible(root):
        if not (root / folder).is_dir():
            continue
        number += 1
        try:
            product = sku(folder)
        except ImportRefused as error:
            yield Line(folder, number, failure=Remark(error.code, str(error)))
            continue
        pictures, nested = _contents(root / folder)
        reason = f"{folder}/{nested} is a folder with pictures" if nested else ""
        remarks = (Remark("NestedFolder", reason),) if nested else ()
        if not pictures:
            failure = Remark("NoPictures", reason or f"the folder {folder} holds no picture")
            yield Line(folder, number, failure=failure)
        for place, name in enumerate(pictures):
            number += place > 0
            path = f"{folder}/{name}"
            put = Put(product, picture_name(name), path)
            yield Line(path, number, (put,), remarks=remarks if place == 0 else ())


def is_picture(path: Path) -> bool:
    """Called like a picture, and no folder."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def holds_pictures(path: Path) -> bool:
    """A folder with a picture in it."""
    return path.is_dir() and any(is_picture(path / name) for name in visible(path))


def visible(folder: Path) -> list[str]:
    """Names in order, as texts: there may be a million."""
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if not name.startswith("."))


def _contents(folder: Path) -> tuple[list[str], str]:
    """Names of pictures, and of one folder with pictures; empty when there is none."""
    pictures, nested = [], ""
    for name in visible(folder):
        if is_picture(folder / name):
            pictures.append(name)
        elif not nested and holds_pictures(folder / name):
            nested = name
    return pictures, nested
