# SPDX-License-Identifier: Apache-2.0
"""Folding: a child process builds the Annoy file over more rows while this one goes on answering.

It has the lowest priority that still gets a share: beside a loop that never rests, 1.4 % of a core.
At SCHED_IDLE it would get 0.3 %, which recognition does not notice either, and would take a day
for what takes hours. What it writes is believed no more than any other file there: who opens it
next proves it. A child that dies has changed nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.search.annoy_index import block_of
from kiosk.search.open import built
from kiosk.search.rows import Rows

NICE = 19


class Fold:
    """One such child."""

    def __init__(
        self,
        rows: Rows,
        live: NDArray[np.bool_],
        directory: Path,
        least_recall: float,
        *,
        gently: bool = True,
    ) -> None:
        """Start it over the living rows of the blocks that lie in files. `gently`: whatever else
        wants the processor comes first. Raises OSError.
        """
        spans = zip(rows.blocks, rows.starts[:-1].tolist(), rows.starts[1:].tolist(), strict=True)
        kept = [(block, live[start:end]) for block, start, end in spans if block.path is not None]
        job = {
            "blocks": [[block.name, str(block.path)] for block, _ in kept],
            "directory": str(directory),
            "recall": least_recall,
            "gently": gently,
        }
        lives = np.concatenate([np.zeros(0, np.bool_), *(each for _, each in kept)])
        directory.mkdir(exist_ok=True)
        with tempfile.TemporaryFile() as orders:
            orders.write(json.dumps(job).encode() + b"\n" + lives.tobytes())
            orders.seek(0)
            self._child = subprocess.Popen([sys.executable, "-m", __name__], stdin=orders)

    @property
    def pid(self) -> int:
        return self._child.pid

    def ended(self) -> int | None:
        """Its exit code; None: it is still at work."""
        return self._child.poll()

    def stop(self) -> None:
        """End it, and wait until it has."""
        self._child.kill()
        self._child.wait()


def run(job: bytes, lives: bytes) -> None:
    """What the child does. Raises OSError, ValueError, IndexFault."""
    body = json.loads(job)
    if body["gently"]:
        _behind_all()
    rows = Rows([block_of(name, Path(path)) for name, path in body["blocks"]])
    live = np.frombuffer(lives, np.bool_)
    if len(live) != len(rows):
        raise ValueError(f"{len(live)} rows were named, the files hold {len(rows)}")
    built(rows, np.flatnonzero(live), Path(body["directory"]), body["recall"])


def _behind_all() -> None:
    """Nothing that wakes up waits for it; nice for the processor is nice for the disk, on Linux."""
    os.nice(NICE)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    run(sys.stdin.buffer.readline(), sys.stdin.buffer.read())
