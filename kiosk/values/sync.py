# SPDX-License-Identifier: Apache-2.0
"""How a kiosk stands with its channel, told by evidence and not by which call failed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SyncState(StrEnum):
    """None of these stops the kiosk."""

    NEVER = "never"
    """No channel is set, or none was ever asked."""
    CURRENT = "current"
    """Signed, fresh, and what it announces is what answers, or waits for its wave."""
    OFFLINE = "offline"
    """Nobody answered with anything that could be judged."""
    STALE = "stale"
    """Rightly signed, but past its date: a freeze, or a publisher who does not sign any more."""
    CLOCK_UNTRUSTED = "clock_untrusted"
    """This device's clock is behind what it has seen before: dates cannot be judged."""
    TAMPER = "tamper"
    """What came is not what was signed, or is older than what was here before."""
    HELD = "held"
    """Rightly announced, but not for this kiosk, or refused by its checks."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """The last word of a sync pass, for the status page."""

    state: SyncState = SyncState.NEVER
    code: str = ""
    """Stable name of the reason, such as `no_space`; empty: there is none."""
    message: str = ""
    """What is so, and what to do, in plain words."""
    at: str = ""
    """UTC, ISO 8601: when that was found; a pass that finds the same again writes nothing."""
    channel: str = ""
    seq: int = 0
    """Of the newest announcement that was verified; 0: none yet."""
    release: str = ""
    """What that announces."""
