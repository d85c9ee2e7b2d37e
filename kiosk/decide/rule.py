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
    if not _enough(found[0], thresholds):
        return Verdict(Outcome.CHOOSE, Rule.SOME_SIMILARITY, found)
    if lead(found) < _least_lead(found[0], thresholds):
        return Verdict(Outcome.CHOOSE, Rule.SMALL_MARGIN, found)
    if found[0].verified is not None and any(match.verified is None for match in found):
        # What raised the best one may raise one of the others more.
        return Verdict(Outcome.CHOOSE, Rule.UNFINISHED, found)
    return Verdict(Outcome.ACCEPTED, Rule.ACCEPTED, found)


def _enough(best: Match, thresholds: Thresholds) -> bool:
    """Two ways to be sure enough, each with its own strangers: by similarity, or by the print.

    One limit for both would shut out everything that has no print, such as fruit.
    """
    found_print = best.verified is not None and best.verified.points > 0
    return best.similarity >= thresholds.accept or (
        found_print and best.evidence >= thresholds.by_print
    )


def _least_lead(best: Match, thresholds: Thresholds) -> float:
    """Among look-alikes only a second look that found the print can tell."""
    if not best.contested:
        return thresholds.margin
    if best.verified is None or best.verified.points == 0:
        return NEVER_APART
    return max(thresholds.margin, thresholds.apart)


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
