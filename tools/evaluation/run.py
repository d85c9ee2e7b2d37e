# SPDX-License-Identifier: Apache-2.0
"""One run from manifests to results: plan, build, ask the product, ask its peers, sweep."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kiosk.catalog.build import BuildOptions
from kiosk.config import LocateConfig, ModelsConfig, VerifyConfig
from kiosk.errors import UsageError
from kiosk.models import load_models
from kiosk.vision.embed import Embedder
from kiosk.vision.image import single_threaded
from kiosk.vision.locate import Locator
from tools.evaluation.answers import Answer, Progress, System, ask
from tools.evaluation.catalog import Catalog, built, readable
from tools.evaluation.manifests import Picture, Problem, read_manifests
from tools.evaluation.peers import Means, check_name, peer
from tools.evaluation.plan import Choice, Plan, planned, without
from tools.evaluation.product import NAME, UNHURRIED_MS, Product
from tools.evaluation.results import Result, Run, result
from tools.evaluation.sweep import Sweep, swept
from tools.evaluation.weights import PeerMissing

MOST_THREADS = 16
"""Of one model run, as `models.threads` of the configuration has it."""


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that can be asked of a run."""

    manifests: tuple[Path, ...]
    unknown: tuple[Path, ...] = ()
    choice: Choice = Choice()
    models: str = ""
    """Folder of detector and embedder; empty: the project's own."""
    threads: int = 1
    augment: bool = True
    mirrored: bool = False
    prepare: tuple[str, ...] = ()
    """Steps done to references: see `kiosk.vision.prepare`."""
    verify: VerifyConfig = VerifyConfig(budget_ms=UNHURRIED_MS)
    peers: tuple[str, ...] = ()
    weights: Path | None = None
    sweep: bool = False
    sweep_photos: int = 200


@dataclass(slots=True)
class _Asked:
    """The answers so far, and what went wrong on the way."""

    plan: Plan
    progress: Progress
    problems: list[Problem] = field(default_factory=list)

    def answers(self, system: System) -> tuple[list[Answer], list[Answer]]:
        """Known and unknown photos, answered."""
        known, lost = ask(system, self.plan.queries, self.progress)
        strange, more = ask(
            system, self.plan.unknowns, self.progress, what=f"{system.name}: unknown items"
        )
        # Every system is asked the same photos: each problem is told once.
        self.problems += [each for each in lost + more if each not in self.problems]
        return known, strange


def evaluate(request: Request, progress: Progress) -> Run:
    """Carry out a run. Raises KioskError when it cannot begin; what is lost on the way is told."""
    single_threaded()
    if request.sweep_photos < 1:
        raise UsageError(f"--sweep-photos {request.sweep_photos}: give 1 or more")
    if not 1 <= request.threads <= MOST_THREADS:
        raise UsageError(f"--threads {request.threads}: give 1 to {MOST_THREADS}")
    if not 1 <= request.verify.budget_ms <= UNHURRIED_MS:
        raise UsageError(f"--verify-budget: give 1 to {UNHURRIED_MS:g} milliseconds")
    for name in request.peers:
        check_name(name)
    reading, others = read_manifests(request.manifests), read_manifests(request.unknown)
    plan = planned(reading.pictures, others.pictures, request.choice)
    early = [*reading.problems, *others.problems]
    references, lost = readable(plan.references)
    plan = without(plan, set(plan.skus) - {each.sku for each in references})
    models = load_models(
        ModelsConfig(directory=request.models, threads=request.threads), LocateConfig()
    )
    with tempfile.TemporaryDirectory(prefix="evaluate-") as scratch:
        options = BuildOptions(
            augment=request.augment, mirrored=request.mirrored, prepare=request.prepare
        )
        usable = [each for each in references if each.sku in set(plan.skus)]
        catalog = built(usable, Path(scratch), models, options, progress)
        asked = _Asked(plan, progress, [*early, *lost, *plan.problems, *catalog.problems])
        return _asked_all(request, asked, models, catalog, usable)


def _asked_all(
    request: Request,
    asked: _Asked,
    models: tuple[Locator, Embedder],
    catalog: Catalog,
    references: Sequence[Picture],
) -> Run:
    seed = request.choice.seed
    sweep: Sweep | None = None
    with closing(Product(models, catalog.release, request.verify)) as product:
        thresholds = product.thresholds
        ours = result(NAME, *asked.answers(product), seed)
        if request.sweep:
            sweep = swept(product, ours.answers, request.sweep_photos, seed, asked.progress)
    results: list[Result] = [ours]
    missing: list[Problem] = []
    means = Means(*models, request.weights, request.threads)
    for name in dict.fromkeys(request.peers):
        try:
            other = peer(name, means)
        except PeerMissing as error:
            missing.append(Problem(name, str(error)))
            continue
        other.enrol(references, asked.progress)
        results.append(result(name, *asked.answers(other), seed, ours))
    return Run(
        settings=_settings(request),
        plan=asked.plan,
        manifest=catalog.manifest,
        thresholds=thresholds,
        results=results,
        missing=missing,
        problems=asked.problems,
        sweep=sweep,
    )


def _settings(request: Request) -> dict[str, object]:
    """What was asked, without where on this machine things lie."""
    return {
        "manifests": [f"{path.resolve().parent.name}/{path.name}" for path in request.manifests],
        "unknown": [f"{path.resolve().parent.name}/{path.name}" for path in request.unknown],
        **asdict(request.choice),
        "augment": request.augment,
        "mirrored": request.mirrored,
        "prepare": list(request.prepare),
        "threads": request.threads,
        "verify": asdict(request.verify),
        "peers": list(request.peers),
        "sweep_photos": request.sweep_photos if request.sweep else 0,
    }
