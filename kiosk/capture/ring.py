# SPDX-License-Identifier: Apache-2.0
"""Frame slots in one anonymous shared memory: written by the camera process, read by ours.

The memory has no name, so nothing is left behind however either process dies. Who may touch a slot
is agreed by messages: it belongs to the camera process until offered, then to us until given back.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import CameraGarbage
from kiosk.values import Pixels

SLOTS = 5
"""Two lent, one waiting as the newest, one on its way, one being written."""

_MOST_BYTES = 2**30
_PAGE = mmap.PAGESIZE


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes in pixels of what a slot holds; lores is 0 x 0 when there is none."""

    width: int
    height: int
    lores_width: int = 0
    lores_height: int = 0

    @property
    def main_bytes(self) -> int:
        return self.width * self.height * 3

    @property
    def lores_bytes(self) -> int:
        return self.lores_width * self.lores_height * 3

    @property
    def slot_bytes(self) -> int:
        """Bytes from one slot to the next: whole pages."""
        return -(-(self.main_bytes + self.lores_bytes) // _PAGE) * _PAGE

    @property
    def total_bytes(self) -> int:
        return self.slot_bytes * SLOTS


def new_memory() -> int:
    """A file descriptor of empty anonymous memory, to be closed by the caller."""
    return os.memfd_create("kiosk-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


class Ring:
    """The mapped slots. Arrays handed out keep the mapping alive for as long as they live."""

    def __init__(self, memory: mmap.mmap, layout: Layout) -> None:
        self.layout = layout
        self._bytes: NDArray[np.uint8] = np.frombuffer(memory, np.uint8)

    @classmethod
    def create(cls, descriptor: int, layout: Layout) -> Ring:
        """Give the memory its size and map it for writing."""
        os.ftruncate(descriptor, layout.total_bytes)
        return cls(mmap.mmap(descriptor, layout.total_bytes), layout)

    @classmethod
    def attach(cls, descriptor: int, layout: Layout) -> Ring:
        """Map what the other side made, read-only; CameraGarbage when its size cannot be right."""
        size = os.fstat(descriptor).st_size
        if size != layout.total_bytes or not 0 < size <= _MOST_BYTES:
            raise CameraGarbage(f"The camera process announced {layout} but shares {size} bytes.")
        # Sealed: a size that could still shrink would turn our reads into a crash (SIGBUS).
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return cls(mmap.mmap(descriptor, size, prot=mmap.PROT_READ), layout)

    def main(self, slot: int) -> Pixels:
        """The main picture of a slot, (height, width, 3) BGR: a view, not a copy."""
        start = slot * self.layout.slot_bytes
        flat = self._bytes[start : start + self.layout.main_bytes]
        return flat.reshape(self.layout.height, self.layout.width, 3)

    def lores(self, slot: int) -> Pixels | None:
        """The lores picture of a slot; None when the camera gives none."""
        if not self.layout.lores_bytes:
            return None
        start = slot * self.layout.slot_bytes + self.layout.main_bytes
        flat = self._bytes[start : start + self.layout.lores_bytes]
        return flat.reshape(self.layout.lores_height, self.layout.lores_width, 3)
