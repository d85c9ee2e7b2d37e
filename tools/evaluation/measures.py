# SPDX-License-Identifier: Apache-2.0
"""From answers to numbers, for all items and for each category.

A photo in which nothing is found is a wrong answer. The AUROC of a category holds its known items
against all unknown ones; that of a kind of unknown items holds them against all known ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Outcome
from tools.evaluation.answers import NOTHING_FOUND, Answer
from tools.evaluation.bootstrap import Clusters, Estimate, Floats, auroc

ALL = "all"
TOP = 5
KNOWN_MEASURES: Mapping[str, str] = {
    "top1": "top-1",
    "top5": "top-5",
    "mrr": "mean reciprocal rank",
    "similarity_low": "similarity of the right SKU, lower quartile",
    "similarity_median": "similarity of the right SKU, median",
    "similarity_high": "similarity of the right SKU, upper quartile",
    "auroc": "AUROC known/unknown",
    "accepted": "accepted",
    "choose": "choose",
    "unknown": "unknown",
    "nothing_found": "nothing found",
    "right_among_accepted": "right among accepted",
}
UNKNOWN_MEASURES: Mapping[str, str] = {
    "auroc": "AUROC known/unknown",
    "accepted": "wrongly accepted",
    "choose": "choose",
    "unknown": "unknown",
    "nothing_found": "nothing found",
}
_OUTCOMES = {
    "accepted": Outcome.ACCEPTED.value,
    "choose": Outcome.CHOOSE.value,
    "unknown": Outcome.UNKNOWN.value,
    "nothing_found": NOTHING_FOUND,
}


@dataclass(frozen=True, slots=True)
class Measured:
    """The numbers of one group of answers."""

    photos: int
    skus: int
    estimates: Mapping[str, Estimate]
    accepted: int
    accepted_wrong: int
    """Of known items: another SKU accepted. Of unknown items: any SKU accepted."""

    def as_dict(self) -> dict[str, object]:
        return {
            "photos": self.photos,
            "skus": self.skus,
            **{name: each.as_dict() for name, each in self.estimates.items()},
            "accepted_count": self.accepted,
            "accepted_wrong_count": self.accepted_wrong,
        }


class Group:
    """Answers as arrays, with their resamples. Built once and measured several ways."""

    def __init__(self, answers: Sequence[Answer], seed: Sequence[int], *, decides: bool) -> None:
        """`decides`: they come from a system that has outcomes, and does not only rank."""
        self.answers = tuple(answers)
        self.decides = decides
        self.clusters = Clusters([each.picture.sku for each in answers], seed)
        self.ranks = np.array([each.rank for each in answers], np.int64)
        self.scores: Floats = np.array([each.reply.score for each in answers], np.float64)
        self.outcomes: NDArray[np.str_] = np.array([each.reply.outcome for each in answers], str)

    def says(self, outcome: str) -> Floats:
        """1 for each answer with this outcome, else 0."""
        return np.asarray(self.outcomes == outcome, np.float64)

    def right(self) -> Floats:
        """1 for each answer that names the asked SKU first, else 0."""
        return np.asarray(self.ranks == 1, np.float64)


def known_measures(group: Group, unknown: Group) -> Measured:
    """What photos of enrolled SKUs were answered; `unknown` may be empty."""
    ranks, clusters = group.ranks, group.clusters
    right, accepted = group.right(), group.says(Outcome.ACCEPTED.value)
    listed = ranks > 0
    reciprocal = np.where(listed, 1 / np.maximum(ranks, 1), 0.0)
    estimates = {
        "top1": clusters.share(right),
        "top5": clusters.share((listed & (ranks <= TOP)).astype(np.float64)),
        "mrr": clusters.share(reciprocal),
        **_similarities(group),
        "auroc": auroc(group.scores, unknown.scores, clusters, unknown.clusters),
        **_shares(group),
    }
    if group.decides:
        estimates["right_among_accepted"] = clusters.share(right * accepted, accepted)
    return Measured(
        photos=len(group.answers),
        skus=clusters.count,
        estimates=estimates,
        accepted=int(accepted.sum()),
        accepted_wrong=int((accepted * (1 - right)).sum()),
    )


def unknown_measures(group: Group, known: Group) -> Measured:
    """What photos of items in no catalog were answered."""
    accepted = int(group.says(Outcome.ACCEPTED.value).sum())
    return Measured(
        photos=len(group.answers),
        skus=group.clusters.count,
        estimates={
            "auroc": auroc(known.scores, group.scores, known.clusters, group.clusters),
            **_shares(group),
        },
        accepted=accepted,
        accepted_wrong=accepted,
    )


def by_category(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    """All answers, then those of each category."""
    return _grouped(answers, lambda answer: answer.picture.category)


def by_kind(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    """All answers, then by why they are unknown and their category."""
    return _grouped(answers, lambda answer: f"{answer.picture.source}: {answer.picture.category}")


def _grouped(answers: Sequence[Answer], name: Callable[[Answer], str]) -> dict[str, list[Answer]]:
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[name(answer)].append(answer)
    return {ALL: list(answers)} | {key: groups[key] for key in sorted(groups)}


def _similarities(group: Group) -> dict[str, Estimate]:
    """Quartiles of the similarity of the right SKU, over the photos that have one."""
    has = [each for each in group.answers if each.reply.similarity is not None]
    if not has:
        return {}
    names = {"similarity_low": 0.25, "similarity_median": 0.5, "similarity_high": 0.75}
    values = np.array([each.reply.similarity for each in has], np.float64)
    clusters = group.clusters
    if len(has) < len(group.answers):
        kept = np.array([each.reply.similarity is not None for each in group.answers])
        clusters = clusters.only(kept)
    return {name: clusters.quantile(values, share) for name, share in names.items()}


def _shares(group: Group) -> dict[str, Estimate]:
    names = _OUTCOMES if group.decides else {"nothing_found": NOTHING_FOUND}
    return {name: group.clusters.share(group.says(said)) for name, said in names.items()}
