# SPDX-License-Identifier: Apache-2.0
"""The vocabulary: every value that travels between stages, by what it speaks of.

Plain frozen values with no behaviour beyond small derived properties: `pixels` (frames, boxes),
`details` (local features), `catalog` (SKUs, matches, thresholds), `answers` (looks, decisions),
`sync` (how the kiosk stands with its channel), `sending` (how far head office has the journal),
`note` (what the journal keeps beside decisions).
"""

from kiosk.values.answers import (
    Code,
    Decision,
    Hashes,
    Hint,
    Look,
    Outcome,
    Quality,
    Rule,
    Sight,
    Timings,
)
from kiosk.values.catalog import (
    MOST_CUSTOM,
    NEVER_APART,
    Claim,
    Match,
    Neighbour,
    Record,
    Thresholds,
)
from kiosk.values.details import POINT, TONES, Features, Verified
from kiosk.values.note import Clock, Note, Notebook
from kiosk.values.pixels import Box, Detection, Embedding, Frame, Pixels
from kiosk.values.sync import SyncState, SyncStatus

__all__ = [
    "MOST_CUSTOM",
    "NEVER_APART",
    "POINT",
    "TONES",
    "Box",
    "Claim",
    "Clock",
    "Code",
    "Decision",
    "Detection",
    "Embedding",
    "Features",
    "Frame",
    "Hashes",
    "Hint",
    "Look",
    "Match",
    "Neighbour",
    "Note",
    "Notebook",
    "Outcome",
    "Pixels",
    "Quality",
    "Record",
    "Rule",
    "Sight",
    "SyncState",
    "SyncStatus",
    "Thresholds",
    "Timings",
    "Verified",
]
