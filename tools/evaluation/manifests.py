# SPDX-License-Identifier: Apache-2.0
"""Manifests of photos: `path,sku,role,split,category`, other columns ignored.

A file is one picture, however its path is written and whichever manifest lists it. A list that
contradicts itself is refused with all its mistakes at once. A picture that is missing is a problem
of its line: it is told, and everything else goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.tables import Row, is_plain, read_table, sku_id
from kiosk.errors import SourceError

COLUMNS = ("path", "sku", "role", "split", "category")
REFERENCE, PHOTO, UNKNOWN, RENDER = "reference", "photo", "unknown", "render"
ROLES = (REFERENCE, PHOTO, UNKNOWN, RENDER)
"""What a row can be. A `render` trains models: it is read and neither enrolled nor asked."""
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

    @property
    def file(self) -> Path:
        """The one true path: equal for `x.png`, `./x.png`, `../here/x.png` and links to it."""
        return Path(os.path.realpath(self.path))  # unlike resolve(), takes links in a ring


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
    first: dict[Path, Picture] = {}
    for path in paths:
        try:
            found, missing = _read(path)
        except SourceError as error:
            mistakes.append(str(error))
            continue
        for picture in found:
            other = first.setdefault(picture.file, picture)
            if other.sku != picture.sku and {other.role, picture.role} != {UNKNOWN}:
                mistakes.append(f"{picture.source}: {_contradiction(picture, other)}")
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
    pictures: dict[Path, Picture] = {}
    for row in table.rows:
        where = f"{path.name} line {row.line}"
        try:
            picture = _picture(row, path, where)
        except ValueError as error:
            mistakes.append(f"{where}: {error}")
            continue
        other = pictures.setdefault(picture.file, picture)
        if (other.sku, other.role) != (picture.sku, picture.role):
            mistakes.append(_contradiction(picture, other))
    if mistakes:
        shown = mistakes[:_SHOWN_MISTAKES]
        if len(mistakes) > len(shown):
            shown.append(f"and {len(mistakes) - len(shown)} more")
        raise SourceError(f"{path}: cannot be used:\n  - " + "\n  - ".join(shown))
    there = {file: picture for file, picture in pictures.items() if file.is_file()}
    missing = [
        Problem(picture.where, f"{picture.path} is not there; copy the picture or drop the line")
        for file, picture in pictures.items()
        if file not in there
    ]
    return list(there.values()), missing


def _contradiction(picture: Picture, other: Picture) -> str:
    return (
        f"{picture.where}: {picture.name!r} is a {other.role} of {other.sku!r} in {other.where}; "
        "a picture has one row"
    )


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
    if role not in ROLES:
        raise ValueError(f"its role {values['role']!r} is none of {', '.join(ROLES)}")
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
