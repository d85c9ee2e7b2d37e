# SPDX-License-Identifier: Apache-2.0
"""Waiting in tests: for a condition, with a deadline that only a failure reaches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

DEADLINE_S = 120.0
"""Long enough for a machine ten times slower than ours."""
T = TypeVar("T")


def until(
    condition: Callable[[], T],
    what: str = "what the test waits for",
    deadline_s: float = DEADLINE_S,
) -> T:
    """The first true value of `condition`; fails with `what` when none comes in time.

    `condition` may look at what others write, rename and delete: it must not raise over that.
    """
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.01)  # polling a condition, with a deadline


@contextmanager
def aside(*work: Callable[[], object], over: Callable[[], object]) -> Iterator[None]:
    """Each `work` in a thread of its own while the block runs; `over` makes them end, also when the
    block fails: a thread that went on would keep the whole run from ending.
    """
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over()
        for thread in threads:
            thread.join(DEADLINE_S)
    assert not any(thread.is_alive() for thread in threads), "a thread did not end"
