# SPDX-License-Identifier: Apache-2.0
"""Saying how far long work has come: one line kept up to date on a terminal, a few lines elsewhere.

Rule: on the error output, so that what a command answers stays clean.
"""

from __future__ import annotations

import sys
import time
from typing import TextIO

_LINE_EVERY_S = 5.0
_CLEAR = "\r\x1b[K"


class Progress:
    """Call it with what is done, how many are done, and of how many (0: unknown)."""

    def __init__(self, out: TextIO | None = None) -> None:
        """Write to `out`, by default the error output; to nothing when that is closed."""
        self._out = out or sys.stderr
        self._live = self._out is not None and self._out.isatty()
        self._what = ""
        self._next_s = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if self._out is None or (not self._live and what == self._what and now < self._next_s):
            return
        self._what, self._next_s = what, now + _LINE_EVERY_S
        text = f"{what} {done} of {total} …" if total else f"{what} …"
        self._out.write(f"{_CLEAR}{text}" if self._live else f"{text}\n")
        self._out.flush()

    def close(self) -> None:
        """Take the live line away."""
        if self._live:
            self._out.write(_CLEAR)
            self._out.flush()
