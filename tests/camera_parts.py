# SPDX-License-Identifier: Apache-2.0
"""Pictures, folders and videos for the camera tests: noise with a red patch at the top left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from waiting import until

from kiosk.capture.status import CameraStatus

WIDTH, HEIGHT = 192, 128
PATCH = 48
RED = (0, 0, 255)


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """BGR; soft noise that differs for each number, with the red patch."""
    coarse = np.random.default_rng(number).integers(60, 200, (8, 12, 3), np.uint8)
    pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    pixels[:PATCH, :PATCH] = RED
    return pixels


def write_folder(folder: Path, count: int = 12) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        assert cv2.imwrite(str(folder / f"{number}.png"), picture(number))
    return folder


def write_video(path: Path, count: int = 12, fps: float = 25.0) -> Path:
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), fps, (WIDTH, HEIGHT)
    )
    assert writer.isOpened()
    for number in range(count):
        writer.write(picture(number))
    writer.release()
    return path


@dataclass
class Told:
    """Collects what a camera reports. A report may be gone again before anybody looks: each wait
    goes through all that came since the one that the wait before it ended with.
    """

    all: list[CameraStatus] = field(default_factory=list)
    _seen: int = 0

    def __call__(self, status: CameraStatus) -> None:
        self.all.append(status)

    @property
    def last(self) -> CameraStatus:
        return self.all[-1] if self.all else CameraStatus()

    def wait_for(self, words: str) -> CameraStatus:
        """The next report whose message holds `words`."""
        return self.wait(lambda status: words in status.message, repr(words))

    def wait_ok(self) -> CameraStatus:
        return self.wait(lambda status: status.ok, "a good status")

    def wait(self, wanted: Callable[[CameraStatus], bool], what: str) -> CameraStatus:
        def found() -> int:
            later = enumerate(self.all[self._seen :], self._seen + 1)
            return next((at for at, status in later if wanted(status)), 0)

        try:
            self._seen = until(found) - 1
        except AssertionError:
            raise AssertionError(f"never told: {what}, but {self.all[self._seen :]}") from None
        return self.all[self._seen]
