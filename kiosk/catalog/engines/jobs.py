# SPDX-License-Identifier: Apache-2.0
"""Jobs: pictures in, results out, and the one pure function that every engine runs.

A job holds all that its result depends on beside the models and settings, so it may be computed
anywhere, more than once, and by another process than the one that was first asked.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.result import Result
from kiosk.errors import EmbeddingError, ImageError
from kiosk.values import Box

MOST_DEATHS = 3
"""Processes that may die over one picture before it is given up."""
DIED = "WorkerDied"
"""Code of a picture that was given up."""


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to enrol."""

    number: int
    """Its place among the pictures of the build."""
    name: str
    data: bytes
    """The picture file."""
    mirrored: bool
    probed: bool
    region: Box | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of a job."""

    number: int
    result: Result | None
    code: str = ""
    """Why there is no result: an ImageError code, EmbeddingFailed or WorkerDied."""
    reason: str = ""
    """The same for people."""


Say = Callable[[str], None]
"""Tells people how the engine itself is doing."""


def silent(text: str) -> None:
    """Nobody wants to know."""


class Engine(Protocol):
    """Computes jobs. `run` may be called once at a time."""

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome]:
        """One outcome for each job, in any order.

        Takes few jobs at a time, so that memory is bounded; what it started ends when it is closed.
        Raises EngineError when it cannot go on.
        """
        ...


def embed(enrolment: Enrolment, batch: Sequence[Job]) -> list[Outcome]:
    """The outcomes of a batch, in its order: the same bytes for the same jobs, wherever it runs."""
    return [_embedded(enrolment, job) for job in batch]


def died(job: Job) -> Outcome:
    """The outcome of a job that no process survives."""
    return Outcome(
        job.number,
        None,
        DIED,
        f"{job.name}: {MOST_DEATHS} processes died while they enrolled it; give them more memory "
        "or make the picture smaller",
    )


def _embedded(enrolment: Enrolment, job: Job) -> Outcome:
    try:
        result = enrolment.enrol(job.data, job.name, job.mirrored, job.probed, job.region)
    except ImageError as error:
        return Outcome(job.number, None, error.code, str(error))
    except EmbeddingError as error:
        return Outcome(job.number, None, "EmbeddingFailed", str(error))
    return Outcome(job.number, result)
