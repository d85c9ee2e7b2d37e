# SPDX-License-Identifier: Apache-2.0
"""The kiosk itself as a system: its own release, snapshot, `Recogniser.look` and `judge`.

No stage is skipped or done otherwise here. One look per photo; what several frames would add is
not measured. The second look gets more time than the kiosk gives it: how busy this machine is must
not decide what is measured. `Timings` are read whatever stages there are.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from kiosk.catalog.snapshot import Snapshot
from kiosk.config import SearchConfig, VerifyConfig
from kiosk.decide import judge
from kiosk.errors import CatalogError
from kiosk.recognise import Recogniser, still
from kiosk.values import Look, Pixels, Thresholds, Timings
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from tools.evaluation.answers import NOTHING_FOUND, Reply

NAME = "kiosk"
UNHURRIED_MS = 10_000.0
"""Longest second look of one photo: more than any needs."""


class Product:
    """Answers as the kiosk does. Close it when it is no longer asked."""

    name = NAME

    def __init__(
        self, models: tuple[Locator, Embedder], release: Path, verify: VerifyConfig
    ) -> None:
        """Raises CatalogError when the release is not of these models."""
        self._recogniser = Recogniser(*models, verify)
        self._snapshot = Snapshot.open(
            release, embedder=models[1].card.sha256, config=SearchConfig()
        )

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
            score=verdict.evidence if verdict.matches else float("-inf"),
            similarity=self._similarity(look, sku),
            outcome=verdict.outcome.value,
            box=look.subject.box,
            stages_ms=stages(look.timings),
        )

    def _similarity(self, look: Look, sku: str) -> float | None:
        """Of the best reference of `sku`; None when it is not enrolled."""
        if look.embedding is None:
            return None
        try:
            held = self._snapshot.references(sku)
        except CatalogError:
            return None
        return float(np.max(held.vectors @ look.embedding))


def stages(timings: Timings) -> dict[str, float]:
    """Milliseconds by stage, whatever stages there are; the total last."""
    names = [each.name for each in dataclasses.fields(timings) if each.name.endswith("_ms")]
    names.sort(key=lambda name: name.startswith("total"))  # otherwise in their own order
    return {name.removesuffix("_ms"): float(getattr(timings, name)) for name in names}
