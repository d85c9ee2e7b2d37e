# SPDX-License-Identifier: Apache-2.0
"""How far head office has the journal, in words: for the status page, `/healthz` and the commands.

A kiosk that has no place to send it to says so once, and nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kiosk.values.sending import Sending, SendingState
from kiosk.web import words

SENDING = "Sent to head office"
NOT_SET_UP = "Not set up."
WELL = (SendingState.DONE, SendingState.WAITING, SendingState.OFFLINE)
STATES = {
    SendingState.DONE: "Head office has everything.",
    SendingState.WAITING: "What is new goes with the next pass.",
    SendingState.SILENT: "Nothing has been sent for more than a day.",
    SendingState.OFFLINE: "The last pass came to nothing: {reason}",
    SendingState.HELD: "The last pass was turned away: {reason}",
}
TO_DO = {
    SendingState.DONE: "",
    SendingState.WAITING: "",
    SendingState.SILENT: "Start the timer, `sudo systemctl enable --now kiosk-upload.timer`, or "
    "send by hand: `kiosk upload`.",
    SendingState.OFFLINE: "Nothing is lost. If it lasts, check the network of this kiosk, or "
    "tell head office.",
    SendingState.HELD: "Nothing is lost meanwhile.",
}
LOST = "{count:,} entries were forgotten here before head office had them: see `journal.keep_mb`."
ENTRIES = "Head office has every entry."
PARCELS = (
    "The pictures of {count:,} entries did not go along: {reason} They are tried again a few times "
    "a day; `kiosk additions export FILE` takes those of additions there by hand."
)
LABELS = {
    "waiting": "Entries that wait",
    "oldest": "The oldest waits since",
    "confirmed": "Last confirmed",
    "since": "In the way since",
    "lost": "Forgotten unsent",
    "parcels": "Pictures not sent",
}


def sending_said(sending: Sending | None, now: datetime) -> str:
    """How it stands and what to do; None: there is no place to send it to."""
    if sending is None:
        return NOT_SET_UP
    state = sending.state(now)
    reason = words.sentence(sending.message)
    parts = [STATES[state].format(reason=reason), TO_DO[state]]
    if sending.parcels:
        if state is SendingState.DONE:
            parts = [ENTRIES]
        why = words.sentence(sending.parcels_message)
        parts.append(PARCELS.format(count=sending.parcels, reason=why))
    if sending.lost:
        parts.append(LOST.format(count=sending.lost))
    return " ".join(filter(None, parts))


def is_well(sending: Sending, now: datetime) -> bool:
    """Nobody has to do anything. Being offline is nothing wrong."""
    return sending.state(now) in WELL and not sending.parcels


def sending_rows(sending: Sending) -> list[list[str]]:
    """Labels and values; what there is nothing to say of is left out."""
    told = {
        "waiting": f"{sending.waiting:,}",
        "oldest": words.moment(sending.oldest) if sending.oldest else "",
        "confirmed": words.moment(sending.confirmed) if sending.confirmed else words.NEVER,
        "since": words.moment(sending.since) if sending.waiting and sending.since else "",
        "lost": f"{sending.lost:,}" if sending.lost else "",
        "parcels": f"{sending.parcels:,}" if sending.parcels else "",
    }
    return [[LABELS[name], value] for name, value in told.items() if value]


def sending_health(sending: Sending | None, now: datetime) -> dict[str, Any]:
    """The same for programs."""
    if sending is None:
        return {"state": "not_set_up"}
    return {
        "state": sending.state(now).value,
        "ok": is_well(sending, now),
        "message": sending_said(sending, now),
        "waiting": sending.waiting,
        "oldest": sending.oldest,
        "confirmed": sending.confirmed,
        "code": sending.code,
        "since": sending.since,
        "lost": sending.lost,
        "parcels": sending.parcels,
    }
