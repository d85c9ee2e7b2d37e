# SPDX-License-Identifier: Apache-2.0
"""What each part of the second look counts for. Written by `python -m tools.fit_evidence`."""

from __future__ import annotations

CONSTANT = -8.0
LOG_POINTS = 0.6
"""For each e-fold of verified points."""
COVERAGE = 8.0
COLOUR = 7.0
APART = 0.2
"""Least lead of fused evidence that tells look-alikes apart, as measured on real photos."""
