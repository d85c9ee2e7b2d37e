# SPDX-License-Identifier: Apache-2.0
"""Trying again within one call while nobody answers: at odd times, and not for ever."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.sync import schedule
from kiosk.sync.evidence import Unanswered
from kiosk.sync.sync_pass import Outcome

LIMIT_S = 600.0
"""After so long the next poll takes over."""


def patiently(
    attempt: Callable[[], Outcome],
    *,
    wait: Callable[[float, Outcome], None],
    clock: Callable[[], float],
    share: Callable[[], float],
    limit_s: float = LIMIT_S,
) -> Outcome:
    """The outcome of the first attempt that somebody answered, or of the last one.

    `wait` is told for how many seconds and after what; `clock` gives seconds, `share` random
    numbers from 0 to 1.
    """
    begun = clock()
    failures = 0
    while True:
        outcome = attempt()
        if not isinstance(outcome.error, Unanswered):
            return outcome
        failures += 1
        wait_s = schedule.retry_s(failures, share(), outcome.error.retry_after_s)
        if clock() - begun + wait_s > limit_s:
            return outcome
        wait(wait_s, outcome)
