# SPDX-License-Identifier: Apache-2.0
"""The JSON form of a run of `tools.decisions`: the same bytes for the same files and options."""

from __future__ import annotations

import json
from dataclasses import asdict

from tools.evaluation.bootstrap import LEVEL, RESAMPLES
from tools.evaluation.halves import Catalog
from tools.evaluation.honest import Findings
from tools.evaluation.scenarios import Table

FORMAT = 1


def as_json(found: Findings) -> str:
    """The whole run, readable and in one order."""
    body = {
        "format": FORMAT,
        "settings": dict(found.settings),
        "models": {"detector_sha256": found.models[0], "embedder_sha256": found.models[1]},
        "intervals": {
            "photos": f"{LEVEL:.0%}, percentile bootstrap of {RESAMPLES} resamples of things",
            "things": f"{LEVEL:.0%}, Clopper-Pearson",
        },
        "kept": found.kept,
        "asked": [
            {
                "risk": risk,
                "catalogs": [_catalog(each) for each in found.catalogs if each.risk == risk],
                "kinds": {kind.value: each.as_dict() for kind, each in kinds.items()},
                "wrong": [each.as_dict() for each in found.wrong[risk]],
            }
            for risk, kinds in found.rates.items()
        ],
        "scenarios": [_table(each) for each in found.tables],
        "problems": [{"where": each.where, "reason": each.reason} for each in found.problems],
    }
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _catalog(catalog: Catalog) -> dict[str, object]:
    return {
        "half": catalog.half,
        "skus": len(catalog.plan.skus),
        "left_out": list(catalog.plan.left_out),
        "thresholds": asdict(catalog.thresholds),
    }


def _table(table: Table) -> dict[str, object]:
    return {
        "risk": table.risk,
        "group": table.group,
        "lines": [each.as_dict() for each in table.lines],
        "wrong": [{"way": way, **each.as_dict()} for way, each in table.wrong],
    }
