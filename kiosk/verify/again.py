# SPDX-License-Identifier: Apache-2.0
"""One crop against several references, in order, until the time is spent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from kiosk.values import Features, Verified
from kiosk.verify.evidence import compare
from kiosk.verify.matching import directions


def compare_all(
    query: Features, references: Iterable[Features], until_s: float
) -> Iterator[Verified]:
    """What each reference gave, in order; ends early when `time.perf_counter` passes `until_s`.

    The time is looked at before a comparison begins: one that has begun is finished.
    """
    looking = directions(query)
    for reference in references:
        if time.perf_counter() >= until_s:
            return
        yield compare(query, reference, looking)
