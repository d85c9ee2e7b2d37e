# SPDX-License-Identifier: Apache-2.0
"""Many releases of the same pictures: real ones, built by the product, each picture enrolled once.

A build resumes what its workplace holds. So the results of every build are kept, and the next one
begins with them: a catalog of half the SKUs, or one calibrated for another risk, is put together in
seconds. A release is kept too, under a name of all that shapes it, the product's code included.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from kiosk.catalog import manifest as manifests
from kiosk.catalog.build import BuildOptions, PictureReport, build
from kiosk.durable import sha256_of
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from tools.evaluation.answers import Progress
from tools.evaluation.catalog import LIST, laid_out
from tools.evaluation.manifests import Picture, Problem
from tools.evaluation.sights import PRODUCT, Eyes, code_of

_WORK = "work.sqlite"
"""Where a build keeps its results, in its workplace."""


class Releases:
    """Builds releases into a folder and finds them there again."""

    def __init__(self, folder: Path, models: tuple[Locator, Embedder], progress: Progress) -> None:
        self._folder = folder
        self._models = models
        self._progress = progress
        looking = Eyes(models).name
        self._code = _named(
            looking,
            *(code_of(PRODUCT / name) for name in ("catalog", "verify")),
            code_of(PRODUCT / "decide", "rule"),
            code_of(PRODUCT / "vision", "augment"),
            *(sha256_of(path) for path in sorted(models[1].card.path.parent.glob("strangers*"))),
        )
        work = _named(
            looking,
            code_of(PRODUCT / "catalog", "enrol", "work"),
            code_of(PRODUCT / "vision", "augment"),
        )
        self._enrolled = folder / f"enrolled-{work}.sqlite"
        self.problems: list[Problem] = []
        folder.mkdir(parents=True, exist_ok=True)

    def of(self, references: Sequence[Picture], risk: float) -> Path:
        """The release of these pictures, calibrated for this wrong-accept rate; built if need be.

        Raises SourceError, EmbeddingError.
        """
        rows = [f"{each.sku}\t{each.category}\t{sha256_of(each.path)}" for each in references]
        out = self._folder / _named(self._code, repr(risk), *rows)
        if not (out / manifests.NAME).is_file():
            self._build(references, out, BuildOptions(risk=risk))
        return out

    def _build(self, references: Sequence[Picture], out: Path, options: BuildOptions) -> None:
        source = out.with_name(f"{out.name}.source")
        building = out.with_name(f".{out.name}.building")
        shutil.rmtree(source, ignore_errors=True)
        places = laid_out(references, source)
        building.mkdir(exist_ok=True)
        if self._enrolled.is_file():
            _copy(self._enrolled, building / _WORK)

        def tell(report: PictureReport, done: int, total: int) -> None:
            self._progress("catalog", done, total)
            if report.code:
                reason = f"{report.note} [{report.code}]"
                self.problems.append(Problem(places[report.name].where, reason))
            if done == total:  # all are enrolled; the build goes on and then clears up
                _copy(building / _WORK, self._enrolled)

        locator, embedder = self._models
        build(
            source / LIST, out, locator=locator, embedder=embedder, options=options, progress=tell
        )
        shutil.rmtree(source)


def _copy(here: Path, there: Path) -> None:
    """A database as it is now, whoever has it open, whole or not at all."""
    scratch = there.with_name(f"{there.name}.new")
    scratch.unlink(missing_ok=True)
    with closing(sqlite3.connect(here)) as old, closing(sqlite3.connect(scratch)) as new:
        old.backup(new)
    scratch.rename(there)


def _named(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
