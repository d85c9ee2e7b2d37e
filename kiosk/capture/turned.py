# SPDX-License-Identifier: Apache-2.0
"""Rotation, for every source in this one place: a camera that turns another camera's frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from kiosk.capture.camera import Camera, CameraInfo
from kiosk.values import Frame
from kiosk.vision.image import turned


class TurnedCamera:
    """`camera` with its frames turned clockwise by 90, 180 or 270 degrees."""

    def __init__(self, camera: Camera, degrees: int) -> None:
        self._camera = camera
        self._degrees = degrees

    @property
    def live(self) -> bool:
        return self._camera.live

    def open(self) -> CameraInfo:
        info = self._camera.open()
        if self._degrees == 180:
            return info
        return replace(info, width=info.height, height=info.width)

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        with self._camera.frame(timeout_s) as frame:
            lores = None if frame.lores is None else turned(frame.lores, self._degrees)
            yield replace(frame, pixels=turned(frame.pixels, self._degrees), lores=lores)

    def close(self) -> None:
        self._camera.close()
