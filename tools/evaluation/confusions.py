# SPDX-License-Identifier: Apache-2.0
"""Which SKU is taken for which, how often, and the photo in which that was surest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from kiosk.values import Outcome
from tools.evaluation.answers import Answer


@dataclass(frozen=True, slots=True)
class Confusion:
    """Photos of `asked` that were answered `answered`."""

    asked: str
    answered: str
    count: int
    accepted: int
    """How many of them the system accepted without a question."""
    surest: Answer
    """The one with the highest score."""

    def as_dict(self) -> dict[str, object]:
        return {
            "asked": self.asked,
            "answered": self.answered,
            "count": self.count,
            "accepted": self.accepted,
            "photo": self.surest.picture.name,
        }


def confusions(answers: Iterable[Answer]) -> list[Confusion]:
    """Wrong answers by pair of SKUs, most frequent first."""
    pairs: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.answered is not None and answer.rank != 1:
            pairs[answer.picture.sku, answer.answered].append(answer)
    found = []
    for (asked, answered), some in pairs.items():
        found.append(
            Confusion(
                asked=asked,
                answered=answered,
                count=len(some),
                accepted=sum(each.reply.outcome == Outcome.ACCEPTED for each in some),
                surest=max(some, key=lambda each: each.reply.score),
            )
        )
    return sorted(found, key=lambda each: (-each.count, each.asked, each.answered))
