# SPDX-License-Identifier: Apache-2.0
""" "Not this": what people said is not a SKU, kept as features and held against every new look."""

from kiosk.refusals.beside import read, undo
from kiosk.refusals.desk import RefusalDesk, Unrecorded
from kiosk.refusals.overlay import Refusals
from kiosk.refusals.refusal import Refusal, Status
from kiosk.refusals.store import REFUSALS_FILE, MemoryStore, RefusalStore, Store

__all__ = [
    "REFUSALS_FILE",
    "MemoryStore",
    "Refusal",
    "RefusalDesk",
    "RefusalStore",
    "Refusals",
    "Status",
    "Store",
    "Unrecorded",
    "read",
    "undo",
]
