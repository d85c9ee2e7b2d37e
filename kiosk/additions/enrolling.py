# SPDX-License-Identifier: Apache-2.0
"""One enrolment at a time: who it is, view after view from the live camera, the trial, the end.

Nothing is kept before the trial has passed. Each view is tried as it is taken, so that an item that
cannot be added is said after the first view of it and not after the last.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from uuid import uuid4

import numpy as np

from kiosk.additions.describe import Kept, kept, thumbnail
from kiosk.additions.desk import AdditionDesk
from kiosk.additions.draft import checked, no_catalog
from kiosk.additions.onlooker import Onlooker
from kiosk.additions.rule import differs
from kiosk.additions.shelf import has
from kiosk.additions.trying import Judge, tried
from kiosk.additions.values import (
    FEWEST_VIEWS,
    MOST_VIEWS,
    AddedView,
    Addition,
    EnrolState,
    Rival,
    Stage,
)
from kiosk.barcode import read
from kiosk.catalog.snapshot import Snapshot
from kiosk.errors import AdditionError
from kiosk.values import Frame, Record, Sight

TAKE_S = 4.0
"""How long a tap waits for a good view."""
IDLE_S = 600.0
"""An enrolment that nobody goes on with is given up."""
KEEP_S = 1.0
"""How long what is added is waited for until the disk has it."""

Borrow = Callable[[], AbstractContextManager[Snapshot | None]]


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """A view that was taken, and its picture."""

    number: int
    picture: Kept
    view: AddedView
    thumbnail: bytes
    embedder: str


@dataclass(slots=True, eq=False)
class _Session:
    name: str
    record: Record
    more: bool
    taken: list[_Taken] = field(default_factory=list)
    next: int = 0
    rival: Rival | None = None
    trying: bool = False
    touched_s: float = 0.0


class Enrolling:
    """Safe to use from several threads. Every method but `watch` may take a second or two."""

    def __init__(
        self,
        desk: AdditionDesk,
        borrow: Borrow,
        judged: Judge,
        post: Callable[[EnrolState], object],
        *,
        take_s: float = TAKE_S,
        idle_s: float = IDLE_S,
    ) -> None:
        """`borrow`: what is searched now; `post` hears of every change."""
        self._take_s, self._idle_s = take_s, idle_s
        self._desk = desk
        self._onlooker = Onlooker()
        self._borrow = borrow
        self._judged = judged
        self._post = post
        self._lock = threading.RLock()
        self._session: _Session | None = None
        self._done = EnrolState()

    def start(self, record: Record) -> None:
        """Begin with one item, whatever was going on. Raises AdditionError: not so."""
        with self._borrow() as snapshot:
            if snapshot is None:
                raise no_catalog()
            record = checked(record, snapshot)
            more = has(snapshot, record.sku)
            if more:
                record = snapshot.record(record.sku)
        with self._lock:
            self._session = _Session(uuid4().hex[:8], record, more)
            self._say()

    def barcode(self) -> tuple[str, str]:
        """A barcode in view, and the SKU that is filed under it, if one is.

        Raises AdditionError when none is read in time.
        """
        end = time.monotonic() + self._take_s
        while (left_s := end - time.monotonic()) > 0:
            seen = self._onlooker.next(left_s, good=False)
            codes = read(seen.pixels, seen.box) if seen else ()
            if codes:
                with self._borrow() as snapshot:
                    filed = snapshot.coded(codes[:1]) if snapshot else ()
                return codes[0].text, filed[0] if filed else ""
        raise AdditionError("no_barcode", "No barcode was read. Turn it to the camera, or type it.")

    def take(self) -> None:
        """Take the next good view. Raises AdditionError: why none was."""
        session = self._unrefused()
        if len(session.taken) >= MOST_VIEWS:
            raise AdditionError("enough", f"{MOST_VIEWS} views are the most: try it now.")
        seen = self._onlooker.next(self._take_s)
        if seen is None:
            raise AdditionError("not_seen", "It was not seen well: follow the hint and try again.")
        picture = kept(seen.pixels, seen.box)
        small = thumbnail(picture)
        with self._borrow() as snapshot:
            if snapshot is None:
                raise no_catalog()
            describer = self._desk.describer(snapshot.release)
            view = describer.described(picture)
            found = tried(snapshot, session.record.sku, [view], self._judged)
        with self._lock:
            self._same(session)
            if {each.embedder for each in session.taken} - {describer.embedder}:
                session.taken.clear()
                self._say()
                raise AdditionError("new_model", "A new model came: begin with the first view.")
            others = [np.asarray(each.view.vectors[0], np.float32) for each in session.taken]
            first = np.asarray(view.vectors[0], np.float32)
            if not differs(first, np.array(others, np.float32).reshape(len(others), len(first))):
                raise AdditionError(
                    "same_view", "That side is taken already: turn the item, then tap again."
                )
            session.taken.append(_Taken(session.next, picture, view, small, describer.embedder))
            if isinstance(found, Rival):
                session.rival = replace(found, view=session.next)
            session.next += 1
            self._say()

    def drop(self, number: int) -> None:
        """Take one view out again. Raises AdditionError when there is none."""
        session = self._going()
        with self._lock:
            left = [each for each in session.taken if each.number != number]
            if len(left) == len(session.taken):
                raise AdditionError("no_view", "That view is gone already.")
            session.taken[:] = left
            if session.rival is not None and session.rival.view == number:
                session.rival = None
            self._say()

    def again(self) -> None:
        """After a refusal: drop the view that came too near, and go on."""
        session = self._going()
        with self._lock:
            if session.rival is not None:
                self.drop(session.rival.view)

    def finish(self) -> None:
        """Try it with all its views and add it; refused is no error. Raises AdditionError."""
        started_s = time.monotonic()
        session = self._unrefused()
        if len(session.taken) < FEWEST_VIEWS:
            raise AdditionError(
                "too_few", f"{FEWEST_VIEWS} views that differ are needed: take more."
            )
        with self._lock:
            if session.trying:
                raise AdditionError("busy", "It is being tried.")
            session.trying = True
            taken = list(session.taken)
            self._say()
        try:
            made = self._added(session.record, taken)
            if not isinstance(made, Rival):
                self._desk.keep(KEEP_S)  # whoever reads that it is added may switch off
        finally:
            with self._lock:
                session.trying = False
                self._say()
        with self._lock:
            self._same(session)
            if isinstance(made, Rival):
                session.rival = replace(made, view=taken[made.view].number)
                self._say()
                return
            self._session = None
            self._done = EnrolState(
                stage=Stage.DONE,
                session=session.name,
                record=session.record,
                more=session.more,
                views=tuple(each.number for each in taken),
                took_s=round(time.monotonic() - started_s, 2),
                addition_id=made.addition_id,
            )
            self._post(self._done)

    def _added(self, record: Record, taken: list[_Taken]) -> Addition | Rival:
        pictures, views = [each.picture for each in taken], [each.view for each in taken]
        with self._borrow() as snapshot:
            if snapshot is None:
                raise no_catalog()
            if snapshot.manifest.embedder.sha256 != taken[0].embedder:
                raise AdditionError("new_model", "A new model came: take the views again.")
            return self._desk.add(record, pictures, views, snapshot)

    def cancel(self) -> None:
        """Nothing of it is kept; also clears what was done."""
        with self._lock:
            self._session = None
            self._done = EnrolState()
            self._post(self._done)

    def picture(self, sku: str) -> bytes | None:
        """JPEG of what was added under a SKU."""
        return self._desk.picture(sku)

    def view(self, session: str, number: int) -> bytes | None:
        """JPEG of a view of the enrolment that is going on."""
        with self._lock:
            if self._session is None or self._session.name != session:
                return None
            found = [each.thumbnail for each in self._session.taken if each.number == number]
            return found[0] if found else None

    def watch(self, frame: Frame, sight: Sight) -> None:
        """From the station's thread, every frame: what the camera sees is posted, and what nobody
        goes on with is given up.
        """
        self._onlooker.watch(frame, sight)
        with self._lock:
            if self._session is None:
                return
            if time.monotonic() - self._session.touched_s > self._idle_s:
                self.cancel()
            else:
                self._show(self._session)

    def _going(self) -> _Session:
        with self._lock:
            if self._session is None:
                raise AdditionError("not_started", "This enrolment is over: begin again.")
            self._session.touched_s = time.monotonic()
            return self._session

    def _unrefused(self) -> _Session:
        session = self._going()
        if session.rival is not None:
            raise AdditionError("refused", "Leave that view out first, or give this up.")
        return session

    def _same(self, session: _Session) -> None:
        if self._session is not session:
            raise AdditionError("not_started", "This enrolment is over: begin again.")

    def _say(self) -> None:
        with self._lock:
            if self._session is not None:
                self._session.touched_s = time.monotonic()
                self._show(self._session)

    def _show(self, session: _Session) -> None:
        good, hint = self._onlooker.now()
        stage = Stage.TRYING if session.trying else Stage.VIEWS
        self._post(
            EnrolState(
                stage=Stage.REFUSED if session.rival is not None else stage,
                session=session.name,
                record=session.record,
                more=session.more,
                views=tuple(each.number for each in session.taken),
                good=good,
                hint=hint,
                rival=session.rival,
            )
        )
