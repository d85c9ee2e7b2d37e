# SPDX-License-Identifier: Apache-2.0
"""A Dask cluster: the same jobs on other machines, a few at a time, whoever dies is replaced.

Workers need this version of the kiosk and nothing else: the models travel with the build, once per
worker, and pictures as bytes. A job holds all it depends on, so the scheduler may give it to
another worker, and what comes twice is the same.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass

from distributed import Client, Future, KilledWorker, get_worker, wait
from distributed.comm.core import CommClosedError

from kiosk.catalog.engines.jobs import Job, Outcome, Say, died, embed, silent
from kiosk.catalog.engines.outfit import Outfit
from kiosk.catalog.engines.recipe import Recipe
from kiosk.errors import EngineError, KioskError, UsageError

SCHEMES = {"dask://": "tcp://", "dask+tls://": "tls://"}
CONNECT_S = 15.0
LOOK_S = 3.0
"""Without any answer for as long, it is asked whether there is a worker at all."""
MOST_PICTURES, MOST_BYTES = 4, 4 * 1024 * 1024
"""Of one batch."""
BATCHES_AHEAD = 2
"""Batches that each thread of the cluster is given beyond the one it computes."""
Answer = list[Outcome] | str
"""The outcomes of a batch, or why a worker cannot compute."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Computes jobs on the cluster of the scheduler at `dask://HOST:PORT`."""

    recipe: Recipe
    address: str
    say: Say = silent
    """Told when no worker is left, and when work goes on."""

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome]:
        """See `Engine.run`. Nobody is asked before the first job comes."""
        source = iter(jobs)
        first = next(source, None)
        if first is None:
            return
        client = self._connected()
        try:
            batches = _batches(itertools.chain([first], source))
            watch = _Watch(client, self.address, self._theirs, self.say)
            yield from _Round(client, Outfit.of(self.recipe), batches, watch).outcomes()
        except (CommClosedError, CancelledError, asyncio.CancelledError, TimeoutError) as error:
            raise EngineError(
                f"{self.address}: the cluster was lost ({str(error) or type(error).__name__}); "
                "what is done is kept: start it and run the same command again"
            ) from error
        finally:
            client.close(timeout=CONNECT_S)

    @property
    def _theirs(self) -> str:
        """What Dask calls the scheduler. Raises UsageError for another address."""
        scheme, separator, rest = self.address.partition("://")
        theirs = SCHEMES.get(scheme + separator)
        if theirs is None or not rest:
            raise UsageError(f"--engine {self.address}: give dask://HOST:PORT of a Dask scheduler")
        return theirs + rest

    def _connected(self) -> Client:
        """Raises EngineError when nobody answers there, UsageError for another address."""
        theirs = self._theirs
        try:
            client = Client(theirs, timeout=CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineError(
                f"{self.address}: no Dask scheduler answers there ({error}); start one with `dask "
                "scheduler` and workers with `dask worker`, or build without --engine"
            ) from error
        try:
            client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError:
            client.close(timeout=CONNECT_S)
            raise EngineError(
                f"{self.address}: the scheduler has no worker; start some with `dask worker "
                f"{theirs}`"
            ) from None
        return client


class _Watch:
    """Waits for answers, and says so where nobody is left to give one."""

    def __init__(self, client: Client, address: str, theirs: str, say: Say) -> None:
        self._client = client
        self._address, self._theirs = address, theirs
        self._say = say
        self._still = False

    def any_of(self, futures: Collection[Future[Answer]]) -> Future[Answer]:
        """The next of them that is done. Raises what tells that the cluster is lost."""
        while True:
            try:
                with self._client.as_current():
                    found = wait(list(futures), timeout=LOOK_S, return_when="FIRST_COMPLETED")
            except TimeoutError:
                self._look()
            else:
                self._noted(still=False)
                future: Future[Answer] = next(iter(found.done))
                return future

    def _look(self) -> None:
        try:
            workers = self._client.nthreads(callback_timeout=CONNECT_S)
        except TimeoutError:  # the scheduler itself is too busy, or was stopped
            workers = {}
        self._noted(still=not workers)

    def _noted(self, *, still: bool) -> None:
        """Say what has changed, and once."""
        if still and not self._still:
            self._say(
                f"no worker answers at {self._address}: start one with `dask worker "
                f"{self._theirs}`; waiting"
            )
        elif self._still and not still:
            self._say(f"a worker answers at {self._address} again: work goes on")
        self._still = still


class _Round:
    """One pass over the batches of a build."""

    def __init__(
        self, client: Client, outfit: Outfit, batches: Iterator[list[Job]], watch: _Watch
    ) -> None:
        self._client = client
        self._watch = watch
        self._outfit = outfit
        self._batches = batches
        self._asked: dict[Future[Answer], list[Job]] = {}
        self._numbers = itertools.count()
        # Not known to the scheduler from another build: it would answer with that one's results.
        self._name = f"kiosk-{secrets.token_hex(8)}"

    def outcomes(self) -> Iterator[Outcome]:
        # Kept by the scheduler: a worker that joins later gets it too.
        self._client.register_plugin(self._outfit, name=self._outfit.name)
        suspects: list[Job] = []
        self._ask_more()
        while self._asked:
            future = self._watch.any_of(self._asked)
            batch = self._asked.pop(future)
            try:
                yield from _checked(future.result())
            except KilledWorker:
                suspects += batch
            finally:
                future.release()
            self._ask_more()
        for job in suspects:
            yield from self._alone(job)

    def _alone(self, job: Job) -> list[Outcome]:
        """Whoever dies now dies of this one: most suspects only were beside the one that kills."""
        future = self._submitted([job])
        del self._asked[future]
        try:
            return _checked(self._watch.any_of([future]).result())
        except KilledWorker:
            return [died(job)]
        finally:
            future.release()

    def _ask_more(self) -> None:
        """Keep every thread of the cluster busy, and no more: memory is bounded."""
        threads = sum(self._client.nthreads().values())
        while len(self._asked) < max(1, threads) * (1 + BATCHES_AHEAD):
            batch = next(self._batches, None)
            if batch is None:
                return
            self._submitted(batch)

    def _submitted(self, batch: list[Job]) -> Future[Answer]:
        key = f"{self._name}-{next(self._numbers)}"
        future = self._client.submit(embed_there, self._outfit.name, batch, key=key, pure=False)
        self._asked[future] = batch
        return future


def embed_there(outfit: str, batch: Sequence[Job]) -> Answer:
    """`embed` on a worker of the cluster, or why it cannot."""
    plugin = get_worker().plugins[outfit]
    assert isinstance(plugin, Outfit)
    try:
        return embed(plugin.enrolment(), batch)
    except KioskError as error:
        return str(error)


def _checked(answer: Answer) -> list[Outcome]:
    if isinstance(answer, str):
        raise EngineError(f"a worker of the cluster cannot compute: {answer}")
    return answer


def _batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    batch: list[Job] = []
    size = 0
    for job in jobs:
        if batch and (len(batch) == MOST_PICTURES or size + len(job.data) > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(job)
        size += len(job.data)
    if batch:
        yield batch
