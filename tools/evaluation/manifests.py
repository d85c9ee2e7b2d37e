# SPDX-License-Identifier: Apache-2.0
"""Manifests of photos: `path,sku,role,split,category`, other columns ignored.

A list that contradicts itself is refused with all its mistakes at once. A picture that is missing
is a problem of its line: it is told, and everything else goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.tables import Row, is_plain, read_table, sku_id
from kiosk.errors import SourceError

COLUMNS = ("path", "sku", "role", "split", "category")
REFERENCE, PHOTO, UNKNOWN = "reference", "photo", "unknown"
NO_CATEGORY = "(none)"
_SHOWN_MISTAKES = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """One row of a manifest."""

    path: Path
    name: str
    """The path as the manifest writes it."""
    sku: str
    role: str
    split: str
    category: str
    where: str
    """Manifest and line, for messages."""
    source: str
    """Which manifest: folder and file name."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A row, picture or SKU that could not be used, and why."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What manifests gave."""

    pictures: tuple[Picture, ...]
    problems: tuple[Problem, ...]


def read_manifests(paths: Iterable[Path]) -> Reading:
    """All rows of all manifests, in order; rows whose picture is missing are problems.

    Raises SourceError, with every mistake of every manifest, when one cannot be used.
    """
    pictures: list[Picture] = []
    problems: list[Problem] = []
    mistakes: list[str] = []
    for path in paths:
        try:
            found, missing = _read(path)
        except SourceError as error:
            mistakes.append(str(error))
            continue
        pictures += found
        problems += missing
    if mistakes:
        raise SourceError("\n".join(mistakes))
    return Reading(tuple(pictures), tuple(problems))


def _read(path: Path) -> tuple[list[Picture], list[Problem]]:
    table = read_table(path)
    lacking = [column for column in COLUMNS if column not in table.columns]
    if lacking:
        raise SourceError(
            f"{path}: lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}; a manifest "
            f"needs {','.join(COLUMNS)}"
        )
    if not table.rows:
        raise SourceError(f"{path}: has a header and no rows; list the pictures")
    mistakes: list[str] = []
    pictures: dict[str, Picture] = {}
    for row in table.rows:
        where = f"{path.name} line {row.line}"
        try:
            picture = _picture(row, path, where)
        except ValueError as error:
            mistakes.append(f"{where}: {error}")
            continue
        other = pictures.setdefault(picture.name, picture)
        if (other.sku, other.role) != (picture.sku, picture.role):
            mistakes.append(
                f"{where}: {picture.name!r} is a {other.role} of {other.sku!r} in {other.where}; "
                "a picture has one row"
            )
    if mistakes:
        shown = mistakes[:_SHOWN_MISTAKES]
        if len(mistakes) > len(shown):
            shown.append(f"and {len(mistakes) - len(shown)} more")
        raise SourceError(f"{path}: cannot be used:\n  - " + "\n  - ".join(shown))
    there = {name: picture.path.is_file() for name, picture in pictures.items()}
    missing = [
        Problem(picture.where, f"{picture.path} is not there; copy the picture or drop the line")
        for name, picture in pictures.items()
        if not there[name]
    ]
    return [picture for name, picture in pictures.items() if there[name]], missing


def _picture(row: Row, manifest: Path, where: str) -> Picture:
    """Raises ValueError saying what the row lacks."""
    values = row.values
    lacking = [column for column in ("path", "role") if column not in values]
    if lacking:
        raise ValueError(f"needs a {' and a '.join(lacking)}")
    for column in COLUMNS:
        if not is_plain(values.get(column, "")):
            raise ValueError(f"its {column} {values[column]!r} is not plain text")
    role = values["role"].lower()
    if role == UNKNOWN and "sku" not in values:
        sku = values["path"]  # an item of its own, in no catalog
    else:
        sku = sku_id(values.get("sku", ""))
    return Picture(
        path=manifest.parent / values["path"],
        name=values["path"],
        sku=sku,
        role=role,
        split=values.get("split", ""),
        category=values.get("category", NO_CATEGORY),
        where=where,
        source=f"{manifest.resolve().parent.name}/{manifest.name}",
    )
