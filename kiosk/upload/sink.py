# SPDX-License-Identifier: Apache-2.0
"""Where events go, as the uploader sees it, and the one that keeps them in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kiosk.event import Event


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch. An event that is in neither was not received for good."""

    taken: frozenset[str] = frozenset()
    """Ids of events that head office has for good, whether it got them now or before."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Ids of events that it will never take, each with its reason."""


class Sink(Protocol):
    """Takes events. Sending the same again is harmless."""

    def send(self, events: Sequence[Event]) -> Receipt:
        """Raises Offline when nobody takes anything, Held when somebody refuses all, TooLarge when
        fewer might be taken.
        """
        ...

    def deliver(self, kiosk: str, parcel: bytes) -> None:
        """Head office has the parcel for good when it returns. Raises Offline, Held,
        TooLarge.
        """
        ...

    def close(self) -> None: ...


class MemorySink:
    """Keeps events by their ids, as every receiver does."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.parcels: set[tuple[str, bytes]] = set()

    def send(self, events: Sequence[Event]) -> Receipt:
        for event in events:
            self.events.setdefault(event.event_id, event)
        return Receipt(frozenset(event.event_id for event in events))

    def deliver(self, kiosk: str, parcel: bytes) -> None:
        self.parcels.add((kiosk, parcel))

    def close(self) -> None:
        """Nothing to close."""
