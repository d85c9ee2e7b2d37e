# SPDX-License-Identifier: Apache-2.0
"""When each kiosk was heard, by the clock here, and from which devices: a copied card shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kiosk.event import DEVICE, Event

TABLE = (
    "CREATE TABLE IF NOT EXISTS heard (kiosk TEXT NOT NULL, device TEXT NOT NULL, "
    "first TEXT NOT NULL, last TEXT NOT NULL, clock TEXT NOT NULL, returns INTEGER NOT NULL, "
    "PRIMARY KEY (kiosk, device))"
)
ALL = "SELECT kiosk, device, first, last, clock, returns FROM heard ORDER BY kiosk, last, device"
OF_KIOSK = (
    "SELECT kiosk, device, first, last, clock, returns FROM heard WHERE kiosk = ? "
    "ORDER BY last, device"
)
KEEP = (
    "INSERT INTO heard VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kiosk, device) DO UPDATE SET "
    "last = excluded.last, clock = excluded.clock, returns = excluded.returns"
)
CLOCK = timedelta(days=1)
"""A clock that is off by more makes entries hard to find."""

LATELY = timedelta(days=7)
"""A device that was not heard for longer has its card no more."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One kiosk from one device. Times are UTC, ISO 8601."""

    kiosk: str
    device: str
    first: str
    """When it was first heard, by the clock here."""
    last: str
    clock: str
    """What the kiosk's clock said then."""
    returns: int = 0
    """How often it was heard again after another device had been heard as this kiosk."""

    @property
    def row(self) -> tuple[str, str, str, str, str, int]:
        return self.kiosk, self.device, self.first, self.last, self.clock, self.returns


def device_events(events: Iterable[Event]) -> list[Event]:
    """Those that tell which device a kiosk sends from."""
    named = [each for each in events if each.kind == DEVICE]
    return [each for each in named if isinstance(each.body.get("device"), str)]


def again(before: list[Heard], event: Event, now: str) -> Heard:
    """What is known now; `before`: of this kiosk so far, the latest last."""
    device = str(event.body["device"])[:64]
    known = next((each for each in before if each.device == device), None)
    if known is None:
        return Heard(event.kiosk, device, now, now, event.at)
    back = before[-1].device != device
    return replace(known, last=now, clock=event.at, returns=known.returns + back)


def remarks(heard: list[Heard]) -> dict[str, list[str]]:
    """By kiosk, what somebody should do something about."""
    by_kiosk: dict[str, list[Heard]] = {}
    for each in heard:
        by_kiosk.setdefault(each.kiosk, []).append(each)
    found = {kiosk: list(_remarks(rows)) for kiosk, rows in by_kiosk.items()}
    return {kiosk: said for kiosk, said in found.items() if said}


def _remarks(rows: list[Heard]) -> Iterable[str]:
    newest = max(rows, key=lambda each: each.last)
    lately = [each for each in rows if _apart(each.last, newest.last) <= LATELY]
    if any(each.returns for each in lately) and len(lately) > 1:
        yield (
            f"{len(lately)} devices send as this kiosk in turn: its memory card was copied. On all "
            "but one: stop the kiosk, delete store/kiosk_id in its state directory, start it, and "
            "give it a token of its own"
        )
    elif len(lately) > 1:
        yield (
            f"another device sends as this kiosk since {newest.first[:16]}: its card was moved, "
            "or copied"
        )
    if _apart(newest.clock, newest.last) > CLOCK:
        yield (
            f"its clock said {newest.clock[:16]} at {newest.last[:16]}: set it; its entries are "
            "filed under its own times"
        )


def _apart(one: str, other: str) -> timedelta:
    """Between two times; as far as can be where one of them is none."""
    try:
        return abs(datetime.fromisoformat(one) - datetime.fromisoformat(other))
    except (ValueError, TypeError):
        return timedelta.max
