# SPDX-License-Identifier: Apache-2.0
"""The rule for one set of matches: enough evidence, and clearly more than for the runner-up.

Pure. Evidence is similarity, raised by what the second look found. The thresholds are the
release's, measured on the same evidence when it was built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
    if best.similarity < thresholds.accept and not by_print:
        return Verdict(Outcome.CHOOSE, Rule.SOME_SIMILARITY, found)
    if lead(found) < _least_lead(best, thresholds) or not (
        by_print or _leads_alone(found, thresholds)
    ):
        return Verdict(Outcome.CHOOSE, Rule.SMALL_MARGIN, found)
    if found[0].verified is not None and any(match.verified is None for match in found):
        # What raised the best one may raise one of the others more.
        return Verdict(Outcome.CHOOSE, Rule.UNFINISHED, found)
    return Verdict(Outcome.ACCEPTED, Rule.ACCEPTED, found)


def _leads_alone(found: Sequence[Match], thresholds: Thresholds) -> bool:
    """Similarity leads without any print: a weak one that turns the order is no reason to accept.

    Look-alikes are told apart by a clear print only, see `_least_lead`.
    """
    others = max((match.similarity for match in found[1:]), default=NO_EVIDENCE)
    return found[0].contested or found[0].similarity - others >= thresholds.margin


def _clear_print(match: Match) -> bool:
    """A second look found the print, and more of it than chance or a shared logo gives."""
    return match.verified is not None and match.verified.strength >= CLEAR_PRINT


def _least_lead(best: Match, thresholds: Thresholds) -> float:
    """Among look-alikes only a second look that found the print can tell."""
    if not best.contested:
        return thresholds.margin
    if not _clear_print(best):
        return NEVER_APART
    return max(thresholds.margin, thresholds.apart)


def category(matches: Sequence[Match], thresholds: Thresholds) -> str:
    """What kind of item it is, as far as the two nearest SKUs agree and are near; or empty."""
    nearest = sorted(matches, key=lambda match: -match.similarity)[:2]
    names = {match.category for match in nearest}
    near = len(nearest) == 2 and nearest[0].similarity >= thresholds.category
    return names.pop() if near and len(names) == 1 else ""


def fuse(looks: Sequence[Sequence[Match]]) -> tuple[Match, ...]:
    """One list of matches for several looks at the same item: the mean evidence per SKU.

    A SKU that a look did not list counts there as its weakest listed match, the most it can have
    been. The reference and what the second look found are those of the SKU's best look.
    """
    best: dict[str, Match] = {}
    for match in (match for look in looks for match in look):
        if match.sku not in best or match.evidence > best[match.sku].evidence:
            best[match.sku] = match
    similarities = [{match.sku: match.similarity for match in look} for look in looks]
    evidence = [{match.sku: match.evidence for match in look} for look in looks]
    raised = any(match.fused is not None for look in looks for match in look)
    fused = [
        replace(
            match,
            similarity=_mean(similarities, sku),
            fused=_mean(evidence, sku) if raised else None,
        )
        for sku, match in best.items()
    ]
    return tuple(sorted(fused, key=lambda match: (-match.evidence, match.sku)))


def _mean(looks: Sequence[Mapping[str, float]], sku: str) -> float:
    return sum(look.get(sku, min(look.values(), default=NO_EVIDENCE)) for look in looks) / len(
        looks
    )
