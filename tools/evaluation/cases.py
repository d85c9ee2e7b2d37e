# SPDX-License-Identifier: Apache-2.0
"""One photo held against one catalog: what was said, and whether it was right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kiosk.decide import judge
from kiosk.values import Decision, Look, Outcome
from tools.evaluation.manifests import Picture


class Kind(StrEnum):
    """What was shown."""

    KNOWN = "articles of the catalog"
    LEFT_OUT = "articles like them, not in the catalog"
    OTHER = "other things"


class Said(StrEnum):
    """What the kiosk said of it, each case exactly one."""

    RIGHT = "accepted, right"
    WRONG = "accepted, wrong"
    OFFERED = "choose, the right one among them"
    CHOOSE = "choose, the right one is not there"
    UNKNOWN = "unknown"
    NOTHING = "nothing found"
    HINT = "hint"
    """Asked to be shown better; only where hints count."""


@dataclass(frozen=True, slots=True)
class Case:
    """One photo and one catalog."""

    picture: Picture
    half: int
    said: Said
    sku: str = ""
    """The SKU named first."""
    rule: str = ""
    similarity: float = 0.0
    evidence: float = 0.0
    points: int = 0
    """Places of the print that the second look found again."""
    category: str = ""
    """What kind of item it was called where no SKU was named."""

    def as_dict(self) -> dict[str, object]:
        return {
            "photo": self.picture.name,
            "sku": self.picture.sku,
            "half": self.half,
            "said": self.said.value,
            "named": self.sku,
            "rule": self.rule,
            "similarity": round(self.similarity, 4),
            "evidence": round(self.evidence, 4),
            "points": self.points,
        }


def case(
    picture: Picture, half: int, look: Look | None, decision: Decision | None, *, listed: bool
) -> Case:
    """`listed`: the SKU of the photo is in the catalog."""
    if look is None or decision is None:
        return Case(picture, half, Said.NOTHING)
    best = decision.matches[0] if decision.matches else None
    return Case(
        picture=picture,
        half=half,
        said=_said(picture, decision, listed=listed),
        sku=best.sku if best else "",
        rule=decision.rule.value,
        similarity=best.similarity if best else 0.0,
        evidence=judge(look.matches, look.thresholds).evidence,
        points=best.verified.points if best and best.verified else 0,
        category=decision.category if decision.sku is None else "",
    )


def _said(picture: Picture, decision: Decision, *, listed: bool) -> Said:
    if decision.outcome is Outcome.ACCEPTED:
        right = listed and decision.sku == picture.sku
        return Said.RIGHT if right else Said.WRONG
    if decision.outcome is Outcome.UNKNOWN:
        return Said.UNKNOWN
    offered = listed and picture.sku in {match.sku for match in decision.matches}
    return Said.OFFERED if offered else Said.CHOOSE
