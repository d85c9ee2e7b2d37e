# SPDX-License-Identifier: Apache-2.0
"""Pictures, folders and videos for the camera tests: noise with a red patch at the top left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

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


def wait_until(condition: Callable[[], object], what: str, limit_s: float = 20.0) -> None:
    """Return as soon as `condition` holds; fail when it never does."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.01)


@dataclass
class Told:
    """Collects what a camera reports."""

    all: list[CameraStatus] = field(default_factory=list)

    def __call__(self, status: CameraStatus) -> None:
        self.all.append(status)

    @property
    def last(self) -> CameraStatus:
        return self.all[-1] if self.all else CameraStatus()

    def wait_for(self, words: str) -> None:
        """Until the present message holds `words`."""
        wait_until(lambda: words in self.last.message, f"{words!r} in {self.all}")

    def wait_ok(self) -> None:
        wait_until(lambda: self.last.ok, f"a good status in {self.all}")
