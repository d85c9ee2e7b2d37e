# SPDX-License-Identifier: Apache-2.0
"""The answers for the items in view: recorded once, shown while they hold, corrected by a person.

The station's loop and the page's threads come together here, under one lock. Nothing in here waits
for a disk.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from kiosk.board import Beside, Board, Phase, Shown
from kiosk.catalog.snapshot import Snapshot
from kiosk.decide import Step, Visits
from kiosk.journal import Recorder
from kiosk.values import Decision, Match, Outcome, Record, Sight


class Listener(Protocol):
    """Who else wants to know what was decided; must return at once."""

    def decided(self, decision: Decision, records: Sequence[Record]) -> None: ...

    def confirmed(self, decision: Decision, sku: str) -> None: ...


class Answers:
    """`step` from the station's thread; `confirm`, `refuse` and `focus` from any thread."""

    def __init__(
        self,
        *,
        visits: Visits,
        board: Board,
        journal: Recorder,
        refuse: Callable[[Decision], bool] = lambda decision: False,
        listeners: Sequence[Listener] = (),
    ) -> None:
        """`refuse` stores that a decision was wrong, and says whether it could."""
        self._visits = visits
        self._board = board
        self._journal = journal
        self._refuse = refuse
        self._listeners = tuple(listeners)
        self._lock = threading.Lock()
        self._shown: dict[str, Shown] = {}
        """By visit, the answers of the items in view."""
        self._steps: tuple[Step, ...] = ()
        self._decisions = 0

    def step(self, sight: Sight, snapshot: Snapshot | None) -> tuple[Step, ...]:
        """Take a frame into account and post what it changes; the item in focus comes first.

        Without a catalog nothing is decided: "unknown" would be an answer nobody gave.
        """
        with self._lock:
            if snapshot is None:
                self._visits.lost()
                self._steps = tuple(
                    Step("", look.subject.box, None, False, look)
                    for look in sight.looks
                    if look.subject is not None
                )
            else:
                self._steps = self._visits.step(sight)
            for step in self._steps:
                if step.new and step.decision is not None:
                    self._record(step.decision, snapshot)
            self._post()
            return self._steps

    def lost(self) -> None:
        """The camera gave no frame for a while: nothing is on show any more."""
        with self._lock:
            self._visits.lost()
            self._steps = ()
            self._post()

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The answers on show, the one in focus first."""
        with self._lock:
            return tuple(one for step in self._steps if (one := self._of(step)) is not None)

    def confirm(self, decision_id: str, sku: str) -> bool:
        """A person picks one of the SKUs on offer. False when that is not possible any more."""
        with self._lock:
            visit = self._visit_of(decision_id)
            if visit is None or not self._journal.confirmation(decision_id, sku):
                return False
            self._visits.settle(decision_id)
            shown = self._shown[visit]
            self._shown[visit] = dataclasses.replace(shown, confirmed=sku)
            for listener in self._listeners:
                listener.confirmed(shown.decision, sku)
            self._post()
            return True

    def refuse(self, decision_id: str) -> bool:
        """A person says that an answer on show is wrong: decided anew, and not so again."""
        with self._lock:
            visit = self._visit_of(decision_id)
            if visit is None or not self._refuse(self._shown[visit].decision):
                return False
            self._visits.again(decision_id)
            self._steps = tuple(
                dataclasses.replace(step, decision=None) if step.visit_id == visit else step
                for step in self._steps
            )
            self._post()
            return True

    def focus(self, visit_id: str) -> bool:
        """A person picks which of several items the page shows."""
        with self._lock:
            return self._visits.focus(visit_id)

    def _visit_of(self, decision_id: str) -> str | None:
        for visit, shown in self._shown.items():
            if shown.decision.decision_id == decision_id:
                return visit
        return None

    def _record(self, decision: Decision, snapshot: Snapshot | None) -> None:
        self._decisions += 1
        self._journal.decision(decision)
        records: tuple[Record, ...] = ()
        custom: tuple[str, ...] = ()
        if snapshot is not None:
            records = tuple(snapshot.record(match.sku) for match in decision.matches)
            custom = tuple(_custom(match, decision, snapshot) for match in decision.matches)
        self._shown[decision.visit_id] = Shown(decision, records, custom=custom)
        for listener in self._listeners:
            listener.decided(decision, records)

    def _post(self) -> None:
        """What the board shows of the decisions; answers of items that have left are dropped."""
        current = {step.decision.visit_id: step for step in self._steps if step.decision}
        self._shown = {visit: one for visit, one in self._shown.items() if visit in current}
        focus, *others = self._steps or (None,)
        self._board.post(
            shown=self._of(focus) if focus else None,
            beside=tuple(
                Beside(step.visit_id, step.box, self._of(step)) for step in others if step
            ),
            decisions=self._decisions,
            phase=phase_of(self._steps),
        )

    def _of(self, step: Step) -> Shown | None:
        return self._shown.get(step.decision.visit_id) if step.decision else None


def _custom(match: Match, decision: Decision, snapshot: Snapshot) -> str:
    """Rows are those of the release that was decided with; additions have no custom content."""
    if match.added or snapshot.release != decision.hashes.release:
        return ""
    return snapshot.custom(match.reference)


def decided(steps: Sequence[Step]) -> Outcome | None:
    """What was decided about the item in focus."""
    decision = steps[0].decision if steps else None
    return decision.outcome if decision else None


def phase_of(steps: Sequence[Step]) -> Phase:
    if not steps:
        return Phase.READY
    return Phase.DECIDED if decided(steps) else Phase.LOOKING
