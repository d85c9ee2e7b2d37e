# SPDX-License-Identifier: Apache-2.0
"""Decide: from the matches of single frames to one honest answer for one visit of an item."""

from kiosk.decide.rule import Verdict, fuse, judge
from kiosk.decide.visit import Step, Visits

__all__ = ["Step", "Verdict", "Visits", "fuse", "judge"]
