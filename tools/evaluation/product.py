# SPDX-License-Identifier: Apache-2.0
"""The kiosk itself as a system: its own release, snapshot, `Recogniser.look` and `judge`.

No stage is skipped or done otherwise here. One look per photo; what several frames would add is
not measured. What later versions put on `Match`, `Verdict` and `Timings` is read where it is there.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import TracebackType

import numpy as np

from kiosk.catalog.manifest import RECORDS, VECTORS
from kiosk.catalog.records import Records
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import SearchConfig
from kiosk.decide import Verdict, judge
from kiosk.recognise import Recogniser, still
from kiosk.values import Embedding, Look, Match, Pixels, Thresholds, Timings
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from tools.evaluation.answers import NOTHING_FOUND, Reply

NAME = "kiosk"


class Product:
    """Answers as the kiosk does. Close it, or use it in a `with`."""

    name = NAME

    def __init__(self, models: tuple[Locator, Embedder], release: Path) -> None:
        """Raises CatalogError when the release is not of these models."""
        self._recogniser = Recogniser(*models)
        self._snapshot = Snapshot.open(
            release, embedder=models[1].card.sha256, config=SearchConfig()
        )
        self._references = _References(release)

    def __enter__(self) -> Product:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._snapshot.close()

    @property
    def thresholds(self) -> Thresholds:
        return self._snapshot.thresholds

    def reply(self, pixels: Pixels, sku: str) -> Reply:
        """One look at a BGR uint8 (H, W, 3) picture."""
        look = self._recogniser.look(still(pixels), self._snapshot)
        if look.subject is None:
            return Reply((), outcome=NOTHING_FOUND, stages_ms=stages(look.timings))
        verdict = judge(look.matches, look.thresholds)
        return Reply(
            ranked=tuple(match.sku for match in look.matches),
            score=score(verdict),
            similarity=self._similarity(look, sku),
            outcome=verdict.outcome.value,
            box=look.subject.box,
            stages_ms=stages(look.timings),
        )

    def _similarity(self, look: Look, sku: str) -> float | None:
        if look.embedding is None:
            return None
        return self._references.similarity(look.embedding, sku)


def score(verdict: Verdict) -> float:
    """How sure the kiosk is of its best SKU: its evidence where it has one, else its similarity."""
    if not verdict.matches:
        return float("-inf")
    evidence = getattr(verdict, "evidence", None)
    return float(evidence if evidence is not None else evidence_of(verdict.matches[0]))


def evidence_of(match: Match) -> float:
    """What matches are ranked by: evidence where it has been measured, else similarity."""
    evidence = getattr(match, "evidence", None)
    return float(evidence if evidence is not None else match.similarity)


def stages(timings: Timings) -> dict[str, float]:
    """Milliseconds by stage, whatever stages there are."""
    return {
        each.name.removesuffix("_ms"): float(getattr(timings, each.name))
        for each in dataclasses.fields(timings)
        if each.name.endswith("_ms")
    }


class _References:
    """The vectors of a release by SKU, for the similarity of a SKU that is not listed."""

    def __init__(self, release: Path) -> None:
        vectors = np.load(release / VECTORS, allow_pickle=False)
        records = Records.open(release / RECORDS)
        try:
            owners = np.asarray(records.owners)
            self._of = {
                sku: vectors[owners == number].astype(np.float32)
                for number, sku in enumerate(records.skus)
            }
        finally:
            records.close()

    def similarity(self, embedding: Embedding, sku: str) -> float | None:
        """Cosine similarity of the best reference of `sku`; None when it is not enrolled."""
        rows = self._of.get(sku)
        return float(np.max(rows @ embedding)) if rows is not None and len(rows) else None
