# SPDX-License-Identifier: Apache-2.0
"""Which device a journal is sent from: the same for one device, another for every copy of its card.

Made of what the card does not hold: the board's serial number, else the address of a network part.
Only a hash of it leaves the device, another one for every kiosk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

_SERIAL = "sys/firmware/devicetree/base/serial-number"
_PARTS = "sys/class/net"
_MACHINE = "etc/machine-id"
_PERMANENT = "0"
"""Of `addr_assign_type`: the address came with the part, nobody made it up."""


def device_of(kiosk: str, root: Path = Path("/")) -> str:
    """16 hex digits; empty where nothing tells devices apart."""
    found = next(filter(None, _names(root)), "")
    return hashlib.sha256(f"{kiosk}\0{found}".encode()).hexdigest()[:16] if found else ""


def _names(root: Path) -> Iterator[str]:
    yield _text(root / _SERIAL)
    parts = root / _PARTS
    for part in sorted(parts.iterdir()) if parts.is_dir() else ():
        if _text(part / "addr_assign_type") == _PERMANENT:
            yield _text(part / "address").strip("0:") and _text(part / "address")
    yield _text(root / _MACHINE)  # a copied card has it too: the last resort


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace").strip("\0 \n")
    except OSError:
        return ""
