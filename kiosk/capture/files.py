# SPDX-License-Identifier: Apache-2.0
"""Recorded pictures as a camera: a folder, one picture, a video file or a stream.

Which of them it is shows when it is opened, since the file may come later than the kiosk.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path

from kiosk.capture.camera import Camera, CameraInfo, not_open
from kiosk.capture.pictures import SUFFIXES, PicturesCamera
from kiosk.capture.recording import RecordingCamera
from kiosk.capture.stream import StreamCamera
from kiosk.config import CameraConfig
from kiosk.errors import CameraMissing
from kiosk.values import Frame

_URL = re.compile(r"(https?|rtsps?)://", re.IGNORECASE)


class FilesCamera:
    """What `config.device` names, shown at `config.fps` (videos: at their own rate)."""

    def __init__(self, config: CameraConfig) -> None:
        self._config = config
        self._inner: Camera | None = None

    @property
    def live(self) -> bool:
        return False

    def open(self) -> CameraInfo:
        self.close()
        inner = _choose(self._config)
        info = inner.open()
        self._inner = inner
        return info

    def frame(self, timeout_s: float) -> AbstractContextManager[Frame]:
        if self._inner is None:
            raise not_open()
        return self._inner.frame(timeout_s)

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()
            self._inner = None


def _choose(config: CameraConfig) -> Camera:
    if _URL.match(config.device):
        return StreamCamera(config.device, config.width, config.height, config.fps)
    if not config.device:
        raise CameraMissing(
            "No pictures are named. Set camera.device to a folder, a video file or a URL."
        )
    path = Path(config.device).expanduser()
    if not path.exists():
        raise CameraMissing(f"There is nothing at {path}. Set camera.device to what to show.")
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        return PicturesCamera(path, config.width, config.height, config.fps, config.loop)
    return RecordingCamera(path, config.width, config.height, config.fps, config.loop)
