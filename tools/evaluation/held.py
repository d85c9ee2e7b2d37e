# SPDX-License-Identifier: Apache-2.0
"""Sights held against a release: its own snapshot, the kiosk's second look and visits.

What decides is the product's code; only comparisons of prints are remembered, because the same
photo meets the same catalog picture in many catalogs. A test holds the matches against those of
`Recogniser.look`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from kiosk.catalog.snapshot import Candidate, Snapshot
from kiosk.config import DecideConfig, SearchConfig
from kiosk.decide import Visits, judge
from kiosk.recognise import LISTED_SKUS
from kiosk.recognise.second_look import by_evidence
from kiosk.values import (
    Decision,
    Detection,
    Features,
    Hashes,
    Look,
    Match,
    Outcome,
    Sight,
    Thresholds,
    Verified,
)
from kiosk.verify import compare_all, joined
from tools.evaluation.sights import Seen, Sights, picture_name

_NS = 1_000_000_000
_HASHES = Hashes("", "", "")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Held:
    """A release that sights are held against. Close it when done."""

    def __init__(self, release: Path, embedder: str, sights: Sights) -> None:
        """Raises CatalogError when the release was not made with this embedder (a sha256)."""
        self._snapshot = Snapshot.open(release, embedder=embedder, config=SearchConfig())
        self.sights = sights
        self._names: dict[int, str] = {}

    def close(self) -> None:
        self._snapshot.close()

    @property
    def thresholds(self) -> Thresholds:
        return self._snapshot.thresholds

    def look(self, seen: Seen) -> Look | None:
        """What a frame with this item would give; None when nothing was found."""
        if seen.box is None or seen.embedding is None:
            return None
        item = Detection(seen.box, 1.0)
        return Look(
            sequence=0,
            captured_ns=0,
            frame_size=seen.size,
            detections=(item,),
            subject=item,
            whole=seen.whole,
            embedding=seen.embedding,
            matches=self._matches(seen, self._snapshot.candidates(seen.embedding, LISTED_SKUS)),
            thresholds=self.thresholds,
            release=self._snapshot.release,
        )

    def _matches(self, seen: Seen, candidates: Sequence[Candidate]) -> tuple[Match, ...]:
        matches = tuple(candidate.match for candidate in candidates)
        if judge(matches, self.thresholds).outcome is Outcome.ACCEPTED:
            return matches
        found = self._compared(seen, {at for each in candidates for at in each.pictures})
        joint = []
        for match, candidate in zip(matches, candidates, strict=True):
            looks = [found[picture] for picture in candidate.pictures if picture in found]
            best = max(looks, key=lambda look: look.strength, default=None)
            fused = None if best is None else joined(match.similarity, best)
            joint.append(replace(match, verified=best, fused=fused))
        return by_evidence(joint)

    def _compared(self, seen: Seen, pictures: Iterable[int]) -> dict[int, Verified]:
        """What was seen, compared with catalog pictures now or in an earlier run."""
        names = {picture: self._named(picture) for picture in sorted(pictures)}
        kept = self.sights.pairs(seen)
        new = {name: picture for picture, name in names.items() if name and name not in kept}
        if new:
            references = [self._reference(picture) for picture in new.values()]
            compared = compare_all(self.sights.features(seen), references, math.inf)
            found = dict(zip(new, compared, strict=True))
            self.sights.keep_pairs(seen, found.items())
            kept |= found
        return {picture: kept[name] for picture, name in names.items() if name}

    def _named(self, picture: int) -> str:
        """Names a catalog picture by its local features; empty: the release has none of it."""
        if picture not in self._names:
            reference = self._snapshot.details.of(picture)
            self._names[picture] = "" if reference is None else picture_name(reference)
        return self._names[picture]

    def _reference(self, picture: int) -> Features:
        reference = self._snapshot.details.of(picture)
        assert reference is not None
        return reference


def decided(look: Look, config: DecideConfig) -> Decision:
    """What the kiosk would say of an item that lies still and is seen just like this, when its time
    is up at the latest.
    """
    number = count()
    visits = Visits(config, lambda _: _HASHES, new_id=lambda: str(next(number)), now=lambda: _EPOCH)
    late_ns = math.ceil(max(config.time_limit_s, config.hint_limit_s) * _NS)
    moments = [*range(config.agreement_frames), late_ns]
    for sequence, at_ns in enumerate(moments):
        frame = replace(look, sequence=sequence, captured_ns=at_ns)
        sight = Sight(sequence, at_ns, look.frame_size, look.detections, (frame,))
        (step,) = visits.step(sight)
        if step.decision is not None:
            return step.decision
    raise AssertionError("a visit ends with a decision when its time is up")
