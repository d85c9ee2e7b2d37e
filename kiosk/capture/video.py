# SPDX-License-Identifier: Apache-2.0
"""OpenCV's VideoCapture: the only place of this package that imports cv2.

Its calls release the interpreter lock but may block in a driver for as long as that does.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from kiosk.errors import CameraGarbage, CameraMissing
from kiosk.values import Pixels

NETWORK_TIMEOUT_MS = 3000
"""A server that says nothing for so long is taken for gone."""

_PLAUSIBLE_FPS = 1000.0


class Video:
    """One opened device, file or stream that gives BGR pictures."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture

    @classmethod
    def of_file(cls, path: Path) -> Video:
        """A video file. Raises CameraMissing when OpenCV cannot play it."""
        # FFmpeg by name: with any back end allowed, `shot_01.png` would be taken for a series.
        video = cls(cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG))
        if not video._capture.isOpened():
            video.release()
            raise CameraMissing(f"{path} is not a video that can be played; convert it to MP4.")
        return video

    @classmethod
    def of_url(cls, url: str, shown: str) -> Video:
        """A stream; `shown` names it in errors. Raises CameraMissing when nothing answers."""
        limits = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, NETWORK_TIMEOUT_MS),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, NETWORK_TIMEOUT_MS),
        ]
        video = cls(cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits))
        if not video._capture.isOpened():
            video.release()
            raise CameraMissing(
                f"No video found at {shown}. Check the address and that its server runs."
            )
        return video

    @classmethod
    def of_device(cls, path: Path) -> Video:
        """A V4L2 device node. Raises CameraMissing when it cannot be opened."""
        video = cls(cv2.VideoCapture(str(path.resolve()), cv2.CAP_V4L2))
        if not video._capture.isOpened():
            video.release()
            raise CameraMissing(
                f"The camera at {path} cannot be opened. Close other programs that use it, or "
                "plug it in again."
            )
        return video

    def ask(self, *, width: int, height: int, fps: float, fourcc: str) -> None:
        """Ask a device for a format; it takes what comes closest, so read back what it took."""
        if fourcc:
            code = cv2.VideoWriter.fourcc(*fourcc)
            self._capture.set(cv2.CAP_PROP_FOURCC, float(code))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, float(width))
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, float(height))
        self._capture.set(cv2.CAP_PROP_FPS, fps)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1.0)

    @property
    def fps(self) -> float:
        """Frames per second it announces, or 0 when it does not say anything credible."""
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        return fps if math.isfinite(fps) and 0 < fps <= _PLAUSIBLE_FPS else 0.0

    @property
    def fourcc(self) -> str:
        """The four letters of its pixel format, or empty."""
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC))
        letters = bytes((code >> shift) & 0xFF for shift in (0, 8, 16, 24))
        text = letters.decode("ascii", "replace").strip("\0 ")
        return text if text.isprintable() else ""

    def read(self) -> Pixels | None:
        """The next picture, or None when there is none any more.

        Raises CameraGarbage when what comes is not a colour picture of 8 bits.
        """
        try:
            ok, pixels = self._capture.read()
        except cv2.error as error:
            raise CameraGarbage(f"The camera sent a damaged picture: {error.err}.") from error
        if not ok or pixels is None:
            return None
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise CameraGarbage(
                f"The camera sends {pixels.dtype} data of shape {pixels.shape}, not colour "
                "pictures; choose another device or format."
            )
        return np.asarray(pixels, np.uint8)

    def release(self) -> None:
        self._capture.release()
