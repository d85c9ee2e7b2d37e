# SPDX-License-Identifier: Apache-2.0
"""Imports applied to a workshop, batch by batch, each with how far it came in one transaction.

Killed at any moment and started again, an import goes on where the last batch ended: no line is
lost and none is applied twice. A line that fails is reported and leaves nothing behind; `strict`
looks at all lines first and applies none when one of them fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kiosk.imports.categories import CategoryNames
from kiosk.imports.changes import Remark
from kiosk.imports.forms import Import
from kiosk.workshop.judging import Judge
from kiosk.workshop.picture_files import PictureFiles
from kiosk.workshop.pictures import Pictures
from kiosk.workshop.repository import Repository

LINES_AT_ONCE = 1000
BYTES_AT_ONCE = 64 * 2**20


@dataclass(frozen=True, slots=True)
class LineReport:
    """What became of one line."""

    position: int
    """Its place among all lines of the import, from 1."""
    source: str
    number: int
    """Line of that file."""
    sku: str = ""
    results: tuple[str, ...] = ()
    """For each of its pictures `added`, `replaced`, `unchanged`, `removed` or `absent`; `described`
    for a line about a SKU; `usable` when nothing was to be applied; `applied` when an earlier run
    did it that could not say more."""
    pictures: tuple[str, ...] = ()
    code: str = ""
    """Why it failed; empty: it did not."""
    reason: str = ""
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of an import."""

    lines: int
    counts: dict[str, int]
    """Pictures by result, SKUs as `sku_added` and so on, and lines that `failed`; with what an
    interrupted run had done before."""
    applied: bool
    """False: only looked at, or refused as a whole."""
    went_on_from: int = 1
    """The first line that was not done before."""

    @property
    def failed(self) -> int:
        return self.counts.get("failed", 0)


Tell = Callable[[LineReport], None]
"""Called for each line, in order."""
Progress = Callable[[int], None]
"""Called now and then with the lines done."""


@dataclass
class Importer:
    """Imports into one workshop, for one thread."""

    repository: Repository
    pictures: Pictures
    categories: Mapping[str, int | None] = field(default_factory=dict)
    """To be made known with the import, beside those of the workshop."""
    lines_at_once: int = LINES_AT_ONCE

    def run(
        self,
        found: Import,
        about: str,
        tell: Tell,
        progress: Progress = lambda done: None,
        *,
        strict: bool = False,
        dry_run: bool = False,
    ) -> Summary:
        """Import all lines; `about` is for the history.

        Raises ImportRefused when it is no import at all, BusyError when another process imports the
        same, StateError when the disk refuses, WorkshopError, OSError; the same call goes on then.
        """
        if dry_run:
            return self._looked_at(found, tell, progress)
        job = self.repository.begin_import(found.key(), about)
        if strict and job.next_line == 1:
            failures: list[LineReport] = []
            looked = self._looked_at(found, failures.append, progress, only_failures=True)
            if looked.failed:
                return self._looked_at(found, tell, progress)
        return self._applied(found, job, about, tell, progress, strict)

    def _judge(self, found: Import, kept: Pictures) -> Judge:
        with self.repository.reading() as reading:
            known = {**reading.categories(), **self.categories}
        return Judge(PictureFiles(found.roots, kept), CategoryNames(known))
