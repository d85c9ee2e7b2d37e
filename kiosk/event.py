# SPDX-License-Identifier: Apache-2.0
"""What a kiosk tells head office: one journal entry under an id that is the same for ever.

Both ends speak this and nothing else. Sending twice is harmless: who receives knows by the id.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

MAX_BYTES = 256 * 1024
"""Of one event as JSON; the largest, a refusal with its print, has about 40 KB."""
MOST_EVENTS = 200
MAX_BATCH_BYTES = 1024 * 1024
"""A batch ends with the event that reaches this."""
DROPPED = "dropped"
"""Kind of the event that says what a kiosk had to forget before it could send it."""
DEVICE = "device"
"""Kind of the event that says which device a kiosk sends from; one for each and every day."""
MAX_PARCEL_BYTES = 16 * 1024 * 1024
"""Of what comes with an event and is too large for it, such as the pictures of an addition."""
_ID = re.compile(r"[0-9a-f]{32}")
_KIOSK = re.compile(r"[0-9A-Za-z._-]{1,64}")
_TEXTS = {"kind": 64, "at": 40, "decision_id": 64, "visit_id": 64}
_OPTIONAL = {"outcome": 32, "rule": 200, "sku": 512}


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of one kiosk's journal."""

    event_id: str
    """32 hex digits, from the kiosk and the entry alone."""
    kiosk: str
    kind: str
    at: str
    """UTC, ISO 8601, by the kiosk's clock."""
    decision_id: str
    visit_id: str
    outcome: str | None
    rule: str | None
    sku: str | None
    body: Mapping[str, Any]
    """The evidence, as the journal has it."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def event_id(kiosk: str, *parts: str) -> str:
    """The same for the same entry of the same kiosk, whoever asks and whenever."""
    return hashlib.sha256("\0".join((kiosk, *parts)).encode("utf-8", "replace")).hexdigest()[:32]


def of_entry(kiosk: str, entry: Mapping[str, Any]) -> Event:
    """The event of a journal entry as `kiosk.journal.read` gives it."""
    identity = event_id(kiosk, entry["decision_id"], entry["kind"], entry["at"])
    named = {name: entry[name] for name in (*_TEXTS, *_OPTIONAL)}
    return Event(identity, kiosk, body=entry["evidence"], **named)


def of_dropped(kiosk: str, counts: Mapping[str, int], at: str) -> Event:
    """What was lost so far, by kind; the same counts are the same event."""
    text = json.dumps(dict(counts), sort_keys=True)
    return Event(
        event_id(kiosk, DROPPED, text), kiosk, DROPPED, at, "", "", None, None, None, dict(counts)
    )


def of_device(kiosk: str, device: str, at: str) -> Event:
    """Which device this kiosk sends from, at that time of its clock."""
    return Event(
        event_id(kiosk, DEVICE, device, at[:10]),
        *(kiosk, DEVICE, at, "", "", None, None, None),
        {"device": device},
    )


def is_kiosk(text: object) -> bool:
    """Whether it can be the id of a kiosk."""
    return isinstance(text, str) and _KIOSK.fullmatch(text) is not None


def parse(body: object) -> Event:
    """An event from decoded JSON. Raises ValueError saying what is wrong with it."""
    names = {each.name for each in fields(Event)}
    if not isinstance(body, dict) or set(body) != names:
        raise ValueError(f"an event holds {', '.join(sorted(names))}")
    if not isinstance(body["event_id"], str) or not _ID.fullmatch(body["event_id"]):
        raise ValueError("event_id should be 32 hex digits")
    if not is_kiosk(body["kiosk"]):
        raise ValueError("kiosk should be the id of a kiosk")
    for name, most in (_TEXTS | _OPTIONAL).items():
        value = body[name]
        if not (value is None and name in _OPTIONAL) and not _plain(value, most):
            raise ValueError(f"{name} should be a text of at most {most} characters")
    if not isinstance(body["body"], dict):
        raise ValueError("body should be an object")
    return Event(**body)


def _plain(value: object, most: int) -> bool:
    # A zero byte or half a character can be stored in one database and not in the other.
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
