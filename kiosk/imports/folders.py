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
    for folder in _visible(root):
        if not folder.is_dir():
            continue
        number += 1
        try:
            product = sku(folder.name)
        except ImportRefused as error:
            yield Line(folder.name, number, failure=Remark(error.code, str(error)))
            continue
        names = _visible(folder)
        nested = next((path for path in names if holds_pictures(path)), None)
        reason = f"{folder.name}/{nested.name} is a folder" if nested else ""
        remarks = (Remark("NestedFolder", reason),) if reason else ()
        pictures = [path.name for path in names if is_picture(path)]
        if not pictures:
            failure = Remark("NoPictures", reason or f"the folder {folder.name} holds no picture")
            yield Line(folder.name, number, failure=failure)
        for place, name in enumerate(pictures):
            number += place > 0
            path = f"{folder.name}/{name}"
            put = Put(product, picture_name(name), path)
            yield Line(path, number, (put,), remarks=remarks if place == 0 else ())


def is_picture(path: Path) -> bool:
    """Called like a picture, and no folder."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def holds_pictures(path: Path) -> bool:
    """A folder with a picture in it."""
    return path.is_dir() and any(is_picture(inner) for inner in _visible(path))


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
