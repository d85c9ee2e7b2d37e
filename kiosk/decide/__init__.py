# SPDX-License-Identifier: Apache-2.0
"""Decide: from the matches of single frames to one honest answer for one visit of an item."""

from kiosk.decide.conclude import Conclusion, Moment, conclude
from kiosk.decide.rule import Verdict, fuse, judge
from kiosk.decide.visit import Step, Visits

__all__ = ["Conclusion", "Moment", "Step", "Verdict", "Visits", "conclude", "fuse", "judge"]
