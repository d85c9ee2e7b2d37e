# SPDX-License-Identifier: Apache-2.0
"""One pass: batches in the order of the journal, each marked when it was taken for good.

Killed between the two, the batch is sent again; its ids make that harmless.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kiosk.errors import Offline
from kiosk.event import Event
from kiosk.upload.outgoing import Outgoing
from kiosk.upload.sink import Receipt, Sink

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What one pass did."""

    sent: int
    refused: int
    """Entries that head office will never take; they are not sent again."""
    left: int
    """Entries that still wait."""


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
    """
    ends_s = time.monotonic() + deadline_s
    sent = refused = 0
    lost = outgoing.lost()
    more = [*beside, *([lost] if lost is not None else [])]
    while time.monotonic() < ends_s and (batch := outgoing.batch()):
        events = [*(event for _, event in batch), *more]
        more = []
        for event in events:
            parcel = parcel_of(event)
            if parcel is not None:
                sink.deliver(event.kiosk, parcel)
        receipt = sink.send(events)
        _complain(events, receipt)
        settled = [number for number, event in batch if _settled(event, receipt)]
        done = _unbroken([number for number, _ in batch], settled)
        if not done:
            raise Offline("not_taken", "head office answered and took nothing; it is tried again")
        outgoing.mark(done[-1])
        refused += sum(event.event_id in receipt.refused for _, event in batch[: len(done)])
        sent += len(done)
    return Report(sent - refused, refused, outgoing.left())


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
