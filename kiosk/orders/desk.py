# SPDX-License-Identifier: Apache-2.0
"""The desk: expected lists, the one that is being checked, and what every decision does to it.

Rules: decisions never wait for the disk; what people ask for is answered only when it is on the
disk; what readers see was written before. Safe to use from several threads.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from kiosk.errors import OrderError
from kiosk.orders import changes, check, database, result
from kiosk.orders.articles import Articles
from kiosk.orders.draft import order_number
from kiosk.orders.keeper import RETRY_S, Job, Keeper
from kiosk.orders.showing import Names, checked, order_state, outdated
from kiosk.orders.values import Checked, Line, Offer, Order, OrderState, Signed, Stage, Verdict
from kiosk.values import Decision, Notebook, Record

SAVE_S = 5.0
"""How long a person waits for the disk."""
MAX_UNCLOSED = 200
REMEMBERED = 64
"""Decisions that a tap may still be about."""
LISTED = 200

Change = Callable[[Order], Order]


class OrderDesk:
    """`start` it once; feed it decisions and taps; `close` writes what still waits."""

    def __init__(
        self,
        path: Path,
        *,
        articles: Articles,
        notes: Notebook,
        post: Callable[[OrderState | None], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        save_s: float = SAVE_S,
        retry_s: float = RETRY_S,
    ) -> None:
        """`path`: the database; `post` gets what readers shall see, in a thread of the desk."""
        self._path = path
        self._articles = articles
        self._post = post
        self._now = now
        self._save_s = save_s
        self._lock = threading.Lock()
        self._orders: dict[str, Order] = {}
        self._last: Checked | None = None
        self._recent: OrderedDict[str, tuple[Decision, tuple[Record, ...]]] = OrderedDict()
        self._names = Names(articles)
        self._state: OrderState | None = None
        self._keeper = Keeper(
            path,
            notes=notes,
            loaded=self._loaded,
            everything=self._unclosed,
            show=self._show,
            retry_s=retry_s,
        )

    def start(self) -> None:
        """Load what was not closed; the order that was open is open again. Never raises: a disk
        that cannot be used shows in `state`."""
        self._keeper.start()

    def close(self) -> None:
        self._keeper.close()

    def state(self) -> OrderState | None:
        """What readers may show; None when no order is open."""
        with self._lock:
            return self._state

    def decision(self, decision: Decision, records: Sequence[Record]) -> Verdict | None:
        """Count a decision; `records`: one for each of its matches. Returns at once.

        None when no order is open, or when a person has undone this very visit.
        """
        with self._lock:
            self._recent[decision.decision_id] = decision, tuple(records)
            while len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)
            order = self._open()
            if order is None:
                return None
            after, reading = check.weigh(order, decision, records, decision.at)
            if reading is None:
                return None
            offered: tuple[Offer, ...] = ()
            if reading.verdict is Verdict.UNSURE:
                offered = check.offers(order, decision, records)
            self._last = checked(reading, decision, records, offered)
            self._submit(order, after)
            return reading.verdict

    def confirmation(self, decision_id: str, sku: str) -> Verdict | None:
        """Count what a person said a decision's item is. Returns at once.

        None when no order is open or the decision is too long ago.
        """
        with self._lock:
            order = self._open()
            known = self._recent.get(decision_id)
            if order is None or known is None:
                return None
            decision, records = known
            after, reading = check.tapped(order, decision, sku, records, self.at())
            self._last = checked(reading, decision, records, ())
            self._submit(order, after)
            return reading.verdict

    def decided(self, decision: Decision, records: Sequence[Record]) -> None:
        """For whoever tells of decisions and expects no answer."""
        self.decision(decision, records)

    def confirmed(self, decision: Decision, sku: str) -> None:
        """For whoever tells of taps and expects no answer."""
        self.confirmation(decision.decision_id, sku)

    def refused(self, decision: Decision) -> None:
        """A person said that this is wrong: it counts no more, until the visit is decided anew."""
        with self._lock:
            if self._last is not None and self._last.decision_id == decision.decision_id:
                self._last = None
            if (order := self._open()) is not None:
                self._submit(order, check.refused(order, decision))

    def catalog_changed(self) -> None:
        """Another catalog answers: names and what the camera can tell are looked up anew."""
        with self._lock:
            self._submit(None, None)

    def create(self, number: str, lines: tuple[Line, ...]) -> Order:
        """A new order; it waits until it is opened. The same list sent twice is one order.

        Raises OrderError: bad_number, order_exists, too_many_orders, not_saved.
        """
        number = order_number(number)
        with self._lock:
            same = next((each for each in self._orders.values() if each.number == number), None)
            if same is not None and same.lines == lines:
                return same
            if same is not None:
                raise OrderError(
                    "order_exists",
                    f"order {number} ({same.order_id}) is not closed yet and has another list: "
                    "change that one's lines, or close it first",
                )
            if len(self._orders) >= MAX_UNCLOSED:
                raise OrderError(
                    "too_many_orders", f"{MAX_UNCLOSED} orders are not closed: close some first"
                )
            order = Order(uuid4().hex, number, lines, self.at())
            job = self._submit(None, order)
        self._saved(job)
        return order

    def orders(self, most: int = LISTED) -> list[tuple[Order, str]]:
        """The newest orders without their counts, each with its outcome (empty: not closed).

        Raises StateError when they cannot be read.
        """
        with database.reading(self._path) as connection:
            return database.listed(connection, most)

    def order(self, order_id: str) -> tuple[Order, Signed | None]:
        """Raises OrderError: no_such_order; StateError when it cannot be read."""
        with self._lock:
            order = self._orders.get(order_id)
        if order is not None:
            return order, None
        with database.reading(self._path) as connection:
            return database.found(connection, order_id)

    def open(self, order_id: str) -> Order:
        """Check this order from now on; the one that was open waits, with its counts.

        Raises OrderError: no_such_order, order_closed, not_saved.
        """
        self._refuse_unknown(order_id)
        with self._lock:
            before = self._open()
            order = self._found(order_id)
            if before is not None and before.order_id != order_id:
                self._submit(before, replace(before, stage=Stage.WAITING))
            if before is None or before.order_id != order_id:
                self._last = None
            after = replace(order, stage=Stage.OPEN)
            job = self._submit(order, after)
        self._saved(job)
        return after

    def change(self, order_id: str, change: Change) -> Order:
        """Apply one of `kiosk.orders.changes`. Raises its OrderError, or no_such_order,
        order_closed, not_saved."""
        self._refuse_unknown(order_id)
        with self._lock:
            order = self._found(order_id)
            after = change(order)
            if outdated(self._last, order, after):
                self._last = None
            job = self._submit(order, after)
        self._saved(job)
        return after

    def close_order(self, order_id: str, name: str) -> Signed:
        """Close an order as it stands; `name` is typed by who answers for it.

        Raises OrderError: bad_name, no_such_order, order_closed, not_saved.
        """
        name = result.signer(name)
        self._refuse_unknown(order_id)
        release = self._articles.release()
        with self._lock:
            order = self._found(order_id)
            at = self.at()
            signed = result.sign(order, name=name, at=at, release=release)
            if order.stage is Stage.OPEN:
                self._last = None
            after = replace(order, stage=Stage.CLOSED, closed_at=at, expecting=0)
            job = self._submit(order, after, signed)
        self._saved(job)
        return signed

    def _open(self) -> Order | None:
        return next((each for each in self._orders.values() if each.stage is Stage.OPEN), None)

    def _unclosed(self) -> list[Order]:
        with self._lock:
            return list(self._orders.values())

    def _found(self, order_id: str) -> Order:
        found = self._orders.get(order_id)
        if found is None:  # closed since it was looked for, or the disk has not taken that yet
            raise OrderError(
                "order_closed", f"order {order_id} was closed a moment ago: it changes no more"
            )
        return found

    def _refuse_unknown(self, order_id: str) -> None:
        """Raises OrderError: no_such_order, or order_closed when it is in the database only;
        StateError when nobody can tell."""
        order, _ = self.order(order_id)
        changes.refuse_closed(order)

    def _submit(
        self, before: Order | None, after: Order | None, signed: Signed | None = None
    ) -> Job:
        """Take a change over and have it written. Call with the lock held."""
        if after is not None:
            if after.stage is Stage.CLOSED:
                self._orders.pop(after.order_id, None)
            else:
                self._orders[after.order_id] = after
        written = after if after is not before else None
        old = before.counts if before is not None else ()
        counts = after.counts if after is not None else ()
        changed = [each for at, each in enumerate(counts) if at >= len(old) or each is not old[at]]
        lines = before is None or after is None or after.lines is not before.lines
        job = Job(written, tuple(changed), signed, lines, self._open(), self._last)
        self._keeper.submit(job)
        return job

    def _saved(self, job: Job) -> None:
        if not job.done.wait(self._save_s):
            raise OrderError(
                "not_saved",
                "the disk does not take it: it is kept in memory and saved as soon as that works; "
                "free space or make the disk writable, and do not switch off",
            )

    def _loaded(self, orders: list[Order]) -> None:
        with self._lock:
            for order in orders:
                self._orders.setdefault(order.order_id, order)
            self._submit(None, None)

    def _show(self, job: Job, trouble: str) -> None:
        state = None
        if job.shown is not None:
            state = order_state(job.shown, job.last, self._names, trouble)
        with self._lock:
            self._state = state
        self._post(state)

    def at(self) -> str:
        """Now, as orders keep times: UTC, ISO 8601."""
        return self._now().astimezone(UTC).isoformat(timespec="microseconds")
