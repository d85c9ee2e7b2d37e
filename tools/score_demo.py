# SPDX-License-Identifier: Apache-2.0
"""Score whole item visits on the rendered counter against its ground truth.

    python -m tools.score_demo [--visits 60] [--seed 1] [--step 2] [--state DIR]

Real models, a real catalog build, every frame through the product's own stages and visit rule. A
visit is right when each of its items ends in: the SKU accepted; for a look-alike also a choice that
offers it; for a stranger, unknown. Any accepted SKU that is not the item there is a wrong accept.
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
from kiosk.vision.background import Background
from kiosk.vision.boxes import iou

FPS = 15.0
UNHURRIED_MS = 10_000.0
"""For the second look: what a busy machine leaves out is no matter of this score."""
KNOWN = {product.sku: product for product in PRODUCTS}


ORDER = ("accepted", "unknown", "offered", "asked", "missed", "nothing")
"""What an item may end in; the first three are right."""


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
    counter = Background()
    index = max(0, visits[0].first - 4)
    for number, visit in enumerate(visits):
        made: list[tuple[Decision, SceneFrame]] = []
        last = visits[number + 1].first if number + 1 < len(visits) else visit.last + 8
        while index < last:
            shot = scene.render(index)
            frame = Frame(shot.pixels, index, round(index / FPS * 1e9))
            sight = recogniser.sight(frame, snapshot, deciding.boxes, background=counter)
            if not sight.detections:
                counter.learn(frame.pixels)
            for moment in deciding.step(sight):
                if moment.new and moment.decision is not None:
                    made.append((moment.decision, shot))
            index += step
        yield visit, made


def judged(visit: Visit, made: list[tuple[Decision, SceneFrame]]) -> VisitScore:
    """What a visit ended in; a wrong accept at any moment of it makes it WRONG.

    Each item has decisions of its own; the visit is right when the last one of each item is.
    """
    skus = tuple(product.sku for product in visit.products)
    said = "; ".join(
        f"{one.outcome.value} {'/'.join(m.sku for m in one.matches[:3])} {one.similarity:.2f}"
        for one, _ in made
    )
    last: dict[str, Decision] = {}
    for decision, shot in made:
        item = max(shot.truth, key=lambda item: iou(item.box, decision.box), default=None)
        there = item is not None and item.in_catalog and iou(item.box, decision.box) > 0
        if decision.sku is not None and not (there and item and item.sku == decision.sku):
            return VisitScore(visit.number, skus, "WRONG", False, said)
        if item is not None:
            last[item.sku] = decision
    results = [_result(sku, last.get(sku)) for sku in skus]
    worst = max(results, key=ORDER.index)
    return VisitScore(visit.number, skus, worst, ORDER.index(worst) <= ORDER.index("offered"), said)


def _result(sku: str, decision: Decision | None) -> str:
    """What one item was taken for."""
    product = KNOWN[sku]
    if decision is None:
        return "nothing"
    if decision.outcome is Outcome.ACCEPTED:
        return "accepted"
    if decision.outcome is Outcome.UNKNOWN:
        return "missed" if product.in_catalog else "unknown"
    offered = {match.sku for match in decision.matches}
    return "offered" if sku in offered and product.look_alikes else "asked"


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
        unhurried = dataclasses.replace(settings.verify, budget_ms=UNHURRIED_MS)
        recogniser = Recogniser(locator, embedder, unhurried, items=settings.decide.items)
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
