# SPDX-License-Identifier: Apache-2.0
"""A process of the pool: opens the models once, then turns jobs into outcomes until it is let go.

It owns nothing: it may be killed at any moment, and it ends by itself when the build does, however
that ended.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection

from kiosk.catalog.engines.jobs import Job, Outcome, embed
from kiosk.catalog.engines.recipe import Recipe
from kiosk.errors import KioskError
from kiosk.vision.image import single_threaded


@dataclass(frozen=True, slots=True)
class Ready:
    """The models are open."""


@dataclass(frozen=True, slots=True)
class Refused:
    """They cannot be opened, for a reason that no other process will get around."""

    reason: str


Word = Ready | Refused | list[Outcome]
"""What a worker says."""


def serve(connection: Connection, recipe: Recipe) -> None:
    """The life of a worker: `connection` gives lists of jobs and takes lists of outcomes."""
    # Ctrl-C is for the build: it lets its workers go.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    single_threaded()
    try:
        try:
            enrolment = recipe.open()
        except KioskError as error:
            connection.send(Refused(str(error)))
            return
        connection.send(Ready())
        while True:
            batch: list[Job] = connection.recv()
            connection.send(embed(enrolment, batch))
    except (EOFError, ConnectionError):
        return  # the build is over, or was killed
