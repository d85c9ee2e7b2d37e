# SPDX-License-Identifier: Apache-2.0
"""A folder of pictures, or one picture, shown in natural order: 2.jpg comes before 10.jpg."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kiosk.capture.camera import CameraInfo, not_open
from kiosk.capture.fitting import fitted, size_within
from kiosk.capture.pace import Pace
from kiosk.errors import CameraEnded, CameraMissing, ImageError
from kiosk.values import Frame, Pixels
from kiosk.vision.decode import read_picture

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm"}

_log = logging.getLogger(__name__)


class PicturesCamera:
    """Each picture of `path` for one frame. A picture that cannot be read is logged and skipped.

    The first readable picture, shrunk to lie within `width` x `height`, sets the frame size; the
    others are fitted into it.
    """

    def __init__(self, path: Path, width: int, height: int, fps: float, loop: bool) -> None:
        self._path = path
        self._limits = (width, height)
        self._fps = fps
        self._loop = loop
        self._paths: list[Path] = []
        self._next = 0
        self._sequence = 0
        self._size: tuple[int, int] | None = None
        self._pace = Pace(fps)
        self._unreadable: set[Path] = set()
        self._last: tuple[Path, Pixels] | None = None

    @property
    def live(self) -> bool:
        return False

    def open(self) -> CameraInfo:
        self.close()
        self._paths = _pictures(self._path)
        first = self._read_on()
        self._next, self._sequence = 0, 0
        self._size = size_within(first, *self._limits)
        self._pace = Pace(self._fps)
        count = len(self._paths)
        kind = "1 picture" if count == 1 else f"{count} pictures"
        return CameraInfo(str(self._path), kind, *self._size, self._fps)

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        if self._size is None:
            raise not_open()
        self._pace.wait(timeout_s)
        pixels = fitted(self._read_on(), *self._size)
        frame = Frame(pixels, self._sequence, time.monotonic_ns())
        self._sequence += 1
        yield frame

    def close(self) -> None:
        self._size = None
        self._last = None
        self._unreadable.clear()

    def _read_on(self) -> Pixels:
        """The next picture that can be read, starting again at the end when looping."""
        for _ in range(len(self._paths)):
            if self._next == len(self._paths):
                if not self._loop:
                    break
                self._next = 0
            path = self._paths[self._next]
            self._next += 1
            pixels = self._read(path)
            if pixels is not None:
                return pixels
        if self._next == len(self._paths) and not self._loop and self._size is not None:
            raise CameraEnded(f"All pictures of {self._path} have been shown.")
        raise CameraMissing(
            f"None of the {len(self._paths)} pictures in {self._path} can be read; the log says "
            "why for each. Put readable pictures there."
        )

    def _read(self, path: Path) -> Pixels | None:
        if self._last is not None and self._last[0] == path:
            return self._last[1]  # one picture, shown again and again
        try:
            pixels = read_picture(path)
        except ImageError as error:
            if path not in self._unreadable:
                self._unreadable.add(path)
                _log.warning("skipping %s: %s", path, error)
            return None
        self._last = (path, pixels)
        return pixels


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key under which numbers inside names count as numbers."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _pictures(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise CameraMissing(f"The folder {path} cannot be read: {error.strerror}.") from error
    found = [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
    if not found:
        raise CameraMissing(
            f"The folder {path} holds no pictures. Put some there ({', '.join(sorted(SUFFIXES))})."
        )
    return sorted(found, key=lambda entry: natural(entry.name))
