# SPDX-License-Identifier: Apache-2.0
"""The stages in their order, for one item or for every item in a frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kiosk import barcode
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import VerifyConfig
from kiosk.decide import judge
from kiosk.decide.coach import poor
from kiosk.models import Models
from kiosk.recognise.listed import Wanted, listed, may_list
from kiosk.recognise.second_look import by_evidence, compared, turns
from kiosk.recognise.view import View, views_of
from kiosk.refusals import Refusals
from kiosk.values import (
    Box,
    Code,
    Detection,
    Embedding,
    Features,
    Frame,
    Look,
    Match,
    Outcome,
    Pixels,
    Sight,
    Thresholds,
    Timings,
)
from kiosk.vision.background import Background
from kiosk.vision.boxes import stretched
from kiosk.vision.embed import Embedder
from kiosk.vision.features import features
from kiosk.vision.locate import Locator, attended

NO_CATALOG = Thresholds(accept=2.0, choose=2.0, margin=2.0, method="no catalog", samples=0)
"""Thresholds that nothing can reach."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the stages after the embedder found of one item."""

    matches: tuple[Match, ...] = ()
    features: Features | None = None
    left: int = 0
    """Matches that the second look had no time for."""
    codes: tuple[Code, ...] = ()
    coded: tuple[str, ...] = ()
    search_ms: float = 0.0
    verify_ms: float = 0.0
    codes_ms: float = 0.0


class Recogniser:
    """The stages in their order. Use from one thread."""

    def __init__(
        self,
        locator: Locator,
        embedder: Embedder,
        config: VerifyConfig | None = None,
        *,
        items: int = 1,
        codes: str = "choose",
        refusals: Refusals | None = None,
        models_of: Callable[[str], Models] | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        """`items`: how many items of one frame are looked at, the most prominent first; `codes`:
        when barcodes are read, see `kiosk.config.BarcodeConfig`; `refusals`: what people said is
        not a SKU; `models_of`: what to look with for a release (or none); `wanted`: what to list.
        """
        self._locator = locator
        self._embedder = embedder
        self._config = config or VerifyConfig()
        self._items = items
        self._codes = codes
        self._refusals = refusals
        self._wanted = wanted
        self._models_of = models_of

    def look(self, frame: Frame, snapshot: Snapshot | None) -> Look:
        """The most prominent item of `frame`, as if nothing had been seen before.

        Without a snapshot items are found but nothing matches.
        """
        sight = self._sight(frame, snapshot, (), 1)
        if sight.looks:
            return sight.looks[0]
        return Look(
            sequence=frame.sequence,
            captured_ns=frame.captured_ns,
            frame_size=(frame.width, frame.height),
            detections=sight.detections,
            subject=None,
            whole=True,
            embedding=None,
            matches=(),
            thresholds=snapshot.thresholds if snapshot else NO_CATALOG,
            release=snapshot.release if snapshot else "",
            timings=sight.timings,
        )

    def sight(
        self,
        frame: Frame,
        snapshot: Snapshot | None,
        seen: Sequence[Box] = (),
        *,
        asked: bool = False,
        background: Background | None = None,
    ) -> Sight:
        """Every item of `frame`. `seen` is where items were, the one in focus first; `asked`: a
        person wants barcodes read; `background`: what the empty counter looks like.
        """
        return self._sight(frame, snapshot, seen, self._items, asked, background)

    def _sight(
        self,
        frame: Frame,
        snapshot: Snapshot | None,
        seen: Sequence[Box],
        most: int,
        asked: bool = False,
        background: Background | None = None,
    ) -> Sight:
        if self._models_of is not None:
            models = self._models_of(snapshot.release if snapshot else "")
            self._locator, self._embedder = models.locator, models.embedder
        started = time.perf_counter()
        found = self._locate(frame, seen)
        chosen = attended(found, frame.width, frame.height, seen)[:most]
        items = [self._locator.refined(frame.pixels, item) for item in chosen]
        detections = (*items, *(each for each in found if each not in chosen))
        located = time.perf_counter()
        embeddings = self._embedded(frame, items) if snapshot is not None else [None] * len(items)
        embedded = time.perf_counter()
        share = max(1, len(items))
        spent = Timings(
            locate_ms=1000 * (located - started), embed_ms=1000 * (embedded - located) / share
        )
        until_s = embedded + self._config.budget_ms / 1000
        views = views_of(frame, items, seen, background)
        looks = tuple(
            self._look(frame, snapshot, detections, item, embedding, spent, until_s, asked, view)
            for item, embedding, view in zip(items, embeddings, views, strict=True)
        )
        total_ms = 1000 * (time.perf_counter() - started)
        return Sight(
            sequence=frame.sequence,
            captured_ns=frame.captured_ns,
            frame_size=(frame.width, frame.height),
            detections=detections,
            looks=looks,
            timings=Timings(
                locate_ms=spent.locate_ms,
                embed_ms=spent.embed_ms * len(items),
                search_ms=sum(look.timings.search_ms for look in looks),
                verify_ms=sum(look.timings.verify_ms for look in looks),
                codes_ms=sum(look.timings.codes_ms for look in looks),
                judge_ms=sum(view.spent_ms for view in views),
                total_ms=total_ms,
            ),
        )

    def _look(
        self,
        frame: Frame,
        snapshot: Snapshot | None,
        detections: tuple[Detection, ...],
        item: Detection,
        embedding: Embedding | None,
        spent: Timings,
        until_s: float,
        asked: bool,
        view: View,
    ) -> Look:
        started = time.perf_counter()
        found = Found()
        if snapshot is not None and embedding is not None:
            found = self._matched(frame, item.box, embedding, snapshot, until_s)
            others = [each.box for each in detections if each is not item]
            found = self._coded(frame, item.box, others, embedding, snapshot, found, asked=asked)
        return Look(
            sequence=frame.sequence,
            captured_ns=frame.captured_ns,
            frame_size=(frame.width, frame.height),
            detections=detections,
            subject=item,
            whole=view.whole,
            embedding=embedding,
            matches=found.matches,
            thresholds=snapshot.thresholds if snapshot else NO_CATALOG,
            release=snapshot.release if snapshot else "",
            timings=replace(
                spent,
                search_ms=found.search_ms,
                verify_ms=found.verify_ms,
                codes_ms=found.codes_ms,
                judge_ms=view.spent_ms,
                total_ms=spent.locate_ms
                + spent.embed_ms
                + view.spent_ms
                + 1000 * (time.perf_counter() - started),
            ),
            unverified=found.left,
            features=found.features,
            quality=view.quality,
            hint=poor(view.quality, whole=view.whole),
            codes=found.codes,
            coded=found.coded,
        )

    def _matched(
        self, frame: Frame, box: Box, embedding: Embedding, snapshot: Snapshot, until_s: float
    ) -> Found:
        """Search, and a second look where similarity does not settle it."""
        started = time.perf_counter()
        candidates = listed(snapshot, embedding, self._wanted)
        matches = tuple(candidate.match for candidate in candidates)
        searched = time.perf_counter()
        settled = judge(matches, snapshot.thresholds).outcome is Outcome.ACCEPTED
        doubted = self._refusals is not None and self._refusals.concern(matches)
        order = turns(candidates, snapshot.details)
        seen, left = None, 0
        if self._config.on and order and (doubted or not settled):
            seen = features(frame.pixels, box)
            found = compared(seen, matches, order, until_s)
            matches, left = found.matches, found.left
        if self._refusals is not None:
            matches = self._refusals.marked(matches, embedding, seen)
        return Found(
            matches,
            seen,
            left,
            search_ms=1000 * (searched - started),
            verify_ms=1000 * (time.perf_counter() - searched),
        )

    def _coded(
        self,
        frame: Frame,
        box: Box,
        others: Sequence[Box],
        embedding: Embedding,
        snapshot: Snapshot,
        found: Found,
        *,
        asked: bool,
    ) -> Found:
        """Barcodes, where they may help, and how like their SKUs the item is."""
        if not asked and self._codes in {"off", "asked"}:
            return found
        settled = judge(found.matches, snapshot.thresholds).outcome is Outcome.ACCEPTED
        if not asked and self._codes == "choose" and settled:
            return found
        started = time.perf_counter()
        codes = barcode.on_item(barcode.read(frame.pixels, box), box, others)
        coded = tuple(s for s in snapshot.coded(codes) if may_list(snapshot, s, self._wanted))
        known = {match.sku for match in found.matches}
        more = tuple(snapshot.named(sku, embedding).match for sku in coded if sku not in known)
        if self._refusals is not None:
            more = self._refusals.marked(more, embedding)
        return replace(
            found,
            matches=by_evidence((*found.matches, *more)),
            codes=codes,
            coded=coded,
            codes_ms=1000 * (time.perf_counter() - started),
        )

    def _embedded(self, frame: Frame, items: Sequence[Detection]) -> list[Embedding | None]:
        """Unit vectors at the precision in which they are kept: a replay then sees the same."""
        crops = [self._embedder.crop(frame.pixels, item.box) for item in items]
        return list(self._embedder.embed(crops).astype(np.float16).astype(np.float32))

    def _locate(self, frame: Frame, seen: Sequence[Box]) -> tuple[Detection, ...]:
        if frame.lores is None:
            return self._locator.locate(frame.pixels, seen)
        # The camera's own small picture saves shrinking the large one; boxes are scaled back.
        dx = frame.width / frame.lores.shape[1]
        dy = frame.height / frame.lores.shape[0]
        small = [stretched(box, 1 / dx, 1 / dy) for box in seen]
        return tuple(
            Detection(stretched(each.box, dx, dy), each.score)
            for each in self._locator.locate(frame.lores, small)
        )


def still(pixels: Pixels, sequence: int = 0) -> Frame:
    """A frame of one picture, for pictures that come from files."""
    return Frame(np.ascontiguousarray(pixels), sequence, time.monotonic_ns())
