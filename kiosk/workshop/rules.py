# SPDX-License-Identifier: Apache-2.0
"""What a batch of changes makes of a workshop: the one rule of all databases, without IO.

A database fetches what the batch touches (`touched`), asks `settle`, and writes what that says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kiosk.errors import BusyError, WorkshopError
from kiosk.imports.categories import shared_number
from kiosk.values import Record
from kiosk.workshop.changes import (
    Change,
    Picture,
    PutCategory,
    PutPicture,
    PutSku,
    RemovePicture,
    RemoveSku,
    Result,
    Sku,
)
from kiosk.workshop.limits import mistake
from kiosk.workshop.repository import ImportJob, Note, Step

Key = tuple[str, str]
"""SKU and picture name."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What has to be known of a workshop to settle a batch."""

    skus: frozenset[str]
    pictures: frozenset[Key]
    emptied: frozenset[str]
    """SKUs of which all pictures have to be known."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a workshop holds of that."""

    skus: dict[str, Sku] = field(default_factory=dict)
    pictures: dict[Key, Picture] = field(default_factory=dict)
    categories: dict[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """What is different afterwards; None: gone."""

    results: tuple[Result, ...]
    skus: dict[str, Sku | None]
    pictures: dict[Key, Picture | None]
    categories: dict[str, int | None]

    @property
    def changes_rows(self) -> bool:
        return bool(self.skus or self.pictures or self.categories)


def check(changes: Sequence[Change]) -> None:
    """Raises WorkshopError naming the first change that cannot be stored."""
    for change in changes:
        wrong = mistake(change)
        if wrong is not None:
            raise WorkshopError(f"{wrong.text} ({wrong.code}); nothing of this batch was stored")


def touched(changes: Sequence[Change]) -> Touched:
    skus: set[str] = set()
    pictures: set[Key] = set()
    emptied: set[str] = set()
    for change in changes:
        match change:
            case PutPicture(picture):
                skus.add(picture.sku)
                pictures.add((picture.sku, picture.name))
            case RemovePicture(sku, name):
                pictures.add((sku, name))
            case RemoveSku(sku):
                skus.add(sku)
                emptied.add(sku)
            case PutSku():
                skus.add(change.sku)
            case PutCategory():
                pass
    return Touched(frozenset(skus), frozenset(pictures), frozenset(emptied))


def settle(changes: Sequence[Change], known: Known) -> Settled:
    """Make the changes in their order, in memory. `known` holds what `touched` asked for.

    Raises WorkshopError when a category would get the number of another.
    """
    settled = _Settling(known).settle(changes)
    if settled.categories:
        shared = shared_number({**known.categories, **settled.categories})
        if shared:
            raise WorkshopError(
                f"{shared} (InvalidCategory); give each its own; nothing of this batch was stored"
            )
    return settled


class _Settling:
    def __init__(self, known: Known) -> None:
        self._known = known
        self._skus: dict[str, Sku | None] = dict(known.skus)
        self._pictures: dict[Key, Picture | None] = dict(known.pictures)
        self._categories = dict(known.categories)
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        for sku, name in known.pictures:
            self._names[sku].add(name)

    def settle(self, changes: Sequence[Change]) -> Settled:
        results = tuple(self._one(change) for change in changes)
        before = self._known
        return Settled(
            results,
            {k: sku for k, sku in self._skus.items() if before.skus.get(k) != sku},
            {k: pic for k, pic in self._pictures.items() if before.pictures.get(k) != pic},
            {
                name: number
                for name, number in self._categories.items()
                if name not in before.categories or before.categories[name] != number
            },
        )

    def _one(self, change: Change) -> Result:
        match change:
            case PutPicture(picture):
                return self._put_picture(picture)
            case RemovePicture(sku, name):
                return self._remove_picture((sku, name))
            case RemoveSku(sku):
                return self._remove_sku(sku)
            case PutSku():
                return self._put_sku(change)
            case PutCategory(name, number):
                there = name in self._categories
                same = there and (number is None or self._categories[name] == number)
                if not same:
                    self._categories[name] = number
                return Result.UNCHANGED if same else Result.REPLACED if there else Result.ADDED

    def _put_picture(self, picture: Picture) -> Result:
        if self._skus.get(picture.sku) is None:
            self._skus[picture.sku] = Sku(Record(picture.sku, picture.sku, ""))
        key = (picture.sku, picture.name)
        before = self._pictures.get(key)
        self._pictures[key] = picture
        self._names[picture.sku].add(picture.name)
        if before is None:
            return Result.ADDED
        return Result.UNCHANGED if before == picture else Result.REPLACED

    def _remove_picture(self, key: Key) -> Result:
        if self._pictures.get(key) is None:
            return Result.ABSENT
        self._pictures[key] = None
        self._names[key[0]].discard(key[1])
        return Result.REMOVED

    def _remove_sku(self, sku: str) -> Result:
        if self._skus.get(sku) is None:
            return Result.ABSENT
        self._skus[sku] = None
        for name in self._names.pop(sku, ()):
            self._pictures[sku, name] = None
        return Result.REMOVED

    def _put_sku(self, change: PutSku) -> Result:
        before = self._skus.get(change.sku)
        if before is not None and change.if_new:
            return Result.UNCHANGED
        after = _changed(before or Sku(Record(change.sku, change.sku, "")), change)
        self._skus[change.sku] = after
        if before is None:
            return Result.ADDED
        return Result.UNCHANGED if before == after else Result.REPLACED


def _changed(sku: Sku, change: PutSku) -> Sku:
    record = sku.record
    attributes = dict(record.attributes) | dict(change.attributes)
    barcodes = record.barcodes if change.barcodes is None else change.barcodes
    return Sku(
        Record(
            change.sku,
            record.name if change.name is None else change.name or change.sku,
            record.category if change.category is None else change.category,
            tuple(dict.fromkeys(barcodes)),
            tuple((name, value) for name, value in attributes.items() if value),
        ),
        sku.flip if change.flip is None else change.flip,
    )


def stepped(
    job: ImportJob | None, step: Step, changes: Sequence[Change], results: Sequence[Result]
) -> ImportJob:
    """The import after a batch. Raises BusyError when it is not where the step begins."""
    if job is None or job.done or job.next_line != step.from_line:
        now = "is finished" if job is None or job.done else f"is at line {job.next_line}"
        raise BusyError(
            f"another process imports the same file: the import {now}, not at line "
            f"{step.from_line}; let it finish, nothing of this batch was stored"
        )
    counts = dict(job.counts)
    for name, count in (*counted(changes, results).items(), ("failed", len(step.problems))):
        if count:
            counts[name] = counts.get(name, 0) + count
    return replace(job, next_line=step.to_line, counts=counts)


def told(note: Note, changes: Sequence[Change], results: Sequence[Result]) -> Note:
    """A note with what became of the changes it is about."""
    return replace(note, figures=note.figures + tuple(counted(changes, results).items()))


def counted(changes: Sequence[Change], results: Sequence[Result]) -> dict[str, int]:
    """How many pictures were added, replaced, …; SKUs as `sku_added` and so on, where they changed.

    Categories are not counted, nor SKUs that were named again as they are.
    """
    counts: dict[str, int] = {}
    for change, result in zip(changes, results, strict=True):
        if isinstance(change, PutCategory):
            continue
        of_sku = isinstance(change, PutSku | RemoveSku)
        if of_sku and result in (Result.UNCHANGED, Result.ABSENT):
            continue
        name = f"sku_{result.value}" if of_sku else result.value
        counts[name] = counts.get(name, 0) + 1
    return counts
