# SPDX-License-Identifier: Apache-2.0
"""One run of `tools.decisions`: halves, everything held against them, scenarios."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kiosk.config import LocateConfig, ModelsConfig
from kiosk.errors import SourceError, UsageError
from kiosk.models import load_models
from kiosk.vision.image import single_threaded
from tools.evaluation.answers import Progress
from tools.evaluation.cases import Case, Kind
from tools.evaluation.halves import Catalog, Workbench, measured, plans
from tools.evaluation.manifests import PHOTO, UNKNOWN, Picture, Problem, read_manifests
from tools.evaluation.plan import Choice, planned
from tools.evaluation.rates import Rates
from tools.evaluation.releases import Releases
from tools.evaluation.run import MOST_THREADS
from tools.evaluation.scenarios import Table, tables
from tools.evaluation.sights import opened

RISKS = (0.001, 0.01, 0.05)


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that can be asked of a run."""

    manifests: tuple[Path, ...]
    work: Path
    strangers: tuple[Path, ...] = ()
    halves: int = 10
    risks: tuple[float, ...] = RISKS
    choice: Choice = Choice()
    scenarios: bool = False
    scenario_photos: int = 300
    models: str = ""
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run found out."""

    settings: Mapping[str, object]
    models: tuple[str, str]
    """sha256 of detector and embedder."""
    catalogs: Sequence[Catalog]
    rates: Mapping[float, Mapping[Kind, Rates]]
    wrong: Mapping[float, Sequence[Case]]
    tables: Sequence[Table]
    problems: Sequence[Problem]

    @property
    def kept(self) -> bool:
        """No share of wrong accepts exceeds what was stated, over all catalogs together."""
        return all(
            each.stated is None or each.wrong <= each.stated[1] * each.photos
            for kinds in self.rates.values()
            for each in kinds.values()
        )


def investigate(request: Request, progress: Progress) -> Findings:
    """Carry out a run. Raises KioskError when it cannot begin; what is lost on the way is told."""
    single_threaded()
    _check(request)
    reading, others = read_manifests(request.manifests), read_manifests(request.strangers)
    parts = plans(reading.pictures, request.choice, request.halves)
    strangers = _strangers(others.pictures, request)
    models = load_models(
        ModelsConfig(directory=request.models, threads=request.threads), LocateConfig()
    )
    with opened(request.work / "sights.sqlite", models) as sights:
        releases = Releases(request.work / "releases", models, progress)
        bench = Workbench(models, sights, releases, progress)
        found = measured(bench, parts, strangers, request.risks)
        rows: list[Table] = []
        if request.scenarios:
            whole = planned(reading.pictures, [], replace(request.choice, leave_out=0.0))
            rows = tables(bench, whole, parts, request.risks, request.scenario_photos)
    return Findings(
        settings=_settings(request),
        models=(models[0].card.sha256, models[1].card.sha256),
        catalogs=found.catalogs,
        rates=found.rates(request.choice.seed),
        wrong=found.wrong(),
        tables=rows,
        problems=(*reading.problems, *others.problems, *found.problems),
    )


def odd(name: str) -> bool:
    """Of the photos to measure with; the shipped strangers were made of the others."""
    return hashlib.sha256(name.encode()).digest()[-1] % 2 == 1


def _strangers(pictures: Sequence[Picture], request: Request) -> list[Picture]:
    found = [each for each in pictures if each.role in (UNKNOWN, PHOTO) and odd(each.name)]
    if request.strangers and not found:
        raise SourceError("the manifest of strangers has no row of role `unknown` or `photo`")
    return found[:: request.choice.step]


def _check(request: Request) -> None:
    if request.halves < 1:
        raise UsageError(f"--halves {request.halves}: give 1 or more")
    for risk in request.risks:
        if not 0 < risk < 1:
            raise UsageError(f"--risk {risk:g}: give a share above 0 and below 1")
    if request.scenario_photos < 1:
        raise UsageError(f"--scenario-photos {request.scenario_photos}: give 1 or more")
    if not 1 <= request.threads <= MOST_THREADS:
        raise UsageError(f"--threads {request.threads}: give 1 to {MOST_THREADS}")


def _settings(request: Request) -> dict[str, object]:
    """What was asked, without where on this machine things lie."""
    choice = asdict(request.choice)
    del choice["leave_out"]
    return {
        "manifests": [_name(path) for path in request.manifests],
        "strangers": [_name(path) for path in request.strangers],
        "halves": request.halves,
        "risks": list(request.risks),
        **choice,
        "scenario_photos": request.scenario_photos if request.scenarios else 0,
    }


def _name(path: Path) -> str:
    return f"{path.resolve().parent.name}/{path.name}"
