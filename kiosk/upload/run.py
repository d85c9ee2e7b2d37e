# SPDX-License-Identifier: Apache-2.0
"""One pass: batches in the order of the journal, each marked when it was taken for good.

Killed between the two, the batch is sent again; its ids make that harmless.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from kiosk.errors import Offline, TooLarge
from kiosk.event import Event
from kiosk.upload.outgoing import Outgoing
from kiosk.upload.sink import Receipt, Sink

SMALL_BYTES = 16 * 1024
"""Of an event that no sensible limit keeps out: where one does, the limit is mended and nothing is
given up."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What one pass did."""

    sent: int
    refused: int
    """Entries that head office will never take; they are not sent again."""
    left: int
    """Entries that still wait."""
    parcels: int
    """What belongs to entries that were sent, and was too large to go along."""


def upload(
    outgoing: Outgoing,
    sink: Sink,
    *,
    deadline_s: float,
    parcel_of: Callable[[Event], bytes | None] = lambda event: None,
    beside: Sequence[Event] = (),
) -> Report:
    """Send until nothing is left or the time is up; `parcel_of` gives what goes before an event and
    is too large for it, `beside` goes with the first batch and is in no journal. Raises Offline or
    Held from the sink; what was taken before is marked then.

    What is too large for the sink goes in smaller batches; a parcel that is too large stays owed.
    """
    ends_s = time.monotonic() + deadline_s
    lost = outgoing.lost()
    going = _Pass(outgoing, sink, parcel_of, [*beside, *([lost] if lost is not None else [])])
    while time.monotonic() < ends_s and (batch := outgoing.batch()):
        going.send(batch)
    if time.monotonic() < ends_s:
        going.deliver_owed()
    return Report(going.sent, going.refused, outgoing.left(), outgoing.parcels())


class _Pass:
    """What one pass has done, and what it has learnt of the sink."""

    def __init__(
        self,
        outgoing: Outgoing,
        sink: Sink,
        parcel_of: Callable[[Event], bytes | None],
        more: list[Event],
    ) -> None:
        self.sent = self.refused = 0
        self._outgoing, self._sink, self._parcel_of = outgoing, sink, parcel_of
        self._more = more
        self._most_bytes: int | None = None
        """Of a batch; None: nothing was too large so far."""
        self._brought: set[str] = set()
        """Events whose parcels were tried."""

    def send(self, batch: Sequence[tuple[int, Event]]) -> None:
        """Of a batch, and before it of what is in no journal, what the sink takes at once."""
        items = self._fitting([*((0, event) for event in self._more), *batch])
        for number, event in items:
            self._bring(number, event)
        events = [event for _, event in items]
        try:
            receipt = self._sink.send(events)
        except TooLarge as error:
            found = self._after(error, events)
            if found is None:
                return
            receipt = found
        self._more = [event for event in self._more if event not in events]
        _complain(events, receipt)
        own = [(number, event) for number, event in items if number]
        if not own:
            return
        settled = [number for number, event in own if _settled(event, receipt)]
        done = _unbroken([number for number, _ in own], settled)
        if not done:
            raise Offline("not_taken", "head office answered and took nothing; it is tried again")
        self._outgoing.mark(done[-1])
        refused = sum(event.event_id in receipt.refused for _, event in own[: len(done)])
        self.refused += refused
        self.sent += len(done) - refused

    def deliver_owed(self) -> None:
        """Parcels that were too large: limits get raised."""
        for number, event in self._outgoing.owed():
            if event.event_id not in self._brought and self._bring(number, event):
                self._outgoing.paid(number)

    def _bring(self, number: int, event: Event) -> bool:
        """What goes before an event, once in a pass; whether nothing of it is owed."""
        if event.event_id in self._brought:
            return True
        parcel = self._parcel_of(event)
        try:
            if parcel is not None:
                self._sink.deliver(event.kiosk, parcel)
        except TooLarge as error:
            _log.warning("a %s of %s goes without its pictures: %s", event.kind, event.at, error)
            self._outgoing.owe(number, str(error))
            return False
        finally:
            self._brought.add(event.event_id)
        return True

    def _fitting(self, items: list[tuple[int, Event]]) -> list[tuple[int, Event]]:
        """The first of them, at least one, that are no more than the sink takes."""
        if self._most_bytes is None:
            return items
        sizes = accumulate(_size(event) for _, event in items)
        most = self._most_bytes
        return items[: max(1, sum(size <= most for size in sizes))]

    def _after(self, error: TooLarge, events: Sequence[Event]) -> Receipt | None:
        """Fewer from now on (None), or what becomes of one that is too large by itself."""
        size = sum(map(_size, events))
        if len(events) > 1:
            self._most_bytes = size // 2
            return None
        self._sink.send([])  # who refuses even this has no limit to be met: nothing is given up
        if size <= SMALL_BYTES:
            raise error
        return Receipt(refused={events[0].event_id: str(error)})


def _size(event: Event) -> int:
    return len(json.dumps(event.as_json()))


def _settled(event: Event, receipt: Receipt) -> bool:
    return event.event_id in receipt.taken or event.event_id in receipt.refused


def _unbroken(numbers: list[int], settled: list[int]) -> list[int]:
    """The first of them up to the first that is not settled: a mark stands for all below it."""
    known = set(settled)
    first = next((place for place, number in enumerate(numbers) if number not in known), None)
    return numbers[:first]


def _complain(events: list[Event], receipt: Receipt) -> None:
    for event in events:
        reason = receipt.refused.get(event.event_id)
        if reason is not None:
            _log.warning("head office refuses a %s of %s: %s", event.kind, event.at, reason)
