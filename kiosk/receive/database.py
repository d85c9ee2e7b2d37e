# SPDX-License-Identifier: Apache-2.0
"""Where events are kept, as the receiver and its queries see it, and the one in memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from kiosk.event import Event
from kiosk.journal.entries import instant
from kiosk.receive.heard import Heard, again, device_events


@dataclass(frozen=True, slots=True)
class Query:
    """Which events; empty: all of them."""

    kiosk: str = ""
    kind: str = ""
    sku: str = ""
    since: str = ""
    """UTC, ISO 8601, by the kiosks' clocks."""
    until: str = ""


class EventStore(Protocol):
    """Keeps every event once, by its id. Safe to use from several threads."""

    def put(self, events: Iterable[Event]) -> int:
        """All of them are there for good when it returns. Gives how many were new.

        Raises StateError when that cannot be promised; then they are sent again.
        """
        ...

    def keep(self, kiosk: str, parcel: bytes) -> str:
        """The sha256 of a parcel that is there for good now, once. Raises StateError."""
        ...

    def parcels(self) -> Iterator[tuple[str, str, bytes]]:
        """Kiosk, sha256 and bytes of each, one at a time. Raises StateError."""
        ...

    def find(self, query: Query) -> Iterator[Event]:
        """By kiosk and time. Raises StateError."""
        ...

    def counts(self, query: Query) -> dict[tuple[str, str], int]:
        """Events by kiosk and kind. Raises StateError."""
        ...

    def heard(self) -> list[Heard]:
        """Which devices were heard as which kiosk, the latest last. Raises StateError."""
        ...

    def close(self) -> None: ...


class MemoryEvents:
    """Keeps events until the process ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[str, Event] = {}
        self._parcels: dict[tuple[str, str], bytes] = {}
        self._heard: dict[tuple[str, str], Heard] = {}

    def put(self, events: Iterable[Event]) -> int:
        with self._lock:
            told, before = list(events), len(self._events)
            for event in told:
                self._events.setdefault(event.event_id, event)
            for event in device_events(told):
                of_kiosk = [each for each in self._latest_last() if each.kiosk == event.kiosk]
                now = again(of_kiosk, event, instant(datetime.now(UTC)))
                self._heard[now.kiosk, now.device] = now
            return len(self._events) - before

    def heard(self) -> list[Heard]:
        with self._lock:
            return self._latest_last()

    def _latest_last(self) -> list[Heard]:
        return sorted(self._heard.values(), key=lambda each: (each.kiosk, each.last, each.device))

    def keep(self, kiosk: str, parcel: bytes) -> str:
        digest = hashlib.sha256(parcel).hexdigest()
        with self._lock:
            self._parcels[kiosk, digest] = parcel
        return digest

    def parcels(self) -> Iterator[tuple[str, str, bytes]]:
        with self._lock:
            kept = sorted(self._parcels.items())
        yield from ((kiosk, digest, parcel) for (kiosk, digest), parcel in kept)

    def find(self, query: Query) -> Iterator[Event]:
        with self._lock:
            found = [event for event in self._events.values() if _fits(event, query)]
        yield from sorted(found, key=lambda event: (event.kiosk, event.at, event.event_id))

    def counts(self, query: Query) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for event in self.find(query):
            key = event.kiosk, event.kind
            found[key] = found.get(key, 0) + 1
        return found

    def close(self) -> None:
        """Nothing to close."""


def _fits(event: Event, query: Query) -> bool:
    asked = (("kiosk", query.kiosk), ("kind", query.kind), ("sku", query.sku))
    same = all(not value or getattr(event, name) == value for name, value in asked)
    late = not query.since or event.at >= query.since
    return same and late and (not query.until or event.at < query.until)
