# SPDX-License-Identifier: Apache-2.0
"""Score whole item visits on the rendered counter against its ground truth.

    python -m tools.score_demo [--visits 60] [--seed 1] [--step 2] [--state DIR]

Real models, a real catalog build, every frame through the product's own stages and visit rule. A
visit is right when it ends in: the SKU accepted; for a look-alike also a choice that offers it; for
a stranger, unknown. Any accepted SKU that was not on the counter is a wrong accept.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from kiosk import config
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import Config, catalog_directory
from kiosk.decide import Visits
from kiosk.demo import HEIGHT, WIDTH, demo_overrides, prepare_catalog
from kiosk.models import load_models
from kiosk.recognise import Recogniser
from kiosk.scene import PRODUCTS, Scene, SceneFrame
from kiosk.scene.timeline import Visit
from kiosk.values import Decision, Frame, Hashes, Outcome

FPS = 15.0
KNOWN = {product.sku: product for product in PRODUCTS}


@dataclasses.dataclass(frozen=True, slots=True)
class VisitScore:
    number: int
    skus: tuple[str, ...]
    result: str
    """accepted, offered, unknown, asked, missed, nothing or WRONG."""
    right: bool
    said: str


def play(
    visits: list[Visit],
    scene: Scene,
    config: Config,
    snapshot: Snapshot,
    recogniser: Recogniser,
    step: int,
) -> Iterator[tuple[Visit, list[tuple[Decision, SceneFrame]]]]:
    """Each visit with the decisions made while it lasted; time is the scene's, not the clock's."""
    deciding = Visits(config.decide, lambda look: Hashes(look.release, "", ""))
    index = max(0, visits[0].first - 4)
    for number, visit in enumerate(visits):
        made: list[tuple[Decision, SceneFrame]] = []
        last = visits[number + 1].first if number + 1 < len(visits) else visit.last + 8
        while index < last:
            shot = scene.render(index)
            frame = Frame(shot.pixels, index, round(index / FPS * 1e9))
            moment = deciding.step(recogniser.look(frame, snapshot, last=deciding.box))
            if moment.new and moment.decision is not None:
                made.append((moment.decision, shot))
            index += step
        yield visit, made


def judged(visit: Visit, made: list[tuple[Decision, SceneFrame]]) -> VisitScore:
    """What a visit ended in; a wrong accept at any moment of it makes it WRONG."""
    skus = tuple(product.sku for product in visit.products)
    said = "; ".join(
        f"{one.outcome.value} {'/'.join(m.sku for m in one.matches[:3])} {one.similarity:.2f}"
        for one, _ in made
    )
    for decision, shot in made:
        there = {item.sku for item in shot.truth if item.in_catalog}
        if decision.sku is not None and decision.sku not in there:
            return VisitScore(visit.number, skus, "WRONG", False, said)
    if not made:
        return VisitScore(visit.number, skus, "nothing", False, said)
    decision = made[-1][0]
    known = [KNOWN[sku] for sku in skus if KNOWN[sku].in_catalog]
    offered = {match.sku for match in decision.matches}
    if decision.outcome is Outcome.ACCEPTED:
        result, right = "accepted", True
    elif decision.outcome is Outcome.UNKNOWN:
        stranger = len(known) < len(skus)
        result, right = ("unknown", True) if stranger else ("missed", False)
    elif any(product.sku in offered and product.look_alikes for product in known):
        result, right = "offered", True
    else:
        result, right = "asked", False
    return VisitScore(visit.number, skus, result, right, said)


def score(visits: int, seed: int, step: int, state: Path, first: int = 0) -> list[VisitScore]:
    """Play `visits` visits from number `first` and judge each."""
    settings = config.load(None, demo_overrides(state))
    locator, embedder = load_models(settings.models, settings.locate)
    prepare_catalog(settings, locator, embedder)
    snapshot = Snapshot.open(
        catalog_directory(settings), embedder=embedder.card.sha256, config=settings.search
    )
    scene = Scene(width=WIDTH, height=HEIGHT, fps=FPS, seed=seed)
    chosen = list(scene.visits(first + visits))[first:]
    try:
        recogniser = Recogniser(locator, embedder)
        return [
            judged(visit, made)
            for visit, made in play(chosen, scene, settings, snapshot, recogniser, step)
        ]
    finally:
        snapshot.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step", type=int, default=2, help="use every so manieth of 15 frames/s")
    parser.add_argument("--state", type=Path, help="keep the demo catalog here (default: scratch)")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        results = score(wanted.visits, wanted.seed, wanted.step, wanted.state or Path(scratch))
    for each in results:
        print(f"{each.number:4} {each.result:9} {'+'.join(each.skus):32} {each.said}")
    counts = Counter(each.result for each in results)
    right = sum(each.right for each in results)
    print(f"\n{right} of {len(results)} visits right ({right / len(results):.1%}): {dict(counts)}")
    print(f"wrong accepts: {counts['WRONG']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
