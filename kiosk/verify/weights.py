# SPDX-License-Identifier: Apache-2.0
"""What each part of the second look counts for. Written by `python -m tools.fit_evidence`."""

from __future__ import annotations

CONSTANT = -4.0
LOG_POINTS = 0.4
"""For each e-fold of verified points."""
COVERAGE = 8.0
COLOUR = 0.8
"""Share of the strength that is lost where the colours do not agree at all."""
APART = 0.2
"""Least lead of fused evidence that tells look-alikes apart."""
