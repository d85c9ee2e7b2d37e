# SPDX-License-Identifier: Apache-2.0
"""The last decisions in memory: a tap is checked against what was offered, never against the disk.

Rule: only what a choice offered can be confirmed.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from kiosk.values import Decision, Outcome

_RECENT = 1_000


class Recent:
    """The last decisions, so that a confirmation is checked without touching the disk."""

    def __init__(self) -> None:
        self._decisions: OrderedDict[str, Decision] = OrderedDict()

    def add(self, decision: Decision) -> None:
        # A thousand decisions with their looks would be a hundred megabytes.
        self._decisions[decision.decision_id] = replace(decision, looks=())
        while len(self._decisions) > _RECENT:
            self._decisions.popitem(last=False)

    def offering(self, decision_id: str, sku: str) -> Decision | None:
        """The decision if it is known, left the choice to a person, and offered `sku`."""
        decision = self._decisions.get(decision_id)
        asked = {Outcome.CHOOSE, Outcome.MISMATCH}
        if decision is None or decision.outcome not in asked:
            return None
        return decision if any(match.sku == sku for match in decision.matches) else None
