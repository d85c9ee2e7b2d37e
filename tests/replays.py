# SPDX-License-Identifier: Apache-2.0
"""Real decisions in a real journal: tiny catalogs, the real Recogniser and Visits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import prints
import tiny_models
from waiting import DEADLINE_S

from kiosk.catalog.build import BuildOptions, build
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import DecideConfig, SearchConfig, VerifyConfig
from kiosk.decide import Visits
from kiosk.journal import Journal
from kiosk.recognise import Recogniser
from kiosk.values import Decision, Frame, Hashes, Look, Pixels

TICK_NS = 150_000_000


def colours(models: Path, out: Path, skus: Iterable[tuple[str, int]]) -> Path:
    """A release of coloured items: pairs of SKU and item number."""
    source = out.parent / f"{out.name}-source"
    for sku, item in skus:
        for shot in range(2):
            tiny_models.write_picture(source / sku / f"{shot}.png", item, shot)
    return built(models, source, out)


def faces(models: Path, out: Path, skus: Iterable[tuple[str, int]]) -> Path:
    """A release of printed faces of one colour, which only the second look tells apart."""
    source = out.parent / f"{out.name}-source"
    for sku, design in skus:
        path = source / sku / "face.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(prints.png(prints.counter(prints.face(design))))
    return built(models, source, out)


def built(models: Path, source: Path, out: Path) -> Path:
    """A release of the pictures in `source`."""
    locator, embedder = tiny_models.open_models(models)
    options = BuildOptions(augment=False)
    build(source, out, locator=locator, embedder=embedder, options=options)
    return out


def opened(models: Path, release: Path) -> Snapshot:
    """The release as a kiosk with the tiny models opens it."""
    embedder = tiny_models.open_models(models)[1].card.sha256
    return Snapshot.open(release, embedder=embedder, config=SearchConfig())


class Counter:
    """Shows pictures to the real stages and collects what is decided."""

    def __init__(self, models: Path, release: Path) -> None:
        self._locator, self._embedder = tiny_models.open_models(models)
        config = VerifyConfig(budget_ms=10_000)
        self._recogniser = Recogniser(self._locator, self._embedder, config)
        self._snapshot = opened(models, release)
        self._tick = 0

    def show(self, pictures: Sequence[Pixels]) -> list[Decision]:
        """One visit: each picture is a frame, 0.15 s after the one before."""
        visits = Visits(DecideConfig(), self._hashes)
        made = []
        for pixels in pictures:
            self._tick += 1
            frame = Frame(pixels, self._tick, self._tick * TICK_NS)
            sight = self._recogniser.sight(frame, self._snapshot, visits.boxes)
            made += [step.decision for step in visits.step(sight) if step.new and step.decision]
        return made

    def close(self) -> None:
        self._snapshot.close()

    def _hashes(self, look: Look) -> Hashes:
        detector, embedder = self._locator.card.sha256, self._embedder.card.sha256
        return Hashes(look.release, detector, embedder, "c0ffee")


def item(number: int, frames: int = 14) -> list[Pixels]:
    """An item that lies still; the camera's noise is another one in every frame."""
    pixels = tiny_models.picture(number, shot=9).astype(np.int16)
    noise = np.random.default_rng(number)
    return [
        np.clip(pixels + noise.integers(-6, 7, pixels.shape), 0, 255).astype(np.uint8)
        for _ in range(frames)
    ]


def face(design: int, frames: int = 14) -> list[Pixels]:
    """A printed face, photographed askew, a little more turned in every frame."""
    return [
        prints.counter(prints.photographed(prints.face(design), turn=8 + each / 4))
        for each in range(frames)
    ]


def journal(state: Path) -> Journal:
    """A started journal in the state directory."""
    state.mkdir(parents=True, exist_ok=True)
    made = Journal(state / "journal.sqlite", commit_s=0.01, keep_days=36500)
    made.start()
    return made


def recorded(state: Path, decisions: Iterable[Decision]) -> Path:
    """The decisions in the journal of a state directory."""
    made = journal(state)
    for decision in decisions:
        made.decision(decision)
    assert made.flush(DEADLINE_S)
    made.close()
    return state / "journal.sqlite"
