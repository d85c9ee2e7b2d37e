# SPDX-License-Identifier: Apache-2.0
"""A repository in memory: for rehearsals and tests; the same contract as the real places."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kiosk.errors import BusyError
from kiosk.publish.storage import Stored, digest


class MemoryStorage:
    """`Storage` in a dictionary; `clock_s` gives the times of its files."""

    def __init__(self, clock_s: Callable[[], float] = time.time) -> None:
        self.files: dict[str, bytes] = {}
        self._modified_s: dict[str, float] = {}
        self._clock_s = clock_s
        self._busy = False

    @property
    def address(self) -> str:
        return "memory"

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def size(self, name: str) -> int | None:
        return len(self.files[name]) if name in self.files else None

    def sha256(self, name: str) -> str:
        if name not in self.files:
            raise FileNotFoundError(name)
        return digest(self.files[name])

    def create(self, name: str, source: bytes | Path) -> bool:
        if name in self.files:
            return False
        self._put(name, source if isinstance(source, bytes) else source.read_bytes())
        return True

    def replace(self, name: str, data: bytes, before: bytes | None) -> None:
        if self.files.get(name) != before:
            raise BusyError(f"{name}: was changed by another publisher meanwhile; run it again")
        self._put(name, data)

    def names(self, folder: str) -> Iterator[Stored]:
        for name, data in list(self.files.items()):
            if name.startswith(f"{folder}/"):
                yield Stored(name, len(data), self._modified_s[name])

    def remove(self, name: str) -> None:
        self.files.pop(name, None)

    @contextmanager
    def held(self) -> Iterator[None]:
        if self._busy:
            raise BusyError("memory: another publisher is at work here; wait for it and try again")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _put(self, name: str, data: bytes) -> None:
        self.files[name] = data
        self._modified_s[name] = self._clock_s()
