# SPDX-License-Identifier: Apache-2.0
"""USB webcams and other Video4Linux cameras, through OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kiosk.capture.camera import CameraInfo, not_open
from kiosk.capture.devices import capture_devices, find_device
from kiosk.capture.newest import NewestReader
from kiosk.capture.video import Video
from kiosk.errors import CameraError, CameraMissing
from kiosk.values import Frame, Pixels

_FORMATS = ("MJPG", "")
"""Motion JPEG first: USB 2 has no room for raw pictures at full size. Then whatever it likes."""


class V4l2Camera:
    """The device `device` (`/dev/v4l/by-id/…`, an index; empty: the first camera found)."""

    def __init__(self, device: str, width: int, height: int, fps: float) -> None:
        self._device = device
        self._asked = (width, height, fps)
        self._reader: NewestReader | None = None

    @property
    def live(self) -> bool:
        return True

    def open(self) -> CameraInfo:
        self.close()
        path = find_device(self._device)
        video, first = self._negotiate(path)
        cards = {device.node: device.card for device in capture_devices()}
        info = CameraInfo(
            name=f"{cards.get(path.resolve(), 'camera')} ({path})",
            format=video.fourcc or "unknown format",
            width=int(first.shape[1]),
            height=int(first.shape[0]),
            fps=video.fps or self._asked[2],
        )
        self._reader = NewestReader(
            video.read, video.release, f"The camera at {path} is gone. Plug it in again."
        )
        return info

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        if self._reader is None:
            raise not_open()
        yield self._reader.take(timeout_s)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _negotiate(self, path: Path) -> tuple[Video, Pixels]:
        """An open device that has proved with a first picture that its format works."""
        width, height, fps = self._asked
        reason: CameraError | None = None
        for fourcc in _FORMATS:
            video = Video.of_device(path)
            video.ask(width=width, height=height, fps=fps, fourcc=fourcc)
            try:
                first = video.read()
            except CameraError as error:
                first, reason = None, error
            if first is not None:
                return video, first
            video.release()
        raise reason or CameraMissing(
            f"The camera at {path} opens but sends no picture. Plug it in again, or ask for a "
            "smaller picture in the configuration."
        )
