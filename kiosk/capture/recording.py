# SPDX-License-Identifier: Apache-2.0
"""A video file, played at its own rate. Every picture is shown: a slow reader makes it slower."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kiosk.capture.camera import CameraInfo, not_open
from kiosk.capture.fitting import fitted, size_within
from kiosk.capture.pace import Pace
from kiosk.capture.video import Video
from kiosk.errors import CameraEnded, CameraMissing
from kiosk.values import Frame, Pixels


class RecordingCamera:
    """The video file `path`, shrunk to lie within `width` x `height`.

    `fps` is used only for a file that does not state its own.
    """

    def __init__(self, path: Path, width: int, height: int, fps: float, loop: bool) -> None:
        self._path = path
        self._limits = (width, height)
        self._fps = fps
        self._loop = loop
        self._video: Video | None = None
        self._size = (0, 0)
        self._waiting: Pixels | None = None
        self._sequence = 0
        self._pace = Pace(fps)

    @property
    def live(self) -> bool:
        return False

    def open(self) -> CameraInfo:
        self.close()
        first = self._start()
        assert self._video is not None
        self._size = size_within(first, *self._limits)
        self._sequence = 0
        fps = self._video.fps or self._fps
        self._pace = Pace(fps)
        return CameraInfo(str(self._path), self._video.fourcc or "video", *self._size, fps)

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        if self._video is None:
            raise not_open()
        self._pace.wait(timeout_s)
        pixels = fitted(self._read_on(self._video), *self._size)
        frame = Frame(pixels, self._sequence, time.monotonic_ns())
        self._sequence += 1
        yield frame

    def close(self) -> None:
        self._waiting = None
        if self._video is not None:
            self._video.release()
            self._video = None

    def _start(self) -> Pixels:
        """Open at the beginning; the first picture waits to be shown."""
        self._video = Video.of_file(self._path)
        first = self._video.read()
        if first is None:
            self.close()
            raise CameraMissing(f"{self._path} holds no picture that can be played.")
        self._waiting = first
        return first

    def _read_on(self, video: Video) -> Pixels:
        pixels = self._waiting if self._waiting is not None else video.read()
        self._waiting = None
        if pixels is not None:
            return pixels
        if not self._loop:
            raise CameraEnded(f"{self._path} has been played to its end.")
        # Opened again instead of wound back: many containers cannot seek exactly.
        self.close()
        first = self._start()
        self._waiting = None
        return first
