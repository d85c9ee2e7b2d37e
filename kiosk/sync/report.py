# SPDX-License-Identifier: Apache-2.0
"""What a pass came to, as the one word that is kept for the status page. Pure."""

from __future__ import annotations

from dataclasses import replace

from kiosk.announcement import Announcement
from kiosk.errors import ClockUntrusted, Held, Offline, Stale, SyncError
from kiosk.sync.policy import WAVE
from kiosk.values.sync import SyncState, SyncStatus


def state_of(error: SyncError | None) -> SyncState:
    """None: everything is well."""
    if error is None or error.code == WAVE:
        return SyncState.CURRENT
    for kind, state in (
        (Offline, SyncState.OFFLINE),
        (Stale, SyncState.STALE),
        (ClockUntrusted, SyncState.CLOCK_UNTRUSTED),
        (Held, SyncState.HELD),
    ):
        if isinstance(error, kind):
            return state
    return SyncState.TAMPER


def stands(status: SyncStatus, *, by_hand: bool) -> bool:
    """Whether this is how the kiosk stands from now on.

    What a person tried by hand, such as a stick that was the wrong one, says nothing of the source
    that the kiosk asks by itself: only when it went well is it news. A kiosk that asks nobody by
    itself has no other word than that of passes by hand, so none of its passes counts as one.
    """
    return not by_hand or status.state is SyncState.CURRENT


def as_status(
    error: SyncError | None,
    known: Announcement | None,
    channel: str,
    at: str,
    before: SyncStatus,
) -> SyncStatus:
    """`known` is the last verified announcement of `channel`; `before` what was said last.

    While nobody answers, the words of the first failure stay: each would be another write.
    """
    made = SyncStatus(
        state=state_of(error),
        code=error.code if error else "",
        message=str(error) if error else "this kiosk has the newest release of its channel",
        at=at,
        channel=channel,
        seq=known.seq if known else 0,
        release=known.release if known else "",
    )
    same = replace(made, message=before.message, at=before.at) == before
    return before if same and made.state is SyncState.OFFLINE else made
