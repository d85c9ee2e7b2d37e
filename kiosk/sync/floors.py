# SPDX-License-Identifier: Apache-2.0
"""What this kiosk remembers for itself, whatever happened to the metadata: numbers and the time.

Pure. Losing the kept metadata in a power cut must not let an old catalog back in, a clock that
stands at 1971 must not make an old signature fresh, and one wrong number must not lock a kiosk.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kiosk.announcement import Announcement, moment
from kiosk.errors import ClockUntrusted, Held, Tampered
from kiosk.store.pointer import Pointer

EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
"""No kiosk ran this program before: a clock that says so is wrong."""
CLOCK_LAG = timedelta(hours=1)
"""How far a clock may be behind the publisher's."""
CLOCK_LEAD = timedelta(days=1)
"""How far the publisher's may be ahead of this one."""
MOST_AHEAD = 1_000_000
"""A number further ahead than this is refused, so that no stolen key can use them all up."""


def earliest(pointer: Pointer) -> datetime:
    """It cannot be earlier than this."""
    known = moment(pointer.clock_floor) if pointer.clock_floor else EARLIEST
    return max(known, EARLIEST)


def check_own_clock(pointer: Pointer, now: datetime) -> None:
    """Raises ClockUntrusted when a clock that says `now` is behind what was seen before."""
    floor = earliest(pointer)
    if now < floor - CLOCK_LAG:
        raise ClockUntrusted(
            "clock_behind",
            f"this kiosk's clock says {now:%Y-%m-%d %H:%M} UTC, but it was {floor:%Y-%m-%d} "
            "before: nothing new is installed until it is right. Let it reach a time server, or "
            "set it by hand.",
        )


def check_clock(pointer: Pointer, announced: Announcement, now: datetime) -> None:
    """Raises ClockUntrusted when dates cannot be judged by a clock that says `now`."""
    check_own_clock(pointer, now)
    if moment(announced.created) > now + CLOCK_LEAD:
        raise ClockUntrusted(
            "made_later",
            f"this kiosk's clock says {now:%Y-%m-%d %H:%M} UTC, but what is announced was made on "
            f"{moment(announced.created):%Y-%m-%d}: one of the two clocks is wrong. Check this "
            "one first.",
        )


def check(
    announced: Announcement, pointer: Pointer, known: Announcement | None, channel: str
) -> None:
    """Raises Tampered or Held unless this may follow what was announced before.

    `known` is the last announcement that was verified here.
    """
    if announced.channel != channel:
        raise Held(
            "wrong_channel",
            f"the channel {channel!r} announces what is meant for {announced.channel!r}; tell "
            "whoever publishes the catalog",
        )
    if pointer.catalog and announced.catalog != pointer.catalog:
        raise Held(
            "other_catalog",
            f"this kiosk belongs to the catalog {pointer.catalog!r}, and {announced.catalog!r} is "
            "published there: check sync.source, or the stick. To move it, enrol it again with "
            "`kiosk sync enrol`",
        )
    floor = floor_of(pointer, channel)
    if announced.seq < floor:
        raise Tampered(
            "rollback",
            f"what is announced is number {announced.seq}, but number {floor} was here before: "
            "somebody, or an old copy on a server, shows the past. Check sync.source",
        )
    if announced.seq == floor and _contradicts(announced, pointer, known):
        raise Tampered(
            "same_number",
            f"number {announced.seq} was announced here before with another content. Check "
            "sync.source, and tell whoever publishes the catalog",
        )
    if announced.seq > floor + MOST_AHEAD:
        raise Held(
            "number_jump",
            f"what is announced has the number {announced.seq}, far beyond {floor}; tell whoever "
            "publishes the catalog",
        )


def floor_of(pointer: Pointer, channel: str) -> int:
    """The highest number that was seen of this channel."""
    return pointer.floor_seq if pointer.channel in ("", channel) else 0


def raised(pointer: Pointer, announced: Announcement) -> bool:
    """Whether `announced` lifts a floor."""
    return (
        floor_of(pointer, announced.channel) != announced.seq
        or pointer.channel != announced.channel
        or earliest(pointer) < moment(announced.created)
    )


def _contradicts(announced: Announcement, pointer: Pointer, known: Announcement | None) -> bool:
    now = pointer.current
    if known and (known.channel, known.seq) == (announced.channel, announced.seq):
        return known != announced
    return bool(now and now.seq == announced.seq and now.manifest != announced.manifest.sha256)
