# SPDX-License-Identifier: Apache-2.0
"""The references of a plan become a release, built by the product's own `build`.

The pictures are laid out in a scratch folder under numbers, so that a release depends on their
bytes and SKUs only and not on where they come from; what fails is told by its manifest line.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.build import BuildOptions, PictureReport, build
from kiosk.catalog.manifest import Manifest
from kiosk.errors import ImageError
from kiosk.vision.decode import read_picture
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from tools.evaluation.answers import Progress
from tools.evaluation.manifests import Picture, Problem

LIST = "pictures.csv"


@dataclass(frozen=True, slots=True)
class Catalog:
    """A built release and what of its pictures was lost."""

    release: Path
    manifest: Manifest
    problems: tuple[Problem, ...]


def readable(pictures: Iterable[Picture]) -> tuple[list[Picture], list[Problem]]:
    """The pictures that decode, and a problem for each other one."""
    good: list[Picture] = []
    problems: list[Problem] = []
    for picture in pictures:
        try:
            read_picture(picture.path)
        except ImageError as error:
            problems.append(Problem(picture.where, f"{error} [{error.code}]"))
        else:
            good.append(picture)
    return good, problems


def built(
    references: Sequence[Picture],
    scratch: Path,
    models: tuple[Locator, Embedder],
    options: BuildOptions,
    progress: Progress,
) -> Catalog:
    """Build `scratch`/release from the references. Raises SourceError, EmbeddingError."""
    places = laid_out(references, scratch / "source")

    def tell(report: PictureReport, done: int, total: int) -> None:
        progress("catalog", done, total)

    report = build(
        scratch / "source" / LIST,
        scratch / "release",
        locator=models[0],
        embedder=models[1],
        options=options,
        progress=tell,
    )
    problems = tuple(
        Problem(places[each.name].where, f"{each.note} [{each.code}]") for each in report.failed
    )
    return Catalog(scratch / "release", report.manifest, problems)


def laid_out(references: Sequence[Picture], folder: Path) -> dict[str, Picture]:
    """Copy the pictures into `folder` with a list of them; gives the picture of each name."""
    folder.mkdir(parents=True)
    places: dict[str, Picture] = {}
    category: dict[str, str] = {}
    with (folder / LIST).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "sku", "category"])
        for number, picture in enumerate(references):
            name = f"{number:06}{picture.path.suffix.lower()}"
            shutil.copyfile(picture.path, folder / name)
            places[name] = picture
            writer.writerow([name, picture.sku, category.setdefault(picture.sku, picture.category)])
    return places
