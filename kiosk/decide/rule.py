# SPDX-License-Identifier: Apache-2.0
"""The rules for one set of matches: what it is, whether it is one named SKU, what kind it is.

Pure. Accepted is what has enough evidence, and clearly more than the runner-up. Evidence is
similarity, raised by what the second look found. The thresholds are the release's, measured on the
same evidence when it was calibrated. Nothing here accepts what a person said it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kiosk.values import NEVER_APART, Match, Outcome, Rule, Thresholds

NO_EVIDENCE = -1.0
CLEAR_PRINT = 0.5
"""Least strength of a print that may decide."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the matches of one look, or of several fused, would mean on their own."""

    outcome: Outcome
    rule: Rule
    matches: tuple[Match, ...]
    """SKUs by falling evidence."""

    @property
    def sku(self) -> str | None:
        """The best SKU, whatever the outcome; None without any match."""
        return self.matches[0].sku if self.matches else None

    @property
    def similarity(self) -> float:
        return self.matches[0].similarity if self.matches else NO_EVIDENCE

    @property
    def evidence(self) -> float:
        return self.matches[0].evidence if self.matches else NO_EVIDENCE

    @property
    def margin(self) -> float:
        return lead(self.matches)


def lead(matches: Sequence[Match]) -> float:
    """Evidence for the best SKU over its runner-up; with no runner-up, over no evidence."""
    if not matches:
        return 0.0
    runner_up = matches[1].evidence if len(matches) > 1 else NO_EVIDENCE
    return matches[0].evidence - runner_up


def judge(matches: Sequence[Match], thresholds: Thresholds) -> Verdict:
    """Apply the thresholds to SKUs sorted by falling evidence."""
    found = tuple(matches)
    if not found or found[0].evidence < thresholds.choose:
        return Verdict(Outcome.UNKNOWN, Rule.LOW_SIMILARITY, found)
    best = found[0]
    if best.refused:
        return Verdict(Outcome.CHOOSE, Rule.REFUSED, found)
    # Two ways to be sure enough, each with its own strangers: by similarity, or by the print. One
    # limit for both would shut out everything that has no print, such as fruit.
    by_print = _clear_print(best) and best.evidence >= thresholds.by_print
    if best.similarity < _least(best, thresholds) and not by_print:
        return Verdict(Outcome.CHOOSE, Rule.SOME_SIMILARITY, found)
    if lead(found) < thresholds.margin or not (by_print or _leads_alone(found, thresholds)):
        return Verdict(Outcome.CHOOSE, Rule.SMALL_MARGIN, found)
    # What no strangers were tried on by similarity has only the limit of the print.
    if not told_apart(found, thresholds) or (best.contested and not by_print):
        return Verdict(Outcome.CHOOSE, Rule.LOOK_ALIKES, found)
    if _unfinished(found):
        return Verdict(Outcome.CHOOSE, Rule.UNFINISHED, found)
    return Verdict(Outcome.ACCEPTED, Rule.ACCEPTED, found)


def _unfinished(found: Sequence[Match]) -> bool:
    """What raised the best one may raise one of the others more, once it is compared."""
    return found[0].verified is not None and any(match.verified is None for match in found)


def _leads_alone(found: Sequence[Match], thresholds: Thresholds) -> bool:
    """Similarity leads without any print: a weak one that turns the order is no reason to accept.

    Look-alikes are told apart by a clear print only, see `told_apart`.
    """
    others = max((match.similarity for match in found[1:]), default=NO_EVIDENCE)
    return found[0].contested or found[0].similarity - others >= thresholds.margin


def _clear_print(match: Match) -> bool:
    """A second look found the print, and more of it than chance or a shared logo gives."""
    return match.verified is not None and match.verified.strength >= CLEAR_PRINT


def _least(best: Match, thresholds: Thresholds) -> float:
    """Least similarity to accept this very SKU; its own limit is never below the release's."""
    return thresholds.accept if best.accept is None else max(best.accept, thresholds.accept)


def told_apart(found: Sequence[Match], thresholds: Thresholds) -> bool:
    """The best SKU has no look-alikes, or a second look found its print and less of theirs.

    SKUs with the very same picture can never be told apart.
    """
    best = found[0]
    if best.accept is not None and best.accept >= NEVER_APART:
        return False
    return not best.contested or (_clear_print(best) and lead(found) >= thresholds.apart)


class Said(StrEnum):
    """The answer to "is this SKU X?"."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to "is this SKU X?" and the reason, in words."""

    said: Said
    reason: str


def same(matches: Sequence[Match], sku: str, thresholds: Thresholds) -> Answer:
    """Whether the item behind these matches, sorted by falling evidence, is `sku`.

    A SKU that is not listed has at most the evidence of the last one that is.
    """
    if not matches:
        return Answer(Said.UNSURE, "nothing was found to compare")
    best = matches[0]
    asked = next((match for match in matches if match.sku == sku), None)
    if asked is not None and asked.refused:
        return Answer(Said.UNSURE, str(Rule.REFUSED))
    verdict = judge(matches, thresholds)
    if verdict.outcome is Outcome.ACCEPTED:
        if best.sku == sku:
            return Answer(Said.YES, str(verdict.rule))
        return Answer(Said.NO, f"it is {best.sku}: {verdict.rule}")
    evidence = matches[-1].evidence if asked is None else asked.evidence
    if evidence < thresholds.differs:
        return Answer(Said.NO, "less like it than its own views are")
    if asked is None or evidence < thresholds.same:
        return Answer(Said.UNSURE, str(Rule.SOME_SIMILARITY))
    if best.sku != sku or lead(matches) < thresholds.margin:
        return Answer(Said.UNSURE, str(Rule.SMALL_MARGIN))
    if not told_apart(matches, thresholds):
        return Answer(Said.UNSURE, str(Rule.LOOK_ALIKES))
    if _unfinished(matches):
        return Answer(Said.UNSURE, str(Rule.UNFINISHED))
    return Answer(Said.YES, "enough evidence for this one SKU")


def category(matches: Sequence[Match], thresholds: Thresholds) -> str:
    """What kind of item it is, as far as the two nearest SKUs agree and are near; or empty."""
    nearest = sorted(matches, key=lambda match: -match.similarity)[:2]
    names = {match.category for match in nearest}
    near = len(nearest) == 2 and nearest[0].similarity >= thresholds.category
    return names.pop() if near and len(names) == 1 else ""


def fuse(looks: Sequence[Sequence[Match]]) -> tuple[Match, ...]:
    """One list of matches for several looks at the same item: the mean evidence per SKU.

    A SKU that a look did not list counts there as its weakest listed match, the most it can have
    been. The reference and what the second look found are those of the SKU's best look; what one
    look refused stays refused.
    """
    best: dict[str, Match] = {}
    for match in (match for look in looks for match in look):
        if match.sku not in best or match.evidence > best[match.sku].evidence:
            best[match.sku] = match
    similarities = [{match.sku: match.similarity for match in look} for look in looks]
    evidence = [{match.sku: match.evidence for match in look} for look in looks]
    refused = {match.sku for look in looks for match in look if match.refused}
    raised = any(match.fused is not None for look in looks for match in look)
    fused = [
        replace(
            match,
            similarity=_mean(similarities, sku),
            fused=_mean(evidence, sku) if raised else None,
            refused=sku in refused,
        )
        for sku, match in best.items()
    ]
    return tuple(sorted(fused, key=lambda match: (-match.evidence, match.sku)))


def _mean(looks: Sequence[Mapping[str, float]], sku: str) -> float:
    return sum(look.get(sku, min(look.values(), default=NO_EVIDENCE)) for look in looks) / len(
        looks
    )
