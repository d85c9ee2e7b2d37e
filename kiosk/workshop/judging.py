# SPDX-License-Identifier: Apache-2.0
"""Lines of an import as changes of a workshop: each line wholly usable, or failed with one code.

Nothing is written here but the bytes of pictures, which no row names yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kiosk.errors import ImportRefused
from kiosk.imports import changes as asked
from kiosk.imports.categories import CategoryNames
from kiosk.imports.changes import NOTHING, Line, Put, Remark
from kiosk.imports.regions import placed
from kiosk.workshop.changes import (
    Change,
    Picture,
    PutPicture,
    PutSku,
    RemovePicture,
    RemoveSku,
)
from kiosk.workshop.limits import mistake
from kiosk.workshop.picture_files import PictureFiles
from kiosk.workshop.said import SaidOfSkus


@dataclass(frozen=True, slots=True)
class Judged:
    """A line that can be applied, or why it cannot be (then it has no changes)."""

    position: int
    """Its place among all lines of the import, from 1."""
    line: Line
    changes: tuple[Change, ...] = ()
    failure: Remark | None = None
    bytes: int = 0
    """Of its pictures, as far as they were new."""


class Judge:
    """Judges lines in their order."""

    def __init__(self, files: PictureFiles, categories: CategoryNames) -> None:
        self._files = files
        self._categories = categories
        self._said_before = SaidOfSkus()

    def judge(self, position: int, line: Line, *, keep: bool) -> Judged:
        """`keep`: hand its pictures to the workshop. The line gets a remark when it says of a SKU
        what an earlier one contradicts. Raises StateError when the disk refuses.
        """
        if line.failure is not None:
            return Judged(position, line, failure=line.failure)
        try:
            changes = tuple(change for each in line.changes for change in self._made(each))
            _check(changes)
            size = self._kept(line) if keep else 0
        except ImportRefused as error:
            return Judged(position, line, failure=Remark(error.code, str(error)))
        remarks = self._said_before.contradictions(line.source, changes)
        told = replace(line, remarks=line.remarks + remarks) if remarks else line
        return Judged(position, told, changes, bytes=size)

    def skip(self, line: Line) -> None:
        """Only bear in mind what a line has said that was applied by an earlier run."""
        try:
            said = tuple(put for each in line.changes for put in self._of_sku(each))
        except ImportRefused:  # its category is none any more: nothing to compare with
            return
        self._said_before.contradictions(line.source, said)

    def release(self) -> None:
        """Let go of the bytes of pictures, as they are stored now."""
        self._files.release()

    def _made(self, change: asked.Change) -> tuple[Change, ...]:
        said = self._of_sku(change)
        if isinstance(change, asked.Remove) and change.picture is not None:
            return (RemovePicture(change.sku, change.picture),)
        return (*said, PutPicture(self._picture(change))) if isinstance(change, Put) else said

    def _of_sku(self, change: asked.Change) -> tuple[Change, ...]:
        """What a change says of the SKU itself."""
        if isinstance(change, asked.Remove):
            return (RemoveSku(change.sku),) if change.picture is None else ()
        return () if change.about == NOTHING else (self._said(change.sku, change.about),)

    def _said(self, sku: str, about: asked.About) -> PutSku:
        category = about.category and self._categories.name(about.category)
        barcodes = about.barcodes or None
        return PutSku(
            sku, about.name, category, barcodes, about.attributes, about.flip, about.if_new
        )

    def _picture(self, put: Put) -> Picture:
        seen = self._files.look(put.file, sized=put.region is not None)
        region = None
        if put.region is not None and seen.size is not None:
            region = placed(put.region, *seen.size)
        return Picture(put.sku, put.picture, seen.sha256, region, put.custom, put.ints, put.strings)

    def _kept(self, line: Line) -> int:
        return sum(
            self._files.keep(change.file, self._files.look(change.file, sized=False).sha256)
            for change in line.changes
            if isinstance(change, Put)
        )


def _check(changes: tuple[Change, ...]) -> None:
    for change in changes:
        wrong = mistake(change)
        if wrong is not None:
            raise ImportRefused(wrong.code, wrong.text)
