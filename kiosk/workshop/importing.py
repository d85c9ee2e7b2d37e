# SPDX-License-Identifier: Apache-2.0
"""Imports applied to a workshop, batch by batch, each with how far it came in one transaction.

Killed at any moment and started again, an import goes on where the last batch ended: no line is
lost and none is applied twice. A line that fails is reported and leaves nothing behind; `strict`
looks at all lines first and applies none when one of them fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kiosk.errors import ImportRefused, WorkshopError
from kiosk.imports.categories import CategoryNames, shared_number
from kiosk.imports.changes import Line, Remark
from kiosk.imports.forms import Import
from kiosk.imports.pairs import PairsSeen
from kiosk.imports.texts import storable
from kiosk.workshop.changes import Change, PutCategory, PutPicture, PutSku, RemoveSku, Result
from kiosk.workshop.judging import Judge, Judged
from kiosk.workshop.line_report import (
    LineReport,
    of_applied,
    of_earlier,
    of_failed,
    of_usable,
    pairs,
)
from kiosk.workshop.picture_files import PictureFiles
from kiosk.workshop.pictures import Pictures
from kiosk.workshop.repository import ImportJob, Note, Problem, Repository, Step
from kiosk.workshop.rules import counted

LINES_AT_ONCE = 1000
BYTES_AT_ONCE = 64 * 2**20


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
"""Called for each line, in order, once it is settled."""
Progress = Callable[[int], None]
"""Called now and then with the lines done."""


@dataclass(frozen=True, slots=True)
class Importer:
    """Imports into one workshop, for one thread."""

    repository: Repository
    pictures: Pictures
    categories: Mapping[str, int | None] = field(default_factory=dict)
    """To be made known with the import, beside those of the workshop."""
    lines_at_once: int = LINES_AT_ONCE

    def look(self, found: Import, tell: Tell, progress: Progress = lambda done: None) -> Summary:
        """Judge all lines and apply none. Raises ImportRefused when it is no import, OSError."""
        judge = self.judge(found)
        position = wrong = 0
        for position, line in enumerate(found.lines(), 1):
            judged = judge.judge(position, line, keep=False)
            failure = judged.failure
            wrong += failure is not None
            usable = of_usable(position, judged.line)
            tell(of_failed(position, line, failure) if failure else usable)
            if position % self.lines_at_once == 0:
                judge.release()
                progress(position)
        return Summary(position, {"failed": wrong} if wrong else {}, applied=False)

    def run(
        self,
        found: Import,
        about: str,
        tell: Tell,
        progress: Progress = lambda done: None,
        *,
        strict: bool = False,
    ) -> Summary:
        """Import all lines; `about` is for the history.

        Raises ImportRefused when it is no import at all, BusyError when another process imports the
        same, StateError when the disk refuses, WorkshopError, OSError; the same call goes on then.
        """
        about = storable(about)
        job = self.repository.begin_import(found.key(), about)
        if strict and job.next_line == 1:
            looked = self.look(found, lambda report: None, progress)
            if looked.failed:
                return self.look(found, tell, progress)
        running = _Running(self, found, job, tell, progress)
        try:
            return running.run(about, strict=strict)
        except BaseException:
            self.pictures.forget()
            raise

    def judge(self, found: Import) -> Judge:
        """For the lines of this import. Raises ImportRefused when its list of categories does not
        go with those that the workshop knows.
        """
        with self.repository.reading() as reading:
            known = {**reading.categories(), **self.categories}
        shared = shared_number(known) if self.categories else ""
        if shared:
            raise ImportRefused("InvalidCategory", f"{shared}, here or in the workshop")
        return Judge(PictureFiles(found.roots, self.pictures), CategoryNames(known))


class _Running:
    """One import on its way."""

    def __init__(
        self, importer: Importer, found: Import, job: ImportJob, tell: Tell, progress: Progress
    ) -> None:
        self._importer = importer
        self._found = found
        self._job = job
        self._tell = tell
        self._progress = progress
        self._judge = importer.judge(found)
        self._next = job.next_line
        self._counts = dict(job.counts)
        self._seen = PairsSeen()
        self._batch: list[Judged] = []
        self._bytes = 0

    def run(self, about: str, *, strict: bool) -> Summary:
        importer, job = self._importer, self._job
        earlier = {each.line: each for each in importer.repository.problems(job.job_id)}
        position = 0
        for position, line in enumerate(self._found.lines(), 1):
            if position < job.next_line:
                self._skip(position, line, earlier.get(position))
                continue
            judged = self._judge.judge(position, line, keep=True)
            if strict and judged.failure is not None:
                raise WorkshopError(
                    f"{line.source} line {line.number}: {judged.failure.reason}. It was usable "
                    "when all lines were looked at; run the same command again"
                )
            self._batch.append(judged)
            self._bytes += judged.bytes
            if len(self._batch) >= importer.lines_at_once or self._bytes >= BYTES_AT_ONCE:
                self._commit()
        if self._batch or importer.categories:
            self._commit()
        note = Note("import", about, figures=tuple(self._counts.items()))
        importer.repository.finish_import(job.job_id, note)
        return Summary(position, self._counts, applied=True, went_on_from=job.next_line)

    def _skip(self, position: int, line: Line, problem: Problem | None) -> None:
        """A line that an earlier run has done."""
        for pair in pairs(line):
            self._seen.perhaps(*pair)
        if problem is None:
            self._judge.skip(line)
            self._tell(of_earlier(position, line))
        else:
            remark = Remark(problem.code, problem.text)
            self._tell(of_failed(position, line, remark, earlier=True))

    def _commit(self) -> None:
        """Pictures first, then their rows with how far the import came, then who is told."""
        batch, self._batch, self._bytes = self._batch, [], 0
        told, changes = _joined(batch)
        made: list[Change] = [PutCategory(*each) for each in self._importer.categories.items()]
        until = batch[-1].position + 1 if batch else self._next
        problems = tuple(
            Problem(judged.position, judged.failure.code, storable(judged.failure.reason))
            for judged in batch
            if judged.failure is not None
        )
        self._importer.pictures.settle()
        step = Step(self._job.job_id, self._next, until, problems)
        results = self._importer.repository.apply([*made, *changes], step=step)[len(made) :]
        self._judge.release()
        self._next = until
        for name, count in (*counted(changes, results).items(), ("failed", len(problems))):
            if count:
                self._counts[name] = self._counts.get(name, 0) + count
        at = 0
        for judged in told:
            end = at + len(judged.changes)
            self._tell(self._report(judged, results[at:end]))
            at = end
        self._progress(until - 1)

    def _report(self, judged: Judged, results: Sequence[Result]) -> LineReport:
        if judged.failure is not None:
            return of_failed(judged.position, judged.line, judged.failure)
        remarks = []
        for change, result in zip(judged.changes, results, strict=True):
            if not isinstance(change, PutPicture):
                continue
            sku, name = change.picture.sku, change.picture.name
            # "Perhaps" may be wrong; that the picture was there already is known for sure.
            if self._seen.perhaps(sku, name) and result is not Result.ADDED:
                reason = f"{name} of {sku} stands in an earlier line"
                remarks.append(Remark("Duplicate", reason))
        return of_applied(judged, results, tuple(remarks))


def _joined(batch: Sequence[Judged]) -> tuple[list[Judged], list[Change]]:
    """All changes in order, the same said of a SKU again left out; and whose they are."""
    said: dict[str, PutSku] = {}
    told, changes = [], []
    for judged in batch:
        own = []
        for change in judged.changes:
            if isinstance(change, RemoveSku):
                said.pop(change.sku, None)
            if isinstance(change, PutSku):
                if said.get(change.sku) == change:
                    continue
                said[change.sku] = change
            own.append(change)
        told.append(
            judged if len(own) == len(judged.changes) else replace(judged, changes=tuple(own))
        )
        changes += own
    return told, changes
