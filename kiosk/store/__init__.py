# SPDX-License-Identifier: Apache-2.0
"""Releases on a kiosk's disk that survive anything: installed whole, activated by one pointer,
tried before they are trusted, and put back by themselves when they are bad.
"""

from kiosk.store.blobs import Blobs, Part
from kiosk.store.pointer import Installed, Phase, Pointer, Quarantined
from kiosk.store.store import STORE_FOLDER, Store

__all__ = [
    "STORE_FOLDER",
    "Blobs",
    "Installed",
    "Part",
    "Phase",
    "Pointer",
    "Quarantined",
    "Store",
]
