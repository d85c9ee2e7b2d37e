# SPDX-License-Identifier: Apache-2.0
"""Going through the pictures of a source: what is kept already, what an engine has to compute.

Results come in any order and are kept as they come; what is told and what is enrolled is in the
order of the source, whoever computed it and however often a build was interrupted.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass

from kiosk.catalog.assemble import Enrolled
from kiosk.catalog.cache import Cache
from kiosk.catalog.engines.jobs import Engine, Job, Outcome
from kiosk.catalog.enrol import MOST_PROBED, Enrolment
from kiosk.catalog.sources import Source, SourcePicture
from kiosk.errors import EngineError, ImageError
from kiosk.values import Box
from kiosk.vision.decode import read_bytes


@dataclass(frozen=True, slots=True)
class PictureReport:
    """What became of one picture, or of one SKU folder without any."""

    name: str
    sku: str
    code: str
    """Why it failed: an ImageError code, EmbeddingFailed, WorkerDied, Changed or NoPictures.
    Empty: it is enrolled."""
    note: str
    kept: bool = False
    """Its result was there from before; nothing was computed."""


Progress = Callable[[PictureReport, int, int], None]
"""Called for each picture in order: its report, how many are done, how many there are."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A picture and the result it waits for."""

    picture: SourcePicture
    digest: str
    key: str
    probed: bool
    lasting: str
    """The key without being probed."""


@dataclass(frozen=True, slots=True)
class _Settled:
    """A picture whose fate is known: enrolled (`asked`), or failed (`code`)."""

    picture: SourcePicture
    asked: _Asked | None
    code: str
    note: str
    kept: bool = False


class Enrolling:
    """One pass over a source."""

    def __init__(
        self,
        source: Source,
        mirrored: bool,
        enrolment: Enrolment,
        cache: Cache,
        progress: Progress,
    ) -> None:
        self._source = source
        self._mirrored_by_default = mirrored
        self._enrolment = enrolment
        self._cache = cache
        self._progress = progress
        self._total = len(source.pictures) + len(source.empty)
        self._done = 0
        self._waiting: dict[int, _Asked] = {}
        self._settled: dict[int, _Settled] = {}
        self._next = 0
        self._known: dict[tuple[bool, bool], str] = {}
        self._first: dict[tuple[str, Box | None], SourcePicture] = {}
        self.enrolled: list[Enrolled] = []
        self.failed: list[PictureReport] = []
        self.kept = 0
        """Pictures whose results were there from before."""

    def run(self, engine: Engine) -> None:
        """Enrol every picture. Raises EngineError, OSError, sqlite3.Error; then what came until
        then is kept.
        """
        with closing(engine.run(self._jobs())) as outcomes:
            for outcome in outcomes:
                self._take(outcome)
        if self._waiting:
            lost = next(iter(self._waiting.values())).picture.name
            raise EngineError(
                f"{lost}: the engine gave no answer; what is done is kept, run the build again"
            )
        self._tell()
        for name in self._source.empty:
            self._report(PictureReport(name, name, "NoPictures", f"{name}: holds no picture"))

    def _jobs(self) -> Iterator[Job]:
        """What has to be computed, read as it is asked for."""
        chosen = probed_pictures(self._source.pictures)
        for number, picture in enumerate(self._source.pictures):
            try:
                job = self._job(number, picture, (picture.sku, picture.name) in chosen)
            except ImageError as error:
                self._settled[number] = _Settled(picture, None, error.code, str(error))
                job = None
            if job is None:
                self._tell()
            else:
                yield job

    def _job(self, number: int, picture: SourcePicture, probed: bool) -> Job | None:
        """The job of a picture; None when its result is kept. Raises ImageError."""
        mirrored = self._mirrored(picture.sku)
        data: bytes | None = None
        digest = picture.sha256
        if not digest:
            data = read_bytes(picture.path, picture.name)
            digest = hashlib.sha256(data).hexdigest()
        key, lasting = (
            digest + self._settings(mirrored, each, picture.region) for each in (probed, False)
        )
        asked = _Asked(picture, digest, key, probed, lasting)
        note = self._cache.note(key)
        if note is not None:
            self._settled[number] = _Settled(picture, asked, "", note, kept=True)
            return None
        if data is None:
            data = read_bytes(picture.path, picture.name)
            if hashlib.sha256(data).hexdigest() != digest:
                raise ImageError(
                    "Changed", f"{picture.name}: is not the file that was taken in; add it again"
                )
        self._waiting[number] = asked
        return Job(number, picture.name, data, mirrored, probed, picture.region)

    def _settings(self, mirrored: bool, probed: bool, region: Box | None) -> str:
        """`Enrolment.settings`; computed once for all pictures that are nothing special."""
        if region is not None:
            return self._enrolment.settings(mirrored, probed, region)
        known = self._known.get((mirrored, probed))
        if known is None:
            known = self._enrolment.settings(mirrored, probed)
            self._known[mirrored, probed] = known
        return known

    def _take(self, outcome: Outcome) -> None:
        asked = self._waiting.pop(outcome.number)
        if outcome.result is None:
            settled = _Settled(asked.picture, None, outcome.code, outcome.reason)
        else:
            self._cache.keep(asked.key, outcome.result)
            settled = _Settled(asked.picture, asked, "", outcome.result.note)
        self._settled[outcome.number] = settled
        self._tell()

    def _tell(self) -> None:
        """Everything that is settled and next in order."""
        while (settled := self._settled.pop(self._next, None)) is not None:
            self._next += 1
            self._finish(settled)

    def _finish(self, settled: _Settled) -> None:
        picture, asked = settled.picture, settled.asked
        note = settled.note
        if asked is not None:
            self.kept += settled.kept
            twin = self._first.setdefault((asked.digest, picture.region), picture)
            if twin is not picture and twin.sku == picture.sku:
                note = f"the same picture as {twin.name}, counted once"
            else:
                if twin is not picture:
                    note = f"the same picture as {twin.name} of SKU {twin.sku}"
                self.enrolled.append(_enrolled(asked))
        self._report(
            PictureReport(picture.name, picture.sku, settled.code, note, kept=settled.kept)
        )

    def _report(self, report: PictureReport) -> None:
        if report.code:
            self.failed.append(report)
        self._done += 1
        self._progress(report, self._done, self._total)

    def _mirrored(self, sku: str) -> bool:
        source = self._source
        return sku in source.flips or (self._mirrored_by_default and sku not in source.fixed)


def _enrolled(asked: _Asked) -> Enrolled:
    return Enrolled(
        asked.picture, asked.digest, asked.key, probed=asked.probed, lasting=asked.lasting
    )


def probed_pictures(pictures: Collection[SourcePicture]) -> set[tuple[str, str]]:
    """SKU and name of the pictures that the second look is measured with.

    By a hash of their names: a picture more or less moves one of them, not all, so that a rebuild
    computes what changed and no more.
    """
    names = ((each.sku, each.name) for each in pictures)
    return set(heapq.nsmallest(MOST_PROBED, names, key=_shuffled))


def _shuffled(name: tuple[str, str]) -> bytes:
    return hashlib.sha256("\0".join(name).encode("utf-8", "surrogateescape")).digest()
