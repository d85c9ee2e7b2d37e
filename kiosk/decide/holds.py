# SPDX-License-Identifier: Apache-2.0
"""Whether an answer still holds for what lies in its place: one frame against one decision. Pure.

An item that is swapped without a gap is noticed by this alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.decide.conclude import LEAST_READS, coded, said
from kiosk.values import Decision, Look, Outcome, Rule


def speaks_for(look: Look, decision: Decision) -> bool:
    """By its appearance it may be what was answered."""
    verdict = said(look)
    return verdict.outcome is not Outcome.UNKNOWN and verdict.sku in _looks_like(decision)


def contradicted(decision: Decision, looks: Sequence[Look]) -> bool:
    """The newest barcodes that were read all name something else than those before did."""
    read = [frozenset(look.coded) for look in looks if look.coded][-LEAST_READS:]
    named = coded(decision.looks)
    if decision.sku is not None:
        named |= {decision.sku}
    return len(read) == LEAST_READS and bool(named) and not any(names & named for names in read)


def _looks_like(decision: Decision) -> frozenset[str]:
    """SKUs that frames of the item may name on their own while nothing has changed."""
    if decision.sku is None:
        return frozenset(match.sku for match in decision.matches)
    own = frozenset({decision.sku})
    if decision.rule is not Rule.BARCODE:
        return own
    # Its code decided, so it may look a little more like another one: it did so from the start.
    group = next(match.group for match in decision.matches if match.sku == decision.sku)
    sisters = {match.sku for match in decision.matches if group and match.group == group}
    first = {look.matches[0].sku for look in decision.looks if look.matches}
    return own | sisters | first
