# SPDX-License-Identifier: Apache-2.0
"""Visits: an item is put down, looked at over several frames, decided once, and taken away.

Each item in view has a visit of its own. A decision may still become `accepted` while the item lies
there, never the other way round, and an item swapped without a gap begins a visit of its own. No
clock in here: time is the frames' own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from kiosk.config import DecideConfig
from kiosk.decide.conclude import FUSED_LOOKS, Conclusion, Moment, clear, conclude
from kiosk.decide.holds import contradicted, speaks_for
from kiosk.decide.offer import offered
from kiosk.decide.rule import category
from kiosk.decide.tracks import assigned, still
from kiosk.values import (
    Box,
    Decision,
    Hashes,
    Look,
    Outcome,
    Sight,
)

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """What one more frame made of one item."""

    visit_id: str
    box: Box
    """Where it is, or was last seen."""
    decision: Decision | None
    """The decision of its visit."""
    new: bool
    """`decision` was made by this very frame."""
    look: Look | None
    """The look at it in this frame; None: it was not seen now."""


@dataclass(slots=True, eq=False)
class _Visit:
    visit_id: str
    release: str
    """Looks at different releases do not add up: a swap begins a new visit."""
    box: Box
    since_ns: int
    rest_ns: int
    """Since when it lies still."""
    clear_ns: int
    """Since when it is seen well."""
    seen_ns: int
    """When it was last seen."""
    looks: deque[Look]
    frames: int = 0
    absent: int = 0
    against: int = 0
    """Clear looks in a row that did not speak for the decision."""
    supported_ns: int = 0
    """When a frame last spoke for the decision."""
    decision: Decision | None = None
    settled: bool = False
    """A person has said what it is: nothing more is decided."""
    before: tuple[str, str] | None = None
    """Visit and SKU that were answered in this place, until frames stopped speaking for it."""


class Visits:
    """Feed every sight in order; read the decisions. Not thread-safe."""

    def __init__(
        self,
        config: DecideConfig,
        hashes: Callable[[Look], Hashes],
        *,
        new_id: Callable[[], str] = lambda: uuid4().hex,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config = config
        self._hashes = hashes
        self._new_id = new_id
        self._now = now
        self._visits: list[_Visit] = []
        self._chosen = ""

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Where the items of the visits were last seen, the one in focus first."""
        return tuple(visit.box for visit in self._visits)

    def settle(self, decision_id: str) -> None:
        """A person has answered: keep the decision of that visit as it is."""
        for visit in self._visits:
            if visit.decision is not None and visit.decision.decision_id == decision_id:
                visit.settled = True

    def focus(self, visit_id: str) -> bool:
        """A person turns to this item: it stays in focus while it is there. False: it has left."""
        there = any(visit.visit_id == visit_id for visit in self._visits)
        self._chosen = visit_id if there else self._chosen
        return there

    def lost(self) -> None:
        """The camera gave no frame for a while: whatever was there, nobody watched it stay."""
        self._visits.clear()

    def again(self, decision_id: str) -> None:
        """What was known has changed (a refusal): decide that visit anew."""
        for at, visit in enumerate(self._visits):
            if visit.decision is not None and visit.decision.decision_id == decision_id:
                # It may be out of sight at this very moment, and then has no looks.
                new = self._begin(visit.release, visit.box, visit.seen_ns)
                new.absent = visit.absent
                self._chosen = new.visit_id if self._chosen == visit.visit_id else self._chosen
                self._visits[at] = new

    def step(self, sight: Sight) -> tuple[Step, ...]:
        """Take one more frame into account: a step for each visit, the one in focus first."""
        places = assigned(self.boxes, [_box(look) for look in sight.looks])
        at: dict[int, Look] = {}
        fresh: list[Look] = []
        for place, look in zip(places, sight.looks, strict=True):
            if place is None:
                fresh.append(look)
            else:
                at[place] = look
        known = list(self._visits)
        steps = [self._step(visit, at.get(place)) for place, visit in enumerate(known)]
        for look in fresh:
            self._visits.append(self._begin_at(look))
            steps.append(self._seen(self._visits[-1], look))
        both = sorted(zip(self._visits, steps, strict=True), key=self._prominence(sight))
        there = [pair for pair in both if pair[0].absent < self._config.absent_frames]
        self._visits = [visit for visit, _ in there]
        return tuple(step for _, step in there)

    def _prominence(self, sight: Sight) -> Callable[[tuple[_Visit, Step]], int]:
        """Order of attention: that of the sight; what is out of sight for a moment keeps it."""
        place = {id(look): number for number, look in enumerate(sight.looks)}
        focus = self._visits[0] if self._visits else None

        def order(pair: tuple[_Visit, Step]) -> int:
            visit, step = pair
            if visit.visit_id == self._chosen:
                return -2
            if step.look is None:
                return -1 if visit is focus else len(place)
            return place[id(step.look)]

        return order

    def _step(self, visit: _Visit, look: Look | None) -> Step:
        if look is None:
            visit.absent += 1
            visit.looks.clear()  # frames before and after a gap do not agree
            return Step(visit.visit_id, visit.box, visit.decision, False, None)
        if visit.release != look.release:
            visit = self._replace(visit, self._begin_at(look))
        return self._seen(visit, look)

    def _seen(self, visit: _Visit, look: Look) -> Step:
        self._count(visit, look)
        conclusion = self._concluded(visit, look)
        if conclusion is None and self._unsupported(visit, look):
            visit = self._taken_back(visit, look)
        if conclusion is not None:
            visit.decision = self._made(visit, look, conclusion)
            visit.supported_ns = look.captured_ns
            visit.against = 0
        return Step(visit.visit_id, visit.box, visit.decision, conclusion is not None, look)

    def _begin_at(self, look: Look) -> _Visit:
        return self._begin(look.release, _box(look), look.captured_ns)

    def _begin(self, release: str, box: Box, now: int) -> _Visit:
        most = max(FUSED_LOOKS, 2 * self._config.agreement_frames)
        looks = deque[Look](maxlen=most)
        return _Visit(self._new_id(), release, box, now, now, now, now, looks, supported_ns=now)

    def _replace(self, old: _Visit, new: _Visit) -> _Visit:
        at = next(at for at, visit in enumerate(self._visits) if visit is old)
        self._visits[at] = new
        return new

    def _taken_back(self, visit: _Visit, look: Look) -> _Visit:
        """Begin anew in the same place, remembering what was answered: it may be a mere doubt."""
        new = self._begin_at(look)
        new.before = visit.before
        if visit.decision is not None and visit.decision.sku is not None:
            new.before = (visit.visit_id, visit.decision.sku)
        self._count(new, look)
        return self._replace(visit, new)

    def _count(self, visit: _Visit, look: Look) -> None:
        if not still(visit.box, _box(look)):
            visit.rest_ns = look.captured_ns
        visit.box = _box(look)
        visit.seen_ns = look.captured_ns
        visit.absent = 0
        visit.frames += 1
        visit.looks.append(look)

    def _concluded(self, visit: _Visit, look: Look) -> Conclusion | None:
        """Something new to say about this visit, or None."""
        before = visit.decision.outcome if visit.decision else None
        if before in {Outcome.ACCEPTED, Outcome.MISMATCH} or visit.settled:
            return None
        looks, frames = tuple(visit.looks), self._config.agreement_frames
        found = conclude(looks, frames, Moment.EARLY)
        if found is not None:
            return found
        if before is None and self._waited(visit, look):
            return conclude(looks, frames, Moment.LATE)
        if before is Outcome.UNKNOWN:
            return conclude(looks, frames, Moment.AGAIN)
        return None

    def _waited(self, visit: _Visit, look: Look) -> bool:
        """The time is up; while a person could still show the item better, it is longer."""
        now, short, long = look.captured_ns, self._config.time_limit_s, self._config.hint_limit_s
        if not clear(look):
            visit.clear_ns = now
        unclear_s = (now - visit.since_ns) / _NS
        return (now - visit.clear_ns) / _NS >= short or unclear_s >= max(short, long)

    def _unsupported(self, visit: _Visit, look: Look) -> bool:
        """True when frames stopped speaking for the decision: the item was swapped."""
        decision = visit.decision
        if decision is None or decision.outcome is Outcome.UNKNOWN:
            return False
        if contradicted(decision, tuple(visit.looks)):
            return True
        if speaks_for(look, decision):
            visit.supported_ns = look.captured_ns
            visit.against = 0
            return False
        visit.against = visit.against + 1 if clear(look) else 0
        silent_ns = look.captured_ns - visit.supported_ns
        # A hand over the item says nothing; clear looks at something else say so quickly.
        steady = visit.against >= 2 * self._config.agreement_frames
        return steady or silent_ns >= self._config.time_limit_s * _NS

    def _made(self, visit: _Visit, look: Look, conclusion: Conclusion) -> Decision:
        verdict = conclusion.verdict
        shown = offered(verdict, look.thresholds, self._config.candidates)
        if visit.before is not None:
            before, sku = visit.before
            accepted = verdict.outcome is Outcome.ACCEPTED
            if accepted and verdict.sku == sku:  # it was a doubt, not a swap: still the same visit
                visit.visit_id = before
            if verdict.outcome is not Outcome.CHOOSE or sku not in {one.sku for one in shown}:
                visit.before = None
        waited_ns = look.captured_ns - min(visit.rest_ns, look.captured_ns)
        return Decision(
            decision_id=self._new_id(),
            visit_id=visit.visit_id,
            at=self._now().isoformat(timespec="milliseconds"),
            outcome=verdict.outcome,
            rule=verdict.rule,
            matches=shown,
            box=_box(look),
            frame_size=look.frame_size,
            similarity=verdict.similarity,
            margin=verdict.margin,
            agreement=(conclusion.agreeing, visit.frames),
            sequence=look.sequence,
            thresholds=look.thresholds,
            hashes=self._hashes(look),
            timings=look.timings,
            category=category(verdict.matches, look.thresholds),
            looks=_kept(visit.looks),
            waited_ms=waited_ns / 1e6,
            moment=conclusion.moment.value,
        )


def _box(look: Look) -> Box:
    assert look.subject is not None
    return look.subject.box


def _kept(looks: Iterable[Look]) -> tuple[Look, ...]:
    """Local features are large: those of the settling look are enough to look again."""
    *earlier, last = looks
    return (*(replace(look, features=None) for look in earlier), last)
