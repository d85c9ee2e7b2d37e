# SPDX-License-Identifier: Apache-2.0
"""What enrolment at the kiosk takes and is worth, on the demo's counter.

    python -m tools.enrolment STATE        # the state directory of `kiosk run` with the demo camera

Every product that stands on the counter and is in no catalog is enrolled from views of one round of
visits, and shown in later rounds; then every product of the catalog is tried as if it were new.
Printed: the time from the last tap to being searchable, what is answered, what is refused.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kiosk.additions import AdditionDesk, Describer, MemoryStore
from kiosk.additions.describe import Kept, kept
from kiosk.additions.probes import GateProbes
from kiosk.additions.trying import tried
from kiosk.additions.values import AddedView, Addition, Rival
from kiosk.catalog.segment import Added, MemorySegment
from kiosk.catalog.slot import Slot
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import load
from kiosk.decide import judge
from kiosk.demo import demo_overrides
from kiosk.models import load_models
from kiosk.recognise import Recogniser, still
from kiosk.recognise.kept import matches_of
from kiosk.refusals import Unrecorded
from kiosk.scene import PRODUCTS, Product, Scene
from kiosk.values import Frame, Match, Record
from kiosk.vision.image import single_threaded

FPS = 15
MOMENTS_S = (1.3, 1.8, 2.3, 2.8)
"""Of a visit, while the item rests."""
VIEWS = 5


class Shop:
    """The demo's catalog, counter and models."""

    def __init__(self, state: Path, seeds: int) -> None:
        single_threaded()
        config = load(None, list(demo_overrides(state)))
        self._locator, self._embedder = load_models(config.models, config.locate)
        self.recogniser = Recogniser(self._locator, self._embedder)
        self.describer = Describer(self._embedder)
        self.slot: Slot[Snapshot] = Slot()
        self.probes = GateProbes()
        self.desk = AdditionDesk(
            MemoryStore(),
            lambda release: self.describer,
            Unrecorded(),
            recompose=self.slot.recompose,
            probes_of=self.probes,
        )
        self.desk.start()
        self.slot.compose(self.desk.over)
        sha256 = self._embedder.card.sha256
        self.slot.swap(Snapshot.open(state / "catalog", embedder=sha256, config=config.search))
        self._scenes = [Scene(width=960, height=720, fps=FPS, seed=1 + n) for n in range(seeds)]

    def frames(self, product: Product, seeds: slice) -> Iterator[Frame]:
        """Frames of a product at rest, visit after visit."""
        for scene in self._scenes[seeds]:
            for visit in scene.visits(2 * len(PRODUCTS)):
                if visit.products == (product,):
                    for moment_s in MOMENTS_S:
                        yield still(scene.render(visit.first + round(moment_s * FPS)).pixels)

    def views(self, product: Product) -> list[tuple[Kept, AddedView]]:
        """Views that differ, as the page takes them."""
        found: list[tuple[Kept, AddedView]] = []
        for frame in self.frames(product, slice(0, 1)):
            with self.slot.borrow() as snapshot:
                look = self.recogniser.look(frame, snapshot)
            if look.subject is None or look.hint is not None or not look.whole:
                continue
            picture = kept(frame.pixels, look.subject.box)
            view = self.describer.described(picture)
            near = [float(view.vectors[0] @ other.vectors[0]) for _, other in found]
            if not near or max(near) < 0.985:
                found.append((picture, view))
            if len(found) == VIEWS:
                break
        return found

    def answers(self, product: Product) -> Counter[str]:
        """What single looks in later rounds would say."""
        said: Counter[str] = Counter()
        for frame in self.frames(product, slice(1, None)):
            with self.slot.borrow() as snapshot:
                assert snapshot is not None
                look = self.recogniser.look(frame, snapshot)
                verdict = judge(look.matches, snapshot.thresholds)
            right = verdict.sku == product.sku
            said[f"{verdict.outcome.value}{'' if right else ', another SKU'}"] += 1
        return said


def enrolled(shop: Shop, product: Product) -> Addition | Rival:
    """Add a product, and print what that took."""
    made = shop.views(product)
    record = Record(product.sku, product.name, product.category, (product.barcode,))
    before = shop.answers(product)
    started = time.perf_counter()
    with shop.slot.borrow() as snapshot:
        assert snapshot is not None
        pictures, views = [each for each, _ in made], [each for _, each in made]
        found = shop.desk.add(record, pictures, views, snapshot)
    took_ms = 1000 * (time.perf_counter() - started)
    print(f"{product.sku}: {len(made)} views, searchable {took_ms:.0f} ms after the last tap")
    print(f"  before: {dict(before)}\n  after:  {dict(shop.answers(product))}")
    return found


def described_ms(shop: Shop, product: Product) -> float:
    """Median time that one tap on "Take this view" works for."""
    spent = []
    for frame in shop.frames(product, slice(0, 1)):
        with shop.slot.borrow() as snapshot:
            assert snapshot is not None
            look = shop.recogniser.look(frame, snapshot)
            if look.subject is None:
                continue
            started = time.perf_counter()
            view = shop.describer.described(kept(frame.pixels, look.subject.box))
            tried(snapshot, "none", [view], _judged, shop.probes(snapshot))
            spent.append(1000 * (time.perf_counter() - started))
    return statistics.median(spent)


def large_ms(shop: Shop, product: Product, rows: int) -> float:
    """The same beside a catalog of so many references, all searched one by one: the worst case."""
    made = shop.views(product)
    views = [view for _, view in made]
    random = np.random.default_rng(1)
    with shop.slot.borrow_release() as base:
        assert base is not None
        count, dimension = rows // 10, views[0].vectors.shape[1]
        wide = random.standard_normal((rows, dimension)).astype(np.float32)
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
        records = [Record(f"made-up-{number}", "", "") for number in range(count)]
        blocks = np.split(wide.astype(np.float16), count)
        pictures = [
            Added(record.sku, block, b"") for record, block in zip(records, blocks, strict=True)
        ]
        larger = base.extended(MemorySegment(records, pictures))
        started = time.perf_counter()
        tried(larger, product.sku, views, None)
        added = [Added(product.sku, view.vectors, b"", view.features) for view in views]
        composed = larger.extended(MemorySegment([Record(product.sku, "", "")], added))
        took_ms = 1000 * (time.perf_counter() - started)
        composed.close()
        larger.close()
    return took_ms


def refusals(shop: Shop) -> None:
    """Every product of the catalog, tried as if it were a new one."""
    outcomes: Counter[str] = Counter()
    for product in PRODUCTS:
        if not product.in_catalog:
            continue
        views = [view for _, view in shop.views(product)]
        with shop.slot.borrow() as snapshot:
            assert snapshot is not None
            found = tried(snapshot, "pretender", views, _judged, shop.probes(snapshot))
        if isinstance(found, Rival):
            right = found.sku == product.sku or found.sku in product.look_alikes
            why = "is it already" if found.already else "would take its matches"
            outcomes[f"refused, {why}{'' if right else ' (another SKU named)'}"] += 1
        else:
            outcomes["added"] += 1
            print(f"  {product.sku} would be added: nearest {found.nearest:.3f}")
    print(f"products of the catalog under another name: {dict(outcomes)}")
    own: Counter[str] = Counter()
    for product in PRODUCTS:
        if product.in_catalog:
            views = [view for _, view in shop.views(product)]
            with shop.slot.borrow() as snapshot:
                assert snapshot is not None
                found = tried(snapshot, product.sku, views, _judged, shop.probes(snapshot))
            verdict = "added"
            if isinstance(found, Rival):
                twin = found.sku in product.look_alikes
                verdict = f"refused for {'its twin' if twin else found.sku}"
            own[verdict] += 1
    print(f"the same as more views of themselves: {dict(own)}")


def offered(shop: Shop, products: Sequence[Product]) -> None:
    """What a question "is it this one?" would be asked of, were it asked of whatever the live kiosk
    itself would offer as a choice or accept.
    """
    for product in products:
        said: Counter[str] = Counter()
        for _, view in shop.views(product):
            with shop.slot.borrow() as snapshot:
                assert snapshot is not None
                verdict = judge(_judged(snapshot, view), snapshot.thresholds)
            right = verdict.sku == product.sku or verdict.sku in product.look_alikes
            said[f"{verdict.outcome.value}{'' if right else ', another SKU'}"] += 1
        print(f"views of {product.sku} before it is added: {dict(said)}", flush=True)


def _judged(snapshot: Snapshot, view: AddedView) -> tuple[Match, ...]:
    return matches_of(snapshot, view.vectors[0].astype(np.float32), view.features)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("--seeds", type=int, default=3, help="rounds of visits; the first is taken")
    parser.add_argument("--rows", type=int, default=100_000, help="of the large catalog")
    arguments = parser.parse_args()
    shop = Shop(arguments.state, arguments.seeds)
    new = [product for product in PRODUCTS if not product.in_catalog]
    with shop.slot.borrow() as snapshot:
        assert snapshot is not None
        limits = snapshot.thresholds
        print(f"release {snapshot.release}: accept {limits.accept:.3f}, margin {limits.margin:.3f}")
        print(f"by its print from {limits.by_print:.3f}")
    print(f'a tap on "Take this view": {described_ms(shop, new[0]):.0f} ms')
    offered(shop, PRODUCTS)
    refusals(shop)
    for product in new:
        enrolled(shop, product)
    took_ms = large_ms(shop, new[0], arguments.rows)
    print(f"beside {arguments.rows:,} references searched one by one: {took_ms:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
