# SPDX-License-Identifier: Apache-2.0
"""A pool of processes on this machine: one picture each at a time, whoever dies is replaced.

A process of its own for each worker, with its own connection, so that it is always known which
picture was in which one: a picture that kills its workers is given up, and no other one with it.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from kiosk.catalog.engines.jobs import MOST_DEATHS, Job, Outcome, died
from kiosk.catalog.engines.recipe import Recipe
from kiosk.catalog.engines.worker import Ready, Refused, Word, serve
from kiosk.errors import EngineError

MOST_WORKERS = 256
MOST_FALSE_STARTS = 3
"""Workers in a row that may die before they are ready."""
_END_S = 5.0


@dataclass(slots=True, eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    ready: bool = False
    job: Job | None = None


@dataclass(slots=True)
class Pool:
    """Computes jobs in `workers` processes. They start when the first job comes."""

    recipe: Recipe
    workers: int
    _crew: list[_Worker] = field(default_factory=list)
    _again: list[Job] = field(default_factory=list)
    """Jobs whose worker died."""
    _deaths: dict[int, int] = field(default_factory=dict)
    _false_starts: int = 0

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome]:
        """See `Engine.run`."""
        source = iter(jobs)
        try:
            while self._feed(source):
                yield from self._heard()
        finally:
            self._stop()

    def _feed(self, source: Iterator[Job]) -> bool:
        """Give each worker that has none a job; False when nothing is left to wait for."""
        # A worker that is still starting holds a job too: jobs are read only as fast as needed.
        while len(self._crew) < self.workers and (job := self._next(source)) is not None:
            self._crew.append(self._started(job))
        for worker in self._crew:
            if worker.job is None and (job := self._next(source)) is not None:
                self._give(worker, job)
        return any(worker.job is not None for worker in self._crew) or bool(self._again)

    def _next(self, source: Iterator[Job]) -> Job | None:
        return self._again.pop(0) if self._again else next(source, None)

    def _started(self, job: Job) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self.recipe), daemon=True)
        with _undisturbed():
            process.start()
        theirs.close()
        return _Worker(process, ours, job=job)

    def _give(self, worker: _Worker, job: Job) -> None:
        worker.job = job
        with suppress(OSError):  # it died: `_heard` finds out
            worker.connection.send([job])

    def _heard(self) -> Iterator[Outcome]:
        """Wait until somebody says something or dies; the outcomes that came."""
        by_connection = {worker.connection: worker for worker in self._crew}
        for connection in wait(list(by_connection)):
            worker = by_connection[connection]  # type: ignore[index]  # `wait` gives what it got
            try:
                word: Word = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._buried(worker)
                continue
            if isinstance(word, Refused):
                raise EngineError(word.reason)
            if isinstance(word, Ready):
                worker.ready, self._false_starts = True, 0
                if worker.job is not None:
                    self._give(worker, worker.job)
                continue
            worker.job = None
            yield from word

    def _buried(self, worker: _Worker) -> Iterator[Outcome]:
        """Note that a worker is dead; its job goes to another one, unless it is to blame."""
        self._crew.remove(worker)
        worker.connection.close()
        worker.process.join()
        job = worker.job
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts >= MOST_FALSE_STARTS:
                raise EngineError(
                    f"{MOST_FALSE_STARTS} worker processes ended before they were ready (exit code "
                    f"{worker.process.exitcode}): free memory or give fewer --workers; what is "
                    "done is kept"
                )
        elif job is not None:
            self._deaths[job.number] = self._deaths.get(job.number, 0) + 1
            if self._deaths[job.number] >= MOST_DEATHS:
                yield died(job)
                return
        if job is not None:
            self._again.append(job)

    def _stop(self) -> None:
        for worker in self._crew:
            worker.connection.close()  # an idle one ends by itself
            worker.process.terminate()
        for worker in self._crew:
            worker.process.join(_END_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()
        self._crew.clear()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """What is started in here does not get the Ctrl-C that is meant for the build."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
