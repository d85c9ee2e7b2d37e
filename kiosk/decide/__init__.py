# SPDX-License-Identifier: Apache-2.0
"""Decide: from the matches of single frames to one honest answer for one visit of an item."""

from kiosk.decide.conclude import Conclusion, Moment, conclude
from kiosk.decide.rule import Answer, Said, Verdict, category, fuse, judge, same
from kiosk.decide.visit import Step, Visits

__all__ = [
    "Answer",
    "Conclusion",
    "Moment",
    "Said",
    "Step",
    "Verdict",
    "Visits",
    "category",
    "conclude",
    "fuse",
    "judge",
    "same",
]
