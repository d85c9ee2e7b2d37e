# SPDX-License-Identifier: Apache-2.0
"""Training batches for the embedder: which SKUs meet, so that look-alikes have to be told apart."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.camera_views import Picture, camera_view
from tools.instances import Instances

U8 = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.intp]
SHARES = {"products3d": 10, "made-up": 20, "single_items": 18, "grocery": 12}
"""SKUs drawn for a batch from each source, two views of each."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Two views of each drawn SKU."""

    images: U8
    rows: Rows
    """Which picture each view shows."""
    labels: Rows


class Draw:
    """Draws batches: SKUs of every source, twins together, two views of each SKU."""

    def __init__(self, known: Instances, rows: Rows, rooms: list[U8], side: int) -> None:
        self._known, self._rooms, self._side = known, rooms, side
        _, self._labels = np.unique(known.labels, return_inverse=True)
        self._pictures: dict[str, dict[str, dict[str, list[int]]]] = {}
        for row in rows.tolist():
            source = self._pictures.setdefault(str(known.sources[row]), {})
            family = source.setdefault(str(known.families[row]), {})
            family.setdefault(str(known.labels[row]), []).append(row)

    def batch(self, rng: np.random.Generator) -> Batch:
        """One batch; the same `rng` state draws the same batch."""
        chosen: list[int] = []
        for source, families in self._pictures.items():
            names, count = list(families), 0
            for k in rng.permutation(len(names)).tolist():
                for own in families[names[k]].values():
                    if count < SHARES[source]:
                        chosen += [int(v) for v in rng.choice(own, 2, replace=len(own) < 2)]
                        count += 1
                if count >= SHARES[source]:
                    break
        known = self._known
        views = [
            camera_view(rng, Picture(known.pixels[r], known.boxes[r]), self._rooms, self._side)
            for r in chosen
        ]
        rows = np.array(chosen)
        return Batch(np.stack(views), rows, self._labels[rows])

    def endless(self, seed: int, begin: int) -> Iterator[Batch]:
        """Batches from step `begin` on, drawn ahead by a thread of their own."""
        ready: queue.Queue[Batch] = queue.Queue(4)

        def fill() -> None:
            step = begin
            while True:
                ready.put(self.batch(np.random.default_rng([seed, step])))
                step += 1

        threading.Thread(target=fill, daemon=True).start()
        while True:
            yield ready.get()
