# SPDX-License-Identifier: Apache-2.0
"""What is current, what it replaced, how far it is trusted, and what must not come back.

Values and the rules by which one becomes the next, no IO: `kiosk.store.store` makes each durable.
A release is on trial until it has answered for a while; three starts that did not end well, or a
failed check, put the one before it back and bar the bad one from coming again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kiosk.announcement import Gate

MOST_TRIES = 3
"""Starts of a release that may end badly; the next one falls back."""
MOST_QUARANTINED = 32
"""The oldest are forgotten; their sequence numbers lie below the floor anyway."""
CRASHED = "it was started three times without becoming good; power cuts count too"
BY_HAND = "rolled back by hand on this kiosk"


class Phase(StrEnum):
    """How far the current release is trusted."""

    TRIAL = "trial"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Installed:
    """A release of this store, as it was announced."""

    release: str
    """Its id: the name of its folder."""
    manifest: str
    """sha256 of its manifest's bytes."""
    seq: int
    """Of the announcement that brought it; 0: not known any more."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A release that may not come again, and why."""

    release: str
    manifest: str
    reason: str
    at: str
    """UTC, ISO 8601."""
    seq: int = 0
    noted: bool = False
    """The journal has it."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """The one file that says what answers. Empty: nothing was ever activated."""

    current: Installed | None = None
    previous: Installed | None = None
    """The last good one before it, to fall back to; where there was none yet, the one before."""
    unproven: bool = False
    """`previous` was never good itself: back again, it is on trial."""
    phase: Phase = Phase.GOOD
    tries: int = 0
    """Starts of the current release that have not ended well so far, a running one included."""
    tested: bool = False
    """The current release passed its self-test on this device just before it was activated."""
    damaged: str = ""
    """Why the current release cannot be opened, though it was good: it must be installed again."""
    gate: Gate = field(default_factory=Gate)
    """When the current release is good."""
    catalog: str = ""
    """Name of the catalog that this kiosk stays with; empty: any."""
    channel: str = ""
    """Whose numbers `floor_seq` counts."""
    floor_seq: int = 0
    """Announcements below it are refused; only ever grows, as long as the channel is the same."""
    clock_floor: str = ""
    """UTC, ISO 8601: it cannot be earlier than this; only ever grows. Empty: not known."""
    pinned: tuple[str, ...] = ()
    """Releases that are never collected."""
    quarantined: tuple[Quarantined, ...] = ()
    """The newest last."""

    def barred(self, manifest: str) -> Quarantined | None:
        """The entry that keeps the release with this manifest away."""
        found = [each for each in self.quarantined if each.manifest == manifest]
        return found[-1] if found else None

    @property
    def kept(self) -> frozenset[str]:
        """Releases whose files must stay."""
        held = {each.release for each in (self.current, self.previous) if each is not None}
        return frozenset(held.union(self.pinned))


def activated(
    pointer: Pointer, new: Installed, gate: Gate, catalog: str = "", *, tested: bool = False
) -> Pointer:
    """`new` is current and on trial. What is current already only gets its newer number."""
    floor = max(pointer.floor_seq, new.seq)
    pointer = replace(pointer, floor_seq=floor, catalog=pointer.catalog or catalog)
    old = pointer.current
    if old is not None and old.release == new.release:
        return replace(pointer, current=new, gate=gate, damaged="")
    back, unproven = old, False
    if pointer.phase is Phase.TRIAL:
        # One that was never proven is better to fall back to than nothing, and only than that.
        nothing = pointer.previous is None
        back, unproven = (old, True) if nothing else (pointer.previous, pointer.unproven)
    if back is None or back.release == new.release:
        back, unproven = None, False
    return replace(
        pointer,
        current=new,
        previous=back,
        unproven=unproven,
        phase=Phase.TRIAL,
        tries=0,
        tested=tested,
        gate=gate,
        damaged="",
    )


def started(pointer: Pointer, at: str) -> Pointer:
    """One more start of a release on trial; after too many of them, the one before it is back."""
    if pointer.current is None or pointer.phase is Phase.GOOD:
        return pointer
    if pointer.tries >= MOST_TRIES:
        return failed(pointer, CRASHED, at)
    return replace(pointer, tries=pointer.tries + 1)


def ended(pointer: Pointer) -> Pointer:
    """That start ended in order: it says nothing against the release."""
    return replace(pointer, tries=max(0, pointer.tries - 1))


def good(pointer: Pointer) -> Pointer:
    """The current release has proven itself."""
    return replace(pointer, phase=Phase.GOOD, tries=0) if pointer.current else pointer


def failed(pointer: Pointer, reason: str, at: str) -> Pointer:
    """The release before is current again, or none, and this one is quarantined."""
    bad, back = pointer.current, pointer.previous
    if bad is None:
        return pointer
    phase = Phase.TRIAL if pointer.unproven else Phase.GOOD
    pointer = replace(
        pointer, current=back, previous=None, unproven=False, phase=phase, tries=0, damaged=""
    )
    return refused(pointer, bad, reason, at)


def damaged(pointer: Pointer, reason: str) -> Pointer:
    """A good release cannot be opened any more: it is to be installed again, not barred."""
    return replace(pointer, damaged=reason)


def refused(pointer: Pointer, bad: Installed, reason: str, at: str) -> Pointer:
    """`bad` failed its checks: it may not come again."""
    entry = Quarantined(bad.release, bad.manifest, reason, at, bad.seq)
    return replace(pointer, quarantined=_listed(pointer.quarantined, entry))


def noted(pointer: Pointer, manifests: Iterable[str]) -> Pointer:
    """The journal knows of these."""
    known = set(manifests)
    held = tuple(
        replace(each, noted=True) if each.manifest in known else each
        for each in pointer.quarantined
    )
    return replace(pointer, quarantined=held)


def allowed(pointer: Pointer, release: str) -> Pointer:
    """A person says that `release` may come again."""
    held = tuple(each for each in pointer.quarantined if each.release != release)
    return replace(pointer, quarantined=held)


def floored(pointer: Pointer, seq: int, clock: str, channel: str = "") -> Pointer:
    """Floors as high as these at least; `clock` is UTC, ISO 8601, or empty.

    Each channel has its own numbers, so another one (which only a person can choose) begins anew.
    """
    other = bool(channel) and channel != pointer.channel
    return replace(
        pointer,
        channel=channel or pointer.channel,
        floor_seq=seq if other else max(pointer.floor_seq, seq),
        clock_floor=max(pointer.clock_floor, clock),
    )


def unbound(pointer: Pointer) -> Pointer:
    """A person says that it belongs to another publisher: catalog and numbers begin anew."""
    return replace(pointer, catalog="", channel="", floor_seq=0)


def _listed(held: Iterable[Quarantined], entry: Quarantined) -> tuple[Quarantined, ...]:
    others = [each for each in held if each.manifest != entry.manifest]
    return (*others, entry)[-MOST_QUARANTINED:]
