# SPDX-License-Identifier: Apache-2.0
"""One frame through the stages: locate, embed, search, verify. What it means is for `kiosk.decide`.

The second look is taken only where similarity alone does not settle the matter, and ends when its
time is up.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from kiosk.catalog.details import COMPARED_SKUS
from kiosk.catalog.snapshot import Candidate, Snapshot
from kiosk.config import VerifyConfig
from kiosk.decide import judge
from kiosk.values import (
    Box,
    Detection,
    Frame,
    Look,
    Match,
    Outcome,
    Pixels,
    Thresholds,
    Timings,
    Verified,
)
from kiosk.verify import compare_all, joined
from kiosk.vision.boxes import stretched, touches_edge
from kiosk.vision.embed import Embedder
from kiosk.vision.features import features
from kiosk.vision.locate import Locator, subject

LISTED_SKUS = COMPARED_SKUS
"""SKUs kept per look: what a choice can offer, and some to compare and to fuse over frames."""
NO_CATALOG = Thresholds(accept=2.0, choose=2.0, margin=2.0, method="no catalog", samples=0)
"""Thresholds that nothing can reach."""


class Recogniser:
    """The stages in their order. Use from one thread."""

    def __init__(
        self, locator: Locator, embedder: Embedder, config: VerifyConfig | None = None
    ) -> None:
        self._locator = locator
        self._embedder = embedder
        self._config = config or VerifyConfig()

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
        located = embedded = searched = verified = time.perf_counter()
        embedding = None
        matches: tuple[Match, ...] = ()
        unverified = 0
        if item is not None and snapshot is not None:
            embedding = self._embedder.embed([self._embedder.crop(frame.pixels, item.box)])[0]
            embedded = time.perf_counter()
            candidates = snapshot.candidates(embedding, LISTED_SKUS)
            searched = time.perf_counter()
            matches, unverified = self._verified(frame, item.box, candidates, snapshot)
            verified = time.perf_counter()
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
                verify_ms=1000 * (verified - searched),
                total_ms=1000 * (time.perf_counter() - started),
            ),
            unverified=unverified,
        )

    def _verified(
        self, frame: Frame, box: Box, candidates: Sequence[Candidate], snapshot: Snapshot
    ) -> tuple[tuple[Match, ...], int]:
        """The candidates' matches, with what the second look found, by falling evidence; and how
        many of them it had no time for.
        """
        matches = tuple(candidate.match for candidate in candidates)
        until_s = time.perf_counter() + self._config.budget_ms / 1000
        settled = judge(matches, snapshot.thresholds).outcome is Outcome.ACCEPTED
        # Round by round: every SKU is compared once before any is compared again.
        rounds = zip_longest(*(candidate.pictures for candidate in candidates))
        turns = [
            (place, reference)
            for pictures in rounds
            for place, picture in enumerate(pictures)
            if picture is not None and (reference := snapshot.details.of(picture)) is not None
        ]
        if settled or not self._config.on or not turns:
            return matches, 0
        query = features(frame.pixels, box)
        compared = list(compare_all(query, (reference for _, reference in turns), until_s))
        best: dict[int, Verified] = {}
        for (place, _), found in zip(turns, compared, strict=False):
            if place not in best or found.strength > best[place].strength:
                best[place] = found
        left = {place for place, _ in turns[len(compared) :]}
        joint = [
            replace(
                match,
                # A SKU with pictures left is not compared yet: one of them may show the very print.
                verified=None if place in left else best[place],
                fused=joined(match.similarity, best[place]),
            )
            if place in best
            else match
            for place, match in enumerate(matches)
        ]
        return tuple(sorted(joint, key=lambda match: -match.evidence)), len(left)

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
