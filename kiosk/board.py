# SPDX-License-Identifier: Apache-2.0
"""The board: the latest state, for any number of readers that come and go.

Writers (the station, the camera watcher, the journal) replace one part at a time; readers wait for
a newer version. Nothing queues up: a slow reader skips what it missed.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kiosk.additions.values import AdditionStatus, EnrolState
from kiosk.capture.status import CameraStatus
from kiosk.orders.values import OrderState
from kiosk.refusals import Refusal
from kiosk.values import Box, Decision, Hint, Pixels, Record, Timings
from kiosk.values.sending import Sending
from kiosk.values.sync import SyncState


class Phase(StrEnum):
    """What the kiosk is doing right now."""

    STARTING = "starting"
    """No frame has gone through yet."""
    READY = "ready"
    """Looking at an empty counter."""
    LOOKING = "looking"
    """An item is there, the decision is not."""
    DECIDED = "decided"


@dataclass(frozen=True, slots=True)
class CatalogStatus:
    ok: bool = False
    message: str = "No catalog is loaded."
    path: str = ""
    release: str = ""
    built_at: str = ""
    """UTC, ISO 8601."""
    skus: int = 0
    references: int = 0
    search: str = ""
    """"annoy" or "exact", with the reason when Annoy does not answer."""
    second_look: str = ""
    """"on" and its method, or "off" and the reason."""
    calibration: str = ""
    """"on" and what it states, or "off" and why nothing is accepted."""


@dataclass(frozen=True, slots=True)
class JournalStatus:
    ok: bool = True
    message: str = "Every decision is written."
    entries: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class RefusalStatus:
    """What people said was wrong, and whether that is kept."""

    ok: bool = True
    message: str = ""
    listed: tuple[tuple[Refusal, str], ...] = ()
    """Those that hold, the newest first, each with the name of its SKU."""


@dataclass(frozen=True, slots=True)
class ReleaseStatus:
    """How the kiosk stands with its channel, and with the releases on its disk."""

    ok: bool | None = None
    """None: nothing is asked of a channel, and nothing is wrong."""
    state: SyncState = SyncState.NEVER
    code: str = ""
    """Stable name of the reason; empty: there is none."""
    message: str = ""
    """What the last sync pass found, or what is wrong with a release; what to do."""
    at: str = ""
    """When that was found; UTC, ISO 8601."""
    channel: str = ""
    seq: int = 0
    """Of what answers; 0: none, or not known."""
    phase: str = ""
    """"trial", "good" or empty."""
    previous: str = ""
    announced: str = ""
    """The newest release of the channel that this kiosk knows of, with its number."""
    quarantined: tuple[tuple[str, str, str], ...] = ()
    """Release, reason and time of those that may not come again, the newest first."""
    kiosk_id: str = ""
    fingerprint: str = ""
    """Of the root that the channel is believed by."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    name: str
    version: str
    sha256: str
    quantisation: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A decision with what the page needs to show it."""

    decision: Decision
    records: tuple[Record, ...]
    """One record for each match of the decision, same order."""
    confirmed: str | None = None
    """The SKU a person tapped."""
    custom: tuple[str, ...] = ()
    """The custom content of the best reference of each match, same order; none of any: empty."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Another item in view, beside the one in focus."""

    visit_id: str
    box: Box
    """In frame pixels."""
    shown: Shown | None
    """Its answer; None: not decided yet."""


@dataclass(frozen=True, slots=True)
class Live:
    """What the last frame showed."""

    sequence: int = -1
    frame_size: tuple[int, int] = (0, 0)
    subject: Box | None = None
    others: tuple[Box, ...] = ()
    """Further items in view."""


@dataclass(frozen=True, slots=True)
class State:
    """One consistent picture of everything a reader may show."""

    version: int = 0
    phase: Phase = Phase.STARTING
    hint: Hint | None = None
    """What the operator can do while there is no decision."""
    shown: Shown | None = None
    """The decision of the visit that is going on; None when nothing is there or decided."""
    beside: tuple[Beside, ...] = ()
    """Further items in view, each with an answer of its own."""
    order: OrderState | None = None
    """The expected list that is being checked; None: there is none."""
    refused: RefusalStatus = field(default_factory=RefusalStatus)
    added: AdditionStatus = field(default_factory=AdditionStatus)
    """What was enrolled on this kiosk."""
    enrol: EnrolState = field(default_factory=EnrolState)
    """The enrolment that is going on."""
    last: Shown | None = None
    """What was on show before, kept by the board once its item has left."""
    live: Live = field(default_factory=Live)
    camera: CameraStatus = field(default_factory=CameraStatus)
    catalog: CatalogStatus = field(default_factory=CatalogStatus)
    journal: JournalStatus = field(default_factory=JournalStatus)
    sending: Sending | None = None
    """How far head office has the journal; None: there is no place to send it to."""
    releases: ReleaseStatus = field(default_factory=ReleaseStatus)
    models: tuple[ModelStatus, ...] = ()
    timings: Timings = field(default_factory=Timings)
    """Median of the last frames that held an item."""
    decisions: int = 0
    """Decisions since the start."""


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A picture to show, small, with the boxes that belong to this very frame."""

    sequence: int
    pixels: Pixels
    """BGR, (h, w, 3); frozen: never written to after it is posted."""
    subject: Box | None
    """In the preview's own pixels."""
    others: tuple[Box, ...]
    phase: Phase
    outcome: str
    """The outcome of the decision on show, or empty."""


class Board:
    """Thread-safe latest state. All methods return at once except `wait`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._state = State()
        self._preview: Preview | None = None
        self._looked_s: float | None = None
        self._closed = False

    def post(self, **parts: object) -> State:
        """Replace parts of the state by name (fields of State); readers are woken if it differs."""
        with self._changed:
            changed = {k: v for k, v in parts.items() if getattr(self._state, k) != v}
            if "shown" in changed and _left(self._state.shown, parts["shown"]):
                changed["last"] = self._state.shown
            if changed:
                version = self._state.version + 1
                self._state = replace(self._state, version=version, **changed)  # type: ignore[arg-type]
                self._changed.notify_all()
            return self._state

    def post_preview(self, preview: Preview) -> None:
        with self._changed:
            self._preview = preview
            self._looked_s = time.monotonic()
            self._changed.notify_all()

    def state(self) -> State:
        with self._changed:
            return self._state

    def preview(self) -> Preview | None:
        with self._changed:
            return self._preview

    def frame_age_s(self) -> float:
        """Seconds since a frame went through (posted its preview); infinite before the first."""
        with self._changed:
            return math.inf if self._looked_s is None else time.monotonic() - self._looked_s

    def wait(self, version: int, timeout_s: float) -> State:
        """The state once it is newer than `version`, or the present one after `timeout_s`."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._state.version > version, timeout=timeout_s
            )
            return self._state

    def wait_preview(self, sequence: int, timeout_s: float) -> Preview | None:
        """The preview once it is of a later frame than `sequence`, or the present one."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._closed
                    or (self._preview is not None and self._preview.sequence > sequence)
                ),
                timeout=timeout_s,
            )
            return self._preview

    @property
    def closed(self) -> bool:
        with self._changed:
            return self._closed

    def close(self) -> None:
        """Wake every reader for the last time, so that streams can end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _left(before: Shown | None, after: object) -> bool:
    """The decision `before` is over, not merely confirmed."""
    if before is None:
        return False
    same = isinstance(after, Shown) and after.decision.decision_id == before.decision.decision_id
    return not same
