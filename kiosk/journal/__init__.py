# SPDX-License-Identifier: Apache-2.0
"""The journal: every decision and confirmation with its evidence, and no picture."""

from kiosk.journal.database import JOURNAL_FILE
from kiosk.journal.memory import MemoryJournal
from kiosk.journal.reader import read
from kiosk.journal.recorder import Recorder, Status
from kiosk.journal.stories import NEWEST, Story, stories, story
from kiosk.journal.writer import Journal

__all__ = [
    "JOURNAL_FILE",
    "NEWEST",
    "Journal",
    "MemoryJournal",
    "Recorder",
    "Status",
    "Story",
    "read",
    "stories",
    "story",
]
