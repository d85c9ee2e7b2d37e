# SPDX-License-Identifier: Apache-2.0
"""Visits: an item is put down, looked at over several frames, decided once, and taken away.

Accept early when frames in a row agree; ask or say unknown when the time is up. A decision for one
visit may still become `accepted` while the item lies there, never the other way round, and an item
swapped without a gap begins a visit of its own. No clock in here: time is the frames' own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from kiosk.config import DecideConfig
from kiosk.decide.rule import Verdict, fuse, judge
from kiosk.values import NEVER_APART, Box, Decision, Hashes, Look, Match, Outcome, Rule
from kiosk.vision.boxes import iou

FUSED_LOOKS = 10
"""Looks fused when time is up: the newest second or so, not how the item came in."""
CLOSE_MARGINS = 2.0
"""Look-alikes are offered together when they lie within this many margins of the best."""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """What one more frame made of the situation."""

    present: bool
    """An item is there."""
    decision: Decision | None
    """The decision of the visit that is going on."""
    new: bool
    """`decision` was made by this very frame."""
    cut_off: bool = False
    """The item reaches over the edge of the frame."""


@dataclass(slots=True)
class _Visit:
    visit_id: str
    release: str
    """Looks at different releases do not add up: a swap begins a new visit."""
    since_ns: int
    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=FUSED_LOOKS))
    verdicts: deque[Verdict] = field(default_factory=deque)
    """Of the frames in a row that showed the whole item; the newest last."""
    frames: int = 0
    supported_ns: int = 0
    """When a frame last spoke for the decision."""
    decision: Decision | None = None
    settled: bool = False
    """A person has said what it is: nothing more is decided."""


class Visits:
    """Feed every look in order; read the decision. Not thread-safe."""

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
        self._visit: _Visit | None = None
        self._absent = 0
        self._box: Box | None = None

    @property
    def box(self) -> Box | None:
        """Where the item of this visit was last seen."""
        return self._box

    def settle(self) -> None:
        """A person has answered for this visit: keep its decision as it is."""
        if self._visit is not None:
            self._visit.settled = True

    def lost(self) -> None:
        """The camera gave no frame for a while: whatever was there, nobody watched it stay."""
        self._visit = self._box = None
        self._absent = 0

    def step(self, look: Look) -> Step:
        """Take one more look into account."""
        if look.subject is None:
            return self._nothing()
        self._absent = 0
        moved_away = self._box is not None and iou(self._box, look.subject.box) == 0.0
        self._box = look.subject.box
        if self._visit is None or moved_away or self._visit.release != look.release:
            self._visit = self._begin(look)
        visit = self._visit
        verdict = self._count(visit, look)
        decision = self._decide(visit, look, verdict)
        if decision is None and self._unsupported(visit, look, verdict):
            self._visit = visit = self._begin(look)
            self._count(visit, look)
        if decision is not None:
            visit.decision = decision
            visit.supported_ns = look.captured_ns
        return Step(True, visit.decision, decision is not None, not look.whole)

    def _nothing(self) -> Step:
        self._absent += 1
        if self._visit is not None and self._absent >= self._config.absent_frames:
            self._visit = self._box = None
        if self._visit is None:
            return Step(False, None, False)
        self._visit.verdicts.clear()
        return Step(True, self._visit.decision, False)

    def _begin(self, look: Look) -> _Visit:
        return _Visit(self._new_id(), look.release, look.captured_ns, supported_ns=look.captured_ns)

    def _count(self, visit: _Visit, look: Look) -> Verdict:
        verdict = judge(look.matches, look.thresholds)
        visit.frames += 1
        visit.looks.append(look)
        if look.whole:
            visit.verdicts.append(verdict)
            while len(visit.verdicts) > 2 * self._config.agreement_frames:
                visit.verdicts.popleft()
        else:  # a cut-off item can look like another one: it speaks for nothing
            visit.verdicts.clear()
        return verdict

    def _decide(self, visit: _Visit, look: Look, verdict: Verdict) -> Decision | None:
        """A new decision for this visit, or None when there is nothing new to say."""
        before = visit.decision.outcome if visit.decision else None
        if before is Outcome.ACCEPTED or visit.settled:
            return None
        run = self._agreement(visit, Outcome.ACCEPTED, verdict.sku)
        if run >= self._config.agreement_frames:
            return self._made(visit, look, verdict, run)
        waited = look.captured_ns - visit.since_ns >= self._config.time_limit_s * _NS
        if before is None and waited:
            fused = judge(fuse([each.matches for each in visit.looks]), look.thresholds)
            return self._made(visit, look, _disputed(fused), run)
        steady = 2 * self._config.agreement_frames
        if before is Outcome.UNKNOWN and self._agreement(visit, Outcome.CHOOSE, None) >= steady:
            return self._made(visit, look, verdict, steady)
        return None

    def _agreement(self, visit: _Visit, outcome: Outcome, sku: str | None) -> int:
        """How many of the newest frames in a row say `outcome` (and `sku`, when one is given)."""
        run = 0
        for verdict in reversed(visit.verdicts):
            if verdict.outcome is not outcome or (sku is not None and verdict.sku != sku):
                break
            run += 1
        return run

    def _unsupported(self, visit: _Visit, look: Look, verdict: Verdict) -> bool:
        """True when frames stopped speaking for the decision: the item was swapped."""
        decision = visit.decision
        if decision is None or decision.outcome is Outcome.UNKNOWN:
            return False
        if decision.sku is not None:
            supports = verdict.sku == decision.sku and verdict.outcome is not Outcome.UNKNOWN
        else:
            offered = {match.sku for match in decision.matches}
            supports = verdict.sku in offered and verdict.outcome is not Outcome.UNKNOWN
        if supports:
            visit.supported_ns = look.captured_ns
        return look.captured_ns - visit.supported_ns >= self._config.time_limit_s * _NS

    def _made(self, visit: _Visit, look: Look, verdict: Verdict, agreeing: int) -> Decision:
        assert look.subject is not None
        return Decision(
            decision_id=self._new_id(),
            visit_id=visit.visit_id,
            at=self._now().isoformat(timespec="milliseconds"),
            outcome=verdict.outcome,
            rule=verdict.rule,
            matches=self._shown(verdict, look),
            box=look.subject.box,
            frame_size=look.frame_size,
            similarity=verdict.similarity,
            margin=verdict.margin,
            agreement=(agreeing, visit.frames),
            sequence=look.sequence,
            thresholds=look.thresholds,
            hashes=self._hashes(look),
            timings=look.timings,
        )

    def _shown(self, verdict: Verdict, look: Look) -> tuple[Match, ...]:
        """The matches that go with the answer: for a choice those worth offering, at least two."""
        most = verdict.matches[: self._config.candidates]
        if verdict.outcome is not Outcome.CHOOSE:
            return most
        least = look.thresholds.choose
        if verdict.rule is Rule.SMALL_MARGIN:  # the item is one of those that lie close together
            close = CLOSE_MARGINS * look.thresholds.margin
            if verdict.matches[0].contested and look.thresholds.apart < NEVER_APART:
                close = max(close, look.thresholds.apart)
            least = max(least, verdict.evidence - close)
        worth = [match for match in most if match.evidence >= least]
        return tuple(worth) if len(worth) > 1 else most[:2]


def _disputed(verdict: Verdict) -> Verdict:
    """Fused frames may look acceptable, but frames that did not agree only offer a choice."""
    if verdict.outcome is not Outcome.ACCEPTED:
        return verdict
    return Verdict(Outcome.CHOOSE, Rule.NO_AGREEMENT, verdict.matches)
