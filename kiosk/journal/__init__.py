# SPDX-License-Identifier: Apache-2.0
"""The journal: every decision and confirmation with its evidence, and no picture."""

from kiosk.journal.database import JOURNAL_FILE
from kiosk.journal.memory import MemoryJournal
from kiosk.journal.reader import read
from kiosk.journal.writer import Journal, Recorder, Status

__all__ = ["JOURNAL_FILE", "Journal", "MemoryJournal", "Recorder", "Status", "read"]
