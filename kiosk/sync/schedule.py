# SPDX-License-Identifier: Apache-2.0
"""When to ask again. Pure: a random share of 1 goes in, seconds come out.

The rule: no two kiosks keep step. Ten thousand of them on the quarter of the hour were 2,000 polls
a second; spread like this they are 11, and an origin that comes back is not run over.
"""

from __future__ import annotations

POLL_S = 900.0
"""Between two polls, on average."""
POLL_SPREAD = 0.2
"""Share of it by which each may be earlier or later."""
FIRST_POLL_S = 900.0
"""The first one comes within this time after the start, so that a power cut is no storm."""
LEAST_RETRY_S, MOST_RETRY_S = 10.0, 900.0


def poll_s(share: float) -> float:
    """From the end of a poll to the next one. `share` is random from 0 to 1."""
    return POLL_S * (1 - POLL_SPREAD + 2 * POLL_SPREAD * share)


def first_poll_s(share: float) -> float:
    """From the start of the device to its first poll."""
    return FIRST_POLL_S * share


def retry_s(failures: int, share: float, retry_after_s: float = 0.0) -> float:
    """From a failure to the next try: anywhere up to a limit that doubles with each (full jitter).

    `failures` counts those in a row, from 1; `retry_after_s` is what the server asked for at least.
    """
    limit = min(MOST_RETRY_S, LEAST_RETRY_S * 2.0 ** min(failures, 30))
    waited = LEAST_RETRY_S + (limit - LEAST_RETRY_S) * share
    return max(waited, min(retry_after_s, 4 * MOST_RETRY_S) * (1 + POLL_SPREAD * share))
