# SPDX-License-Identifier: Apache-2.0
"""Measure what a tap on "wrong" blocks and what it costs, and with which rule it does so best.

    python -m tools.measure_refusals MANIFEST.csv [--photos 12] [--skus 300] [--halves 10]
                                     [--mirrored] [--models DIR]

Wrong answers are forced: half of the SKUs are enrolled, and every photo of the others is taken for
the enrolled SKU it is most like, whatever the thresholds say. Of each left-out SKU and what it is
taken for, the most similar photo is refused. Then: the same item `again` (the refused photo as a
camera over a counter may see it next time), `other` photos of it, and `true` photos of the SKU,
which all refusals of that SKU together may cost. Counted where the SKU is at least FLOOR similar:
below it nothing is accepted anyway.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kiosk.config import LocateConfig, ModelsConfig
from kiosk.models import load_models
from kiosk.refusals import Refusal, Refusals
from kiosk.refusals.rule import by_print, nearer
from kiosk.values import Embedding, Features, Match
from kiosk.vision.features import method
from kiosk.vision.image import single_threaded
from tools.refused_photos import Bench, Floats, Shot, gathered, halved

FLOORS = (0.5, 0.55, 0.6, 0.65, 0.7)
WEIGHTS = (0.0, 0.5, 1.0, 2.0)
"""Of how similar the refused view itself was; 0: it does not count."""
MARGINS = (-0.05, 0.0, 0.05, 0.1)
COST_REFUSALS, COST_SKUS, COST_LOOKS = 500, 10, 2_000

Says = Callable[["Case"], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One look that a SKU and its refused views are held against."""

    kind: str
    to_sku: float
    near: Floats
    """(K,) to the refused views."""
    refused_to_sku: Floats
    """(K,) of these to the SKU."""
    own: float
    refused: float
    """Strengths of the prints."""


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--photos", type=int, default=12, help="of each SKU, evenly chosen")
    parser.add_argument("--skus", type=int, default=300, help="at most, the first by name")
    parser.add_argument("--halves", type=int, default=10, help="random halves to enrol")
    parser.add_argument("--mirrored", action="store_true", help="enrol mirrored views as well")
    parser.add_argument("--models", default="")
    arguments = parser.parse_args(given)
    single_threaded()
    models = load_models(ModelsConfig(directory=arguments.models, threads=1), LocateConfig())
    bench = gathered(
        arguments.manifest,
        models,
        skus=arguments.skus,
        photos=arguments.photos,
        mirrored=arguments.mirrored,
    )
    similarities = bench.similarities()
    cases = [case for half in range(arguments.halves) for case in forced(bench, similarities, half)]
    print(f"{len(bench.skus)} SKUs, {len(bench.shots)} photos, {arguments.halves} halves")
    print(table(cases))
    print(tapped(bench, similarities, arguments.halves))
    print(cost(models[1].dimension))


def forced(bench: Bench, similarities: Floats, seed: int) -> Iterator[Case]:
    """All cases of one half: the most similar photo of each wrong pair is refused."""
    enrolled, taken_for = halved(bench, similarities, seed)
    pairs: dict[tuple[int, int], list[int]] = defaultdict(list)
    for at, shot in enumerate(bench.shots):
        if not enrolled[shot.sku]:
            pairs[int(taken_for[at]), shot.sku].append(at)
    refused: dict[int, list[int]] = defaultdict(list)
    for (sku, _), photos in pairs.items():
        worst, *others = sorted(photos, key=lambda at: -similarities[at, sku])
        refused[sku].append(worst)
        for embedding, looked in bench.shots[worst].views[1:]:
            yield _case("again", bench, similarities, (embedding, looked), sku, [worst])
        for at in others:
            yield _case("other", bench, similarities, bench.shots[at].views[0], sku, [worst])
    for at, shot in enumerate(bench.shots):
        if taken_for[at] == shot.sku and refused[shot.sku]:
            yield _case("true", bench, similarities, shot.views[0], shot.sku, refused[shot.sku])


def _case(
    kind: str,
    bench: Bench,
    similarities: Floats,
    view: tuple[Embedding, Features],
    sku: int,
    refused: list[int],
) -> Case:
    embedding, looked = view
    near = np.stack([bench.shots[at].views[0][0] for at in refused]) @ embedding
    to_sku = float((bench.vectors[sku] @ embedding).max())
    if to_sku < min(FLOORS):  # counted nowhere
        return Case(kind, to_sku, near, near, 0.0, 0.0)
    own = bench.print_of(looked, sku).strength
    strongest = bench.strongest(looked, refused, near)
    return Case(kind, to_sku, near, similarities[refused, sku], own, strongest)


def table(cases: Sequence[Case]) -> str:
    """Blocked again / blocked other / lost true, in percent, for each rule and floor."""
    counts = [
        [_at_least(cases, kind, floor) for kind in ("again", "other", "true")] for floor in FLOORS
    ]
    lines = [
        "rule                      " + "".join(f"      >= {floor:.2f}     " for floor in FLOORS)
    ]
    lines.append("(cases)                   " + "".join(f"{_counts(some):>18}" for some in counts))
    rules: list[tuple[str, Says]] = [
        (f"weight {weight:g} margin {margin:+.2f}", _similarity(weight, margin))
        for weight in WEIGHTS
        for margin in MARGINS
    ]
    rules += [
        ("similarity, as the kiosk", lambda c: nearer(c.near, c.to_sku, c.refused_to_sku)),
        ("print only", lambda c: by_print(c.refused, c.own) is True),
        ("both, as the kiosk", _as_the_kiosk),
    ]
    for name, says in rules:
        cells = ["/".join(_share(some, says) for some in row) for row in counts]
        lines.append(f"{name:<26}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)


def _as_the_kiosk(case: Case) -> bool:
    said = by_print(case.refused, case.own)
    return nearer(case.near, case.to_sku, case.refused_to_sku) if said is None else said


def _similarity(weight: float, margin: float) -> Says:
    def says(case: Case) -> bool:
        gained = case.near - case.to_sku + weight * (case.refused_to_sku - case.to_sku)
        return bool((gained >= margin).any())

    return says


def _at_least(cases: Sequence[Case], kind: str, floor: float) -> list[Case]:
    return [case for case in cases if case.kind == kind and case.to_sku >= floor]


def _counts(some: Sequence[Sequence[Case]]) -> str:
    return "/".join(str(len(each)) for each in some)


def _share(cases: Sequence[Case], says: Says) -> str:
    return f"{100 * sum(map(says, cases)) / len(cases):.1f}" if cases else "-"


def tapped(bench: Bench, similarities: Floats, halves: int) -> str:
    """As a kiosk lives it: every wrong answer that is shown is refused, then true scans follow."""
    lines = ["every wrong answer at least so similar is refused when it is shown:"]
    for floor in FLOORS:
        wrong = shown = true = lost = skus = 0
        for seed in range(halves):
            enrolled, taken_for = halved(bench, similarities, seed)
            refusals, kept = Refusals("", len(bench.shots[0].views[0][0])), list[Refusal]()
            for at in np.random.default_rng(seed).permutation(len(bench.shots)):
                sku = int(taken_for[at])
                if enrolled[bench.shots[at].sku] or similarities[at, sku] < floor:
                    continue
                wrong += 1
                if not _marked(bench, similarities, refusals, int(at), sku):
                    shown += 1
                    kept.append(_refusal(bench.shots[at], str(sku), float(similarities[at, sku])))
                    refusals.swap(kept)
            skus += len({refusal.sku for refusal in kept})
            for at, shot in enumerate(bench.shots):
                if taken_for[at] == shot.sku and similarities[at, shot.sku] >= floor:
                    true += 1
                    lost += _marked(bench, similarities, refusals, at, shot.sku)
        lines.append(
            f"  >= {floor:.2f}: {wrong} wrong answers become {shown}; of {true} true scans {lost} "
            f"({100 * lost / max(1, true):.1f} %) become a choice; {shown / max(1, skus):.1f} "
            "refusals a SKU that has some"
        )
    return "\n".join(lines)


def _marked(bench: Bench, similarities: Floats, refusals: Refusals, at: int, sku: int) -> bool:
    embedding, looked = bench.shots[at].views[0]
    match = Match(str(sku), float(similarities[at, sku]), 0, verified=bench.print_of(looked, sku))
    return refusals.marked((match,), embedding, looked)[0].refused


def _refusal(shot: Shot, sku: str, similarity: float) -> Refusal:
    embedding, looked = shot.views[0]
    return Refusal("", sku, "", "", "", "", "", embedding, similarity, looked, method())


def cost(dimension: int) -> str:
    """What a look pays for many refusals, prints apart."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((COST_REFUSALS, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    refusals = Refusals("", dimension)
    refusals.swap(
        Refusal(str(n), str(n % COST_SKUS), "", "", "", "", "", vector, 0.7, None, "")
        for n, vector in enumerate(vectors)
    )
    matches = tuple(Match(str(n), 0.8 - n / 100, 0) for n in range(COST_SKUS))
    spent = []
    for number in range(COST_LOOKS):
        started = time.perf_counter()
        refusals.marked(matches, vectors[number % COST_REFUSALS])
        spent.append(1000 * (time.perf_counter() - started))
    p50, p95 = np.quantile(spent, (0.5, 0.95))
    return f"{COST_REFUSALS} refusals of all {COST_SKUS} SKUs: p50 {p50:.3f} ms, p95 {p95:.3f} ms"


if __name__ == "__main__":
    main()
