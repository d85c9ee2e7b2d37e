# SPDX-License-Identifier: Apache-2.0
"""The rule for one set of matches: similar enough, and clearly more similar than the runner-up.

Pure. The thresholds are the release's, measured when it was built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kiosk.values import Match, Outcome, Rule, Thresholds

NO_SIMILARITY = -1.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the matches of one look, or of several fused, would mean on their own."""

    outcome: Outcome
    rule: Rule
    matches: tuple[Match, ...]
    """SKUs by falling similarity."""

    @property
    def sku(self) -> str | None:
        """The best SKU, whatever the outcome; None without any match."""
        return self.matches[0].sku if self.matches else None

    @property
    def similarity(self) -> float:
        return self.matches[0].similarity if self.matches else NO_SIMILARITY

    @property
    def margin(self) -> float:
        return lead(self.matches)


def lead(matches: Sequence[Match]) -> float:
    """Similarity of the best SKU over its runner-up; with no runner-up, over no similarity."""
    if not matches:
        return 0.0
    runner_up = matches[1].similarity if len(matches) > 1 else NO_SIMILARITY
    return matches[0].similarity - runner_up


def judge(matches: Sequence[Match], thresholds: Thresholds) -> Verdict:
    """Apply the thresholds to SKUs sorted by falling similarity."""
    found = tuple(matches)
    best = found[0].similarity if found else NO_SIMILARITY
    if best < thresholds.choose:
        return Verdict(Outcome.UNKNOWN, Rule.LOW_SIMILARITY, found)
    if best < thresholds.accept:
        return Verdict(Outcome.CHOOSE, Rule.SOME_SIMILARITY, found)
    if found[0].contested or lead(found) < thresholds.margin:
        return Verdict(Outcome.CHOOSE, Rule.SMALL_MARGIN, found)
    return Verdict(Outcome.ACCEPTED, Rule.ACCEPTED, found)


def fuse(looks: Sequence[Sequence[Match]]) -> tuple[Match, ...]:
    """One list of matches for several looks at the same item: the mean similarity per SKU.

    A SKU that a look did not list counts there as its weakest listed match, the most it can have
    been. The reference kept is that of the SKU's best look.
    """
    best: dict[str, Match] = {}
    for match in (match for look in looks for match in look):
        if match.sku not in best or match.similarity > best[match.sku].similarity:
            best[match.sku] = match
    listed = [{match.sku: match.similarity for match in look} for look in looks]
    weakest = [min(each.values(), default=NO_SIMILARITY) for each in listed]
    pairs = list(zip(listed, weakest, strict=True))
    fused = [
        replace(match, similarity=sum(each.get(sku, least) for each, least in pairs) / len(looks))
        for sku, match in best.items()
    ]
    return tuple(sorted(fused, key=lambda match: (-match.similarity, match.sku)))
