# SPDX-License-Identifier: Apache-2.0
"""The engine without a choice: this process, one picture after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

from kiosk.catalog.engines.jobs import Job, Outcome, embed
from kiosk.catalog.enrol import Enrolment


@dataclass(frozen=True, slots=True)
class Local:
    """Runs every job when its outcome is asked for."""

    enrolment: Enrolment

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome]:
        """See `Engine.run`."""
        for job in jobs:
            yield from embed(self.enrolment, [job])
