# SPDX-License-Identifier: Apache-2.0
"""Milliseconds per stage: kept apart from all other numbers, because no two runs agree on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tools.evaluation.answers import Answer
from tools.evaluation.measures import by_category

Stages = dict[str, dict[str, float]]
"""Per stage: median, 95th percentile and mean milliseconds."""


def timings(answers: Sequence[Answer]) -> dict[str, Stages]:
    """Of all answers and of each category, in the order in which the stages are given."""
    return {name: _stages(some) for name, some in by_category(answers).items()}


def _stages(answers: Sequence[Answer]) -> Stages:
    values: dict[str, list[float]] = defaultdict(list)
    for answer in answers:
        for stage, spent_ms in answer.reply.stages_ms.items():
            values[stage].append(spent_ms)
    return {
        stage: {
            "median": round(float(np.median(spent)), 2),
            "p95": round(float(np.quantile(spent, 0.95)), 2),
            "mean": round(float(np.mean(spent)), 2),
        }
        for stage, spent in values.items()
    }
