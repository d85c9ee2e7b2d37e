# SPDX-License-Identifier: Apache-2.0
"""From the looks of one visit to a conclusion, or to "not yet". Pure: a replay calls the same.

A sequential rule. EARLY: frames in a row that say the same accept at once. LATE, when the time is
up: all frames fused, which can offer a choice or say unknown, but accept only what a barcode names
as well. AGAIN: an item said to be unknown is a choice after all. A barcode and what the item looks
like that disagree are a mismatch: a ticket may have been switched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kiosk.decide.rule import Verdict, fuse, judge
from kiosk.values import Look, Outcome, Rule, Thresholds

CLOSE_MARGINS = 2.0
"""Look-alikes lie within this many margins of the best."""
LEAST_READS = 2
FUSED_LOOKS = 10
"""Looks fused when time is up: the newest second or so, not how the item came in."""
_SETTLED = {Outcome.ACCEPTED, Outcome.MISMATCH}


class Moment(StrEnum):
    """Which part of the rule is asked."""

    EARLY = "early"
    LATE = "late"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Conclusion:
    verdict: Verdict
    agreeing: int
    """The newest looks in a row that say the same."""
    moment: Moment


def conclude(looks: Sequence[Look], agreement_frames: int, moment: Moment) -> Conclusion | None:
    """What `looks` (oldest first, at least one, of one release) mean; None: not yet."""
    codes = coded(looks)
    run = agreeing(looks, codes)
    newest = said(looks[-1], codes)
    if moment is Moment.LATE:
        newer = looks[-FUSED_LOOKS:]
        best = [look for look in newer if clear(look)] or newer
        fused = judge(fuse([look.matches for look in best]), looks[-1].thresholds)
        named = with_codes(fused, codes, looks[-1].thresholds)
        return Conclusion(_disputed(named, looks[-1], codes), run, moment)
    if moment is Moment.AGAIN:
        steady = 2 * agreement_frames
        if newest.outcome is Outcome.CHOOSE and run >= steady:
            return Conclusion(newest, steady, moment)
        return None
    if newest.outcome in _SETTLED and run >= agreement_frames:
        return Conclusion(newest, run, moment)
    return None


def coded(looks: Sequence[Look]) -> frozenset[str]:
    """SKUs named by a barcode that was read more than once: a single read may be of a neighbour."""
    reads = Counter(sku for look in looks for sku in set(look.coded))
    return frozenset(sku for sku, count in reads.items() if count >= LEAST_READS)


def said(look: Look, codes: frozenset[str] = frozenset()) -> Verdict:
    """What one look means on its own, `codes` being the SKUs that barcodes of this visit name."""
    return with_codes(judge(look.matches, look.thresholds), codes, look.thresholds)


def clear(look: Look) -> bool:
    """A look that may speak for an answer: a cut-off, blurred or covered item looks like others."""
    return look.whole and look.hint is None


def agreeing(looks: Sequence[Look], codes: frozenset[str]) -> int:
    """How many of the newest looks in a row are clear and say what the newest says."""
    newest = said(looks[-1], codes)
    run = 0
    for look in reversed(looks):
        verdict = said(look, codes)
        other = newest.outcome in _SETTLED and verdict.sku != newest.sku
        if not clear(look) or verdict.outcome is not newest.outcome or other:
            break
        run += 1
    return run


def with_codes(verdict: Verdict, codes: frozenset[str], thresholds: Thresholds) -> Verdict:
    """`verdict` by appearance, and what the barcodes say: together, or against each other.

    `codes` are SKUs of the catalog; matches hold each of them.
    """
    if not codes:
        return verdict
    if verdict.outcome is Outcome.ACCEPTED:
        if verdict.sku in codes:
            return verdict
        return _mismatch(verdict, codes)
    named = [match for match in verdict.matches if match.sku in codes]
    others = [match for match in verdict.matches if match.sku not in codes]
    likely = [match for match in named if match.evidence >= thresholds.choose]
    ordered = tuple(named + others)
    if not likely and verdict.outcome is Outcome.CHOOSE:
        return _mismatch(verdict, codes)
    if len(codes) == 1 and likely and not likely[0].refused:
        best = max(verdict.matches, key=lambda match: match.evidence)
        sisters = likely[0].contested and likely[0].group == best.group
        close = best.evidence - likely[0].evidence <= CLOSE_MARGINS * thresholds.margin
        if sisters or close:
            return Verdict(Outcome.ACCEPTED, Rule.BARCODE, ordered)
    # The back of a pack bears the code and looks like nothing in the catalog: a person decides.
    return Verdict(Outcome.CHOOSE, Rule.BARCODE, ordered)


def _mismatch(verdict: Verdict, codes: frozenset[str]) -> Verdict:
    """What it looks like first, then what the barcode says, then the rest."""
    named = tuple(match for match in verdict.matches if match.sku in codes)
    others = tuple(match for match in verdict.matches if match.sku not in codes)
    return Verdict(Outcome.MISMATCH, Rule.MISMATCH, (*others[:1], *named, *others[1:]))


def _disputed(verdict: Verdict, newest: Look, codes: frozenset[str]) -> Verdict:
    """Fused frames may look acceptable, but frames that did not agree only offer a choice."""
    if verdict.outcome is not Outcome.ACCEPTED or verdict.rule is Rule.BARCODE:
        return verdict
    if codes == {verdict.sku}:
        return replace(verdict, rule=Rule.BARCODE)
    rule = Rule.NO_AGREEMENT if clear(newest) else Rule.POOR_VIEW
    return replace(verdict, outcome=Outcome.CHOOSE, rule=rule)
