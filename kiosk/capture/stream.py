# SPDX-License-Identifier: Apache-2.0
"""A network camera: Motion JPEG over HTTP(S), or RTSP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from kiosk.capture.camera import CameraInfo, not_open
from kiosk.capture.fitting import fitted, size_within
from kiosk.capture.newest import NewestReader
from kiosk.capture.video import Video
from kiosk.errors import CameraMissing
from kiosk.values import Frame


class StreamCamera:
    """What plays at `url`, shrunk to lie within `width` x `height`.

    Not live in the sense of the protocol: a server may well send one picture twice.
    """

    def __init__(self, url: str, width: int, height: int, fps: float) -> None:
        self._url = url
        self._shown = without_password(url)
        self._limits = (width, height)
        self._fps = fps
        self._size = (0, 0)
        self._reader: NewestReader | None = None

    @property
    def live(self) -> bool:
        return False

    def open(self) -> CameraInfo:
        self.close()
        gone = f"The video at {self._shown} has stopped. Check the network and its server."
        video = Video.of_url(self._url, self._shown)
        first = video.read()
        if first is None:
            video.release()
            raise CameraMissing(gone)
        self._size = size_within(first, *self._limits)
        info = CameraInfo(
            self._shown, video.fourcc or "stream", *self._size, video.fps or self._fps
        )
        self._reader = NewestReader(video.read, video.release, gone)
        return info

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        if self._reader is None:
            raise not_open()
        frame = self._reader.take(timeout_s)
        yield replace(frame, pixels=fitted(frame.pixels, *self._size))

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def without_password(url: str) -> str:
    """`url` as it may be shown and logged: user, password and query left out."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
