# SPDX-License-Identifier: Apache-2.0
"""What another release would have said to past customers: which decisions flip, and for the better?

A flip is another outcome, or another SKU accepted. What a person tapped afterwards tells better
from worse; where nobody said anything it is unclear. One decision in memory at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from kiosk.catalog.snapshot import Snapshot
from kiosk.errors import StateError
from kiosk.journal import Story
from kiosk.journal.looks import match_of
from kiosk.refusals import Refusals
from kiosk.replay.again import Replayed, again
from kiosk.replay.differ import accepted
from kiosk.values import Outcome


class Effect(StrEnum):
    """What a flip means, by what a person said of the decision."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Flip:
    """One decision that would be another one."""

    decision_id: str
    at: str
    before: str
    """Its outcome."""
    before_sku: str
    """The SKU it accepted; or empty."""
    after: str
    after_sku: str
    confirmed: str
    """The SKU a person said it is; or empty."""
    refused: tuple[str, ...]
    """SKUs a person said it is not."""
    effect: Effect


@dataclass(slots=True)
class Tally:
    """The sums, filled while `flips` is read."""

    replayed: int = 0
    same: int = 0
    flips: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many decisions went from one outcome to another."""
    effects: Counter[Effect] = field(default_factory=Counter)
    other_embedder: int = 0
    """Decisions whose embeddings cannot be compared with this release."""
    not_kept: int = 0
    """Decisions of an older kiosk, which kept no embeddings."""
    without_features: int = 0
    """Of those replayed, decisions whose second look is as it was then."""
    damaged: list[str] = field(default_factory=list)
    """What cannot be read, in sentences; at most MOST_NAMED."""
    damages: int = 0

    @property
    def flipped(self) -> int:
        return sum(self.flips.values())

    @property
    def share(self) -> float:
        """Of the decisions replayed, those that flip."""
        return self.flipped / self.replayed if self.replayed else 0.0


MOST_NAMED = 20


def flips(
    stories: Iterable[Story],
    snapshot: Snapshot,
    agreement_frames: int,
    refusals: Refusals | None,
    tally: Tally,
) -> Iterator[Flip]:
    """Every decision that flips on the release in `snapshot`; `tally` is kept up meanwhile."""
    embedder = snapshot.manifest.embedder.sha256
    for story in stories:
        if story.damage:
            _damaged(tally, story.damage)
        elif story.evidence["hashes"].get("embedder") != embedder:
            tally.other_embedder += 1
        elif not story.looks:
            tally.not_kept += 1
        else:
            try:
                made = again(story, snapshot, agreement_frames, refusals)
            except StateError as error:
                _damaged(tally, str(error))
                continue
            tally.replayed += 1
            tally.without_features += bool(made.remarks)
            flip = _flip(story, made)
            if flip is None:
                tally.same += 1
                continue
            tally.flips[_named(flip)] += 1
            tally.effects[flip.effect] += 1
            yield flip


def said_by_people(story: Story) -> tuple[str, tuple[str, ...]]:
    """The SKU a person said it is (the last word; or empty), and those they said it is not."""
    confirmed = ""
    refused: dict[str, bool] = {}
    for entry in story.afterwards:
        sku = str(entry["sku"] or "")
        if entry["kind"] == "confirmation":
            confirmed = sku
        elif entry["kind"] in {"refusal", "refusal-undone"}:
            refused[sku] = entry["kind"] == "refusal"
    return confirmed, tuple(sku for sku, holds in refused.items() if holds)


def _flip(story: Story, made: Replayed) -> Flip | None:
    before, before_sku = str(story.entry["outcome"]), str(story.entry["sku"] or "")
    after, after_sku = made.verdict.outcome.value, accepted(made) or ""
    if (before, before_sku) == (after, after_sku):
        return None
    confirmed, refused = said_by_people(story)
    offered = {match_of(facts).sku for facts in story.evidence.get("matches", ())}
    now_offered = {match.sku for match in made.verdict.matches[: max(2, len(offered))]}
    worth = _worth(before, before_sku, offered, confirmed, refused)
    now_worth = _worth(after, after_sku, now_offered, confirmed, refused)
    effect = Effect.UNCLEAR
    if worth is not None and now_worth is not None and worth != now_worth:
        effect = Effect.BETTER if now_worth > worth else Effect.WORSE
    return Flip(
        story.decision_id,
        str(story.entry["at"]),
        before,
        before_sku,
        after,
        after_sku,
        confirmed,
        refused,
        effect,
    )


def _worth(
    outcome: str, sku: str, offered: set[str], confirmed: str, refused: tuple[str, ...]
) -> int | None:
    """How good an answer is, by what a person said; None: nobody said enough to tell."""
    if outcome == Outcome.ACCEPTED.value:
        if confirmed:
            return 3 if sku == confirmed else 0
        return 0 if sku in refused else None
    if confirmed:
        return 2 if outcome == Outcome.CHOOSE.value and confirmed in offered else 1
    return 1 if refused else None


def _named(flip: Flip) -> tuple[str, str]:
    """An accepted SKU that becomes another one is a kind of its own."""
    if flip.before == flip.after:
        return flip.before, f"{flip.after}, another SKU"
    return flip.before, flip.after


def _damaged(tally: Tally, sentence: str) -> None:
    tally.damages += 1
    if len(tally.damaged) < MOST_NAMED:
        tally.damaged.append(sentence)
