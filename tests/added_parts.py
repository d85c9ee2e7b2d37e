# SPDX-License-Identifier: Apache-2.0
"""A small real catalog, and items that are in it or not, to add to it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tiny_models

from kiosk.additions import AdditionDesk, Describer, Enrolling, MemoryStore, Store
from kiosk.additions.describe import Kept, kept
from kiosk.additions.values import AddedView, Addition, Rival
from kiosk.catalog.build import BuildOptions, build
from kiosk.catalog.slot import Slot
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import SearchConfig
from kiosk.recognise import Recogniser, still
from kiosk.recognise.kept import matches_of
from kiosk.values import Frame, Match, Note, Pixels, Record, Sight
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator

SIDES = (100, 101, 102)
"""Pictures of `tiny_models.picture` that stand for the sides of one item, in no catalog."""
WIDTH, HEIGHT = 480, 360


def build_release(models: Path, folder: Path, skus: Sequence[int] = range(6)) -> Path:
    """A release of SKUs sku-0, sku-1, … with three pictures each; a barcode for sku-1."""
    source = folder / "source"
    for item in skus:
        for shot in range(3):
            tiny_models.write_picture(source / f"sku-{item}" / f"{shot}.png", item, shot)
    rows = [f"sku-{item},Item {item},{4006381333931 if item == 1 else ''}" for item in skus]
    (source / "skus.csv").write_text("\n".join(["sku,name,barcode", *rows]) + "\n")
    out = folder / "release"
    locator, embedder = tiny_models.open_models(models)
    build(source, out, locator=locator, embedder=embedder, options=BuildOptions())
    return out


def seen(item: int, shot: int = 5) -> Pixels:
    """An item on the counter, large enough to be taken."""
    return tiny_models.picture(item, shot, WIDTH, HEIGHT)


class Bench:
    """A slot with a release, additions composed over it, and what makes views."""

    def __init__(
        self, models: Path, release: Path, store: Store | None = None, journal: Notes | None = None
    ) -> None:
        self.locator, self.embedder = tiny_models.open_models(models)
        self.slot: Slot[Snapshot] = Slot()
        self.journal = journal or Notes()
        self.store = MemoryStore() if store is None else store
        self.desk = AdditionDesk(
            self.store,
            lambda release: Describer(self.embedder),
            self.journal,
            recompose=self.slot.recompose,
        )
        self.desk.start()
        self.slot.compose(self.desk.over)
        self.open(release)

    def open(self, release: Path) -> None:
        sha256 = self.embedder.card.sha256
        self.slot.swap(Snapshot.open(release, embedder=sha256, config=SearchConfig()))

    def close(self) -> None:
        self.slot.swap(None)
        self.desk.close()

    def look(self, item: int, shot: int = 5) -> tuple[Match, ...]:
        """What is matched with an item on the counter."""
        _, view = self.view(item, shot)
        with self.slot.borrow() as snapshot:
            assert snapshot is not None
            return judged(snapshot, view)

    def view(self, item: int, shot: int = 5) -> tuple[Kept, AddedView]:
        return view_of(self.locator, self.embedder, seen(item, shot))

    def add(
        self, sku: str = "new", items: Sequence[int] = SIDES, name: str = "New", code: str = ""
    ) -> Addition | Rival:
        made = [self.view(item) for item in items]
        record = Record(sku, name, "", (code,) if code else ())
        with self.slot.borrow() as snapshot:
            assert snapshot is not None
            pictures, views = [each for each, _ in made], [each for _, each in made]
            return self.desk.add(record, pictures, views, snapshot)

    def added(self, sku: str = "new", items: Sequence[int] = SIDES, code: str = "") -> Addition:
        found = self.add(sku, items, code=code)
        assert isinstance(found, Addition), found
        return found


class Notes:
    """A journal that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict, str | None]] = []

    def note(self, note: Note) -> None:
        self.told.append((note.kind, dict(note.body), note.sku))

    def flush(self, timeout_s: float) -> bool:
        return True


def view_of(locator: Locator, embedder: Embedder, pixels: Pixels) -> tuple[Kept, AddedView]:
    (found,) = locator.locate(pixels)
    picture = kept(pixels, found.box)
    return picture, Describer(embedder).described(picture)


def judged(snapshot: Snapshot, view: AddedView) -> tuple[Match, ...]:
    return matches_of(snapshot, view.vectors[0].astype(np.float32), view.features)


@contextmanager
def opened(models: Path, release: Path, store: Store | None = None):
    bench = Bench(models, release, store)
    try:
        yield bench
    finally:
        bench.close()


class Feeder:
    """A station's loop without a camera: the same frame again and again, in a thread."""

    def __init__(self, bench: Bench, enrolling: Enrolling) -> None:
        self._recogniser = Recogniser(bench.locator, bench.embedder)
        self._bench = bench
        self._enrolling = enrolling
        self._stop = threading.Event()
        self._frame, self._sight = self._seen(seen(-1))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Feeder:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        self._thread.join()

    def show(self, pixels: Pixels) -> None:
        self._frame, self._sight = self._seen(pixels)

    @property
    def sight(self) -> Sight:
        return self._sight

    def _seen(self, pixels: Pixels) -> tuple[Frame, Sight]:
        frame = still(pixels)
        with self._bench.slot.borrow() as snapshot:
            return frame, self._recogniser.sight(frame, snapshot)

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            self._enrolling.watch(self._frame, self._sight)
