# SPDX-License-Identifier: Apache-2.0
"""What a run found out, and its JSON form.

Everything but `timings` is the same in every run with the same files and options.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from kiosk.catalog.manifest import Manifest
from kiosk.values import Thresholds
from tools.evaluation.answers import Answer
from tools.evaluation.bootstrap import LEVEL, RESAMPLES, Estimate
from tools.evaluation.confusions import Confusion, confusions
from tools.evaluation.manifests import Problem
from tools.evaluation.measures import (
    ALL,
    Group,
    Measured,
    by_category,
    by_kind,
    known_measures,
    unknown_measures,
)
from tools.evaluation.plan import Plan
from tools.evaluation.sweep import Sweep
from tools.evaluation.timing import Stages, timings

FORMAT = 1
_KNOWN, _UNKNOWN = 0, 1  # resampled each on their own


@dataclass(frozen=True, slots=True)
class Result:
    """All numbers of one system."""

    name: str
    known: Mapping[str, Measured]
    """Of photos of enrolled SKUs: all, then each category."""
    unknown: Mapping[str, Measured]
    """Of photos of items in no catalog: all, then each kind. Empty when there were none."""
    confusions: Sequence[Confusion]
    timings: Mapping[str, Stages]
    answers: Sequence[Answer]
    unknown_answers: Sequence[Answer]
    ahead: Estimate | None = None
    """Top-1 of the product less top-1 of this one; None for the product."""


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation."""

    settings: Mapping[str, object]
    plan: Plan
    manifest: Manifest
    thresholds: Thresholds
    results: Sequence[Result]
    """The product first, then the peers in the order asked for."""
    missing: Sequence[Problem]
    """Peers that could not run, and why."""
    problems: Sequence[Problem]
    sweep: Sweep | None

    @property
    def product(self) -> Result:
        return self.results[0]


def result(
    name: str,
    answers: Sequence[Answer],
    unknown: Sequence[Answer],
    seed: int,
    product: Result | None = None,
) -> Result:
    """Measure what a system answered; against `product` when it is a peer."""
    decides = product is None
    groups = {
        key: Group(some, (seed, _KNOWN), decides=decides)
        for key, some in by_category(answers).items()
    }
    strange = {
        key: Group(some, (seed, _UNKNOWN), decides=decides)
        for key, some in by_kind(unknown).items()
    }
    everyone, strangers = groups[ALL], strange[ALL]
    ahead = None
    if product is not None:
        ours = Group(product.answers, (seed, _KNOWN), decides=True)
        ahead = everyone.clusters.difference(ours.right(), everyone.right())
    return Result(
        name=name,
        known={key: known_measures(group, strangers) for key, group in groups.items()},
        unknown={
            key: unknown_measures(group, everyone)
            for key, group in strange.items()
            if group.answers
        },
        confusions=confusions(answers),
        timings=timings(answers),
        answers=tuple(answers),
        unknown_answers=tuple(unknown),
        ahead=ahead,
    )


def as_json(run: Run) -> str:
    """The whole run, readable and in one order."""
    return json.dumps(_run(run), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _run(run: Run) -> dict[str, object]:
    return {
        "format": FORMAT,
        "settings": dict(run.settings),
        "intervals": f"{LEVEL:.0%}, percentile bootstrap of {RESAMPLES} resamples of SKUs",
        "catalog": {
            "release": run.manifest.release,
            "skus": run.manifest.skus,
            "pictures": run.manifest.pictures,
            "references": run.manifest.references,
            "left_out": list(run.plan.left_out),
            "detector_sha256": run.manifest.detector.sha256,
            "embedder_sha256": run.manifest.embedder.sha256,
            "thresholds": asdict(run.thresholds),
        },
        "systems": {each.name: _result(each) for each in run.results},
        "sweep": run.sweep.as_dict() if run.sweep else None,
        "missing_peers": [{"peer": each.where, "reason": each.reason} for each in run.missing],
        "problems": [{"where": each.where, "reason": each.reason} for each in run.problems],
        "timings": {each.name: each.timings for each in run.results},
    }


def _result(found: Result) -> dict[str, object]:
    return {
        "known": {name: each.as_dict() for name, each in found.known.items()},
        "unknown": {name: each.as_dict() for name, each in found.unknown.items()},
        "kiosk_ahead_top1": found.ahead.as_dict() if found.ahead else None,
        "confusions": [each.as_dict() for each in found.confusions],
        "answers": [_answer(each) for each in found.answers],
        "unknown_answers": [_answer(each) for each in found.unknown_answers],
    }


def _answer(answer: Answer) -> dict[str, object]:
    reply = answer.reply
    return {
        "photo": answer.picture.name,
        "sku": answer.picture.sku,
        "answered": answer.answered,
        "rank": answer.rank,
        "outcome": reply.outcome,
        "score": round(reply.score, 4) if math.isfinite(reply.score) else None,
        "similarity": None if reply.similarity is None else round(reply.similarity, 4),
    }
