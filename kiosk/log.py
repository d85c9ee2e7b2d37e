# SPDX-License-Identifier: Apache-2.0
"""Logging to stderr. Under systemd the journal adds the time, so the lines carry none.

Rule: a change of state is logged once, not every pass; arguments are lazy.
"""

from __future__ import annotations

import logging
import os
import sys


def configure(level: str) -> None:
    """Send records of `level` ("debug" … "error") and above to stderr."""
    under_systemd = "JOURNAL_STREAM" in os.environ
    pattern = "%(levelname)s %(name)s: %(message)s"
    if not under_systemd:
        pattern = "%(asctime)s " + pattern
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(pattern, datefmt="%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # waitress warns on every queued request; a page with a preview queues all the time.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
