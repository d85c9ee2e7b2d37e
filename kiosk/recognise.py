# SPDX-License-Identifier: Apache-2.0
"""One frame through the stages: locate, embed, search. What it means is for `kiosk.decide`."""

from __future__ import annotations

import time

import numpy as np

from kiosk.catalog.snapshot import Snapshot
from kiosk.values import Box, Detection, Frame, Look, Match, Pixels, Thresholds, Timings
from kiosk.vision.boxes import stretched, touches_edge
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator, subject

LISTED_SKUS = 8
"""SKUs kept per look: what a choice can offer, and some to fuse over frames."""
NO_CATALOG = Thresholds(accept=2.0, choose=2.0, margin=2.0, method="no catalog", samples=0)
"""Thresholds that nothing can reach."""


class Recogniser:
    """The stages in their order. Use from one thread."""

    def __init__(self, locator: Locator, embedder: Embedder) -> None:
        self._locator = locator
        self._embedder = embedder

    def look(self, frame: Frame, snapshot: Snapshot | None, *, last: Box | None = None) -> Look:
        """Everything `frame` shows. `last` is where the item was, if one was looked at before.

        Without a snapshot items are found but nothing matches.
        """
        started = time.perf_counter()
        detections = self._locate(frame, last)
        item = subject(detections, frame.width, frame.height, last)
        others = tuple(each for each in detections if each is not item)
        if item is not None:
            item = self._locator.refined(frame.pixels, item)
            detections = (item, *others)
        located = embedded = searched = time.perf_counter()
        embedding = None
        matches: tuple[Match, ...] = ()
        if item is not None and snapshot is not None:
            embedding = self._embedder.embed([self._embedder.crop(frame.pixels, item.box)])[0]
            embedded = time.perf_counter()
            matches = snapshot.match(embedding, LISTED_SKUS)
            searched = time.perf_counter()
        return Look(
            sequence=frame.sequence,
            captured_ns=frame.captured_ns,
            frame_size=(frame.width, frame.height),
            detections=detections,
            subject=item,
            whole=item is None or not touches_edge(item.box, frame.width, frame.height),
            embedding=embedding,
            matches=matches,
            thresholds=snapshot.thresholds if snapshot else NO_CATALOG,
            release=snapshot.release if snapshot else "",
            timings=Timings(
                locate_ms=1000 * (located - started),
                embed_ms=1000 * (embedded - located),
                search_ms=1000 * (searched - embedded),
                total_ms=1000 * (time.perf_counter() - started),
            ),
        )

    def _locate(self, frame: Frame, last: Box | None) -> tuple[Detection, ...]:
        if frame.lores is None:
            return self._locator.locate(frame.pixels, last)
        # The camera's own small picture saves shrinking the large one; boxes are scaled back.
        dx = frame.width / frame.lores.shape[1]
        dy = frame.height / frame.lores.shape[0]
        small = None if last is None else stretched(last, 1 / dx, 1 / dy)
        return tuple(
            Detection(stretched(each.box, dx, dy), each.score)
            for each in self._locator.locate(frame.lores, small)
        )


def still(pixels: Pixels, sequence: int = 0) -> Frame:
    """A frame of one picture, for pictures that come from files."""
    return Frame(np.ascontiguousarray(pixels), sequence, time.monotonic_ns())
