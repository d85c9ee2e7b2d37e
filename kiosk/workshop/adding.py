# SPDX-License-Identifier: Apache-2.0
"""Adding pictures of one SKU by hand: each is checked and told, the good ones are stored at once.

A picture that cannot be used is left out; when none can, nothing is changed at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kiosk.errors import ImageError
from kiosk.vision.decode import read_bytes
from kiosk.workshop.changes import Picture, PutPicture, PutSku, Result
from kiosk.workshop.folder import Workshop
from kiosk.workshop.limits import mistake, outside
from kiosk.workshop.pictures import checked_picture
from kiosk.workshop.repository import Note


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of one picture; its SKU, when `name` is empty."""

    name: str
    code: str
    """Why it failed: an ImageError code or one of `kiosk.workshop.limits`. Empty: it is stored."""
    note: str
    """The reason, or the `Result` in words."""


def add(shop: Workshop, put: PutSku, files: Sequence[Path], like: Picture) -> list[AddReport]:
    """Store a SKU and pictures of it, called by their file names; `like` holds what all of these
    have alike (region, custom content, numbers, texts).

    Raises WorkshopError when what is said of the SKU cannot be stored, StateError when the disk
    refuses; then nothing is stored.
    """
    reports: dict[str, AddReport] = {}
    good: dict[str, PutPicture] = {}
    try:
        for file in files:
            name = file.name
            try:
                if name in reports:
                    raise ImageError("Duplicate", f"{file}: another picture is called {name} too")
                good[name] = _checked(shop, file, replace(like, sku=put.sku, name=name))
                reports[name] = AddReport(name, "", "")
            except ImageError as error:
                key = name if name not in reports else str(file)
                reports[key] = AddReport(key, error.code, str(error))
        if files and not good:
            return list(reports.values())
        shop.pictures.settle()
    except BaseException:
        shop.pictures.forget()
        raise
    about = f"{put.sku}: {len(good)} pictures" if files else put.sku
    results = shop.repository.apply([put, *good.values()], note=Note("add", about))
    for name, result in zip(good, results[1:], strict=True):
        reports[name] = AddReport(name, "", result.value)
    head = [] if results[0] is Result.UNCHANGED else [AddReport("", "", results[0].value)]
    return [*head, *reports.values()]


def _checked(shop: Workshop, file: Path, like: Picture) -> PutPicture:
    """The change that stores a picture, whose bytes are kept. Raises ImageError."""
    data = read_bytes(file, str(file))
    seen = checked_picture(data, str(file))
    change = PutPicture(replace(like, sha256=seen.sha256))
    wrong = mistake(change)
    if wrong is None and like.region is not None:
        wrong = outside(like.region, seen.width, seen.height)
    if wrong is not None:
        raise ImageError(wrong.code, f"{file}: {wrong.text}")
    shop.pictures.keep(data, seen.sha256)
    return change
