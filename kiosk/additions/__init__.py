# SPDX-License-Identifier: Apache-2.0
"""Enrolment at the kiosk: items that a technician added here, tried first, searched, undone."""

from kiosk.additions.beside import bundle, read, undo
from kiosk.additions.bundle import Proposed, packed, unpacked
from kiosk.additions.describe import Describer
from kiosk.additions.desk import AdditionDesk
from kiosk.additions.enrolling import Enrolling
from kiosk.additions.store import ADDITIONS_FILE, AdditionStore, MemoryStore, Store
from kiosk.additions.values import Addition, AdditionStatus, EnrolState

__all__ = [
    "ADDITIONS_FILE",
    "Addition",
    "AdditionDesk",
    "AdditionStatus",
    "AdditionStore",
    "Describer",
    "EnrolState",
    "Enrolling",
    "MemoryStore",
    "Proposed",
    "Store",
    "bundle",
    "packed",
    "read",
    "undo",
    "unpacked",
]
