# SPDX-License-Identifier: Apache-2.0
"""A workshop written out in one of the forms that imports have, with its pictures.

Rule: what is written, imported into an empty workshop, gives an equal catalog. A form that has no
place for something is refused before anything is written. The folder appears whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from kiosk.errors import WorkshopError
from kiosk.imports import increment, product_search
from kiosk.imports.categories import Categories
from kiosk.imports.changes import NO_INTS, NO_STRINGS
from kiosk.imports.forms import CATEGORY_LIST, Form
from kiosk.imports.labels import write_labels
from kiosk.imports.lists import INT_COLUMNS, SKU_LIST, STRING_COLUMNS, write_barcodes
from kiosk.imports.regions import is_whole, to_polygon, to_text
from kiosk.imports.texts import called, is_rounded
from kiosk.workshop.changes import Picture, Sku
from kiosk.workshop.dump_folder import DumpFolder, dump_folder, is_plain_place
from kiosk.workshop.pictures import Pictures
from kiosk.workshop.repository import Reading

_LISTS = {
    Form.INCREMENT: increment.NAME,
    Form.CSV: "pictures.csv",
    Form.PRODUCT_SEARCH: "products.csv",
}
_PICTURE_COLUMNS = (
    *("file", "sku", "picture_name", "region"),
    *(*INT_COLUMNS, *STRING_COLUMNS, "custom_content"),
)
_SKU_COLUMNS = ("sku", "name", "category", "barcodes", "flip", "attributes")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Dumped:
    skus: int
    pictures: int


Progress = Callable[[int, int], None]
"""Called with the pictures written so far, and how many there are."""


def dump(
    reading: Reading,
    pictures: Pictures,
    out: Path,
    form: Form,
    progress: Progress = lambda done, total: None,
) -> Dumped:
    """Write everything to the folder `out`, which is new or empty.

    Raises WorkshopError naming what the form has no place for, ImageError for a picture that the
    workshop has lost, StateError when the disk refuses; then `out` is as it was.
    """
    categories = reading.categories()
    skus, total = reading.counts()
    _check_fits(reading, form, categories)
    # Closed before the snapshot is, whatever happens.
    with pictures.held(), closing(_joined(reading)) as found, dump_folder(out) as folder:
        writing = _Writing(folder, pictures, form, categories)
        for done, (sku, picture) in enumerate(found, 1):
            writing.put(sku, picture)
            if done % 100 == 0:
                progress(done, total)
        folder.write_rows(SKU_LIST, _SKU_COLUMNS, map(_sku_row, reading.skus()))
        if categories:
            numbers = (
                ("" if number is None else str(number), name) for name, number in categories.items()
            )
            folder.write_rows(CATEGORY_LIST, ("number", "name"), numbers)
    return Dumped(skus, total)


class _Writing:
    """Writes pictures and their rows in one form."""

    def __init__(
        self, folder: DumpFolder, pictures: Pictures, form: Form, categories: Categories
    ) -> None:
        self._folder = folder
        self._pictures = pictures
        self._form = form
        self._categories = categories
        self._list = _LISTS.get(form, "")
        if form is Form.CSV:
            folder.append_row(self._list, _PICTURE_COLUMNS)
        elif self._list:
            folder.append(self._list, "")

    def put(self, sku: Sku, picture: Picture) -> None:
        name = f"{picture.sku}/{picture.name}"
        data = self._pictures.read(picture.sha256, name)
        file = self._folder.place(picture, data)
        if self._form is Form.INCREMENT:
            line = increment.written(
                product=picture.sku,
                picture=picture.name,
                file=file,
                category=_category(sku.record.category, self._categories),
                region=to_text(picture.region) if picture.region else "",
                custom=picture.custom,
                ints=picture.ints,
                strings=picture.strings,
            )
            self._folder.append(self._list, line + "\n")
        elif self._form is Form.CSV:
            self._folder.append_row(self._list, _picture_row(picture, file))
        elif self._form is Form.PRODUCT_SEARCH:
            self._folder.append_row(self._list, _product_row(sku, picture, file))


def _joined(reading: Reading) -> Generator[tuple[Sku, Picture]]:
    """Every picture with its SKU; both come in the order of SKUs."""
    skus = reading.skus()
    for name, pictures in groupby(reading.pictures(), key=lambda picture: picture.sku):
        sku = next(each for each in skus if each.record.sku == name)
        for picture in pictures:
            yield sku, picture


def _sku_row(sku: Sku) -> tuple[str, ...]:
    record = sku.record
    flip = {None: "", True: "yes", False: "no"}[sku.flip]
    return (
        *(record.sku, record.name, record.category),
        *(write_barcodes(record.barcodes), flip, write_labels(record.attributes)),
    )


def _picture_row(picture: Picture, file: str) -> tuple[str, ...]:
    named = "" if called(file, picture.sku) == picture.name else picture.name
    return (
        *(file, picture.sku, named, to_text(picture.region) if picture.region else ""),
        *("" if number is None else str(number) for number in picture.ints),
        *(text or "" for text in picture.strings),
        picture.custom,
    )


def _product_row(sku: Sku, picture: Picture, file: str) -> tuple[str, ...]:
    record = sku.record
    labels = record.attributes
    group = product_search.SET_NAME
    if labels and labels[0][0] == product_search.SET_ATTRIBUTE and labels[0][1] != group:
        group, labels = labels[0][1], labels[1:]
    polygon = to_polygon(picture.region) if picture.region else ""
    return (
        *(file, picture.name, group, record.sku, record.category, record.name),
        *(write_labels(labels), polygon),
    )


def _category(name: str, categories: Categories) -> str | int:
    number = categories.get(name)
    return name if number is None or str(number) in categories else number


def _check_fits(reading: Reading, form: Form, categories: Categories) -> None:
    """Raises WorkshopError naming what the form has no place for."""
    wrong = _Few()
    for sku in reading.skus():
        if is_rounded(sku.record.sku):
            wrong.append(
                f"{sku.record.sku}: its SKU, as lists with a rounded number are refused (every "
                "format has a list of SKUs); add it under its whole number and remove this one"
            )
        category = sku.record.category
        if categories and category and category not in categories:
            wrong.append(f"{sku.record.sku}: its category {category!r} is not among those known")
    for picture in reading.pictures():
        lost = _without_place(picture, form)
        if lost:
            wrong.append(f"{picture.sku}: {picture.name}: {lost}")
    if wrong:
        raise WorkshopError(
            f"the format {form.value} would lose something; choose another --format, such as "
            f"{Form.INCREMENT.value}, or change:\n  - " + "\n  - ".join(wrong)
        )


class _Few(list[str]):
    """The first mistakes, and that there are more."""

    def append(self, text: str) -> None:
        if len(self) <= _SHOWN:
            super().append(text if len(self) < _SHOWN else "and more")


def _without_place(picture: Picture, form: Form) -> str:
    """What of a picture a form cannot say; empty: it says all."""
    if form in (Form.INCREMENT, Form.CSV):
        return ""
    if picture.ints != NO_INTS or picture.strings != NO_STRINGS or picture.custom:
        return "its attributes or its custom content"
    if form is Form.PRODUCT_SEARCH:
        whole = picture.region is None or is_whole(picture.region)
        return "" if whole else "its region, which is not of whole pixels"
    if picture.region is not None:
        return "its region"
    return "" if is_plain_place(picture) else "its name, or its SKU, as the name of a file"
