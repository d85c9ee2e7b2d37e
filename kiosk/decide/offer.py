# SPDX-License-Identifier: Apache-2.0
"""Which SKUs go with an answer: for a choice those worth a look, never one alone. Pure."""

from __future__ import annotations

from kiosk.decide.conclude import CLOSE_MARGINS
from kiosk.decide.rule import Verdict
from kiosk.values import NEVER_APART, Match, Outcome, Rule, Thresholds


def offered(verdict: Verdict, thresholds: Thresholds, candidates: int) -> tuple[Match, ...]:
    """The matches that go with the answer, `candidates` at most: for a choice those worth offering,
    at least two.
    """
    most = verdict.matches[:candidates]
    if verdict.outcome is not Outcome.CHOOSE or verdict.rule is Rule.BARCODE:
        return most
    least = thresholds.choose
    if verdict.rule in {Rule.SMALL_MARGIN, Rule.LOOK_ALIKES}:  # one of those that lie close
        close = CLOSE_MARGINS * thresholds.margin
        if verdict.matches[0].contested and thresholds.apart < NEVER_APART:
            close = max(close, thresholds.apart)
        least = max(least, verdict.evidence - close)
    worth = [match for match in most if match.evidence >= least]
    return tuple(worth) if len(worth) > 1 else most[:2]
