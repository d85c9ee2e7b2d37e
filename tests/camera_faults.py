# SPDX-License-Identifier: Apache-2.0
"""Cameras that go wrong inside their own process, named as `factory` by the tests."""

from __future__ import annotations

import ctypes
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from camera_parts import HEIGHT, WIDTH, picture

from kiosk.capture.camera import CameraInfo
from kiosk.config import CameraConfig
from kiosk.values import Frame

FPS = 50.0


class SoundCamera:
    """Good pictures; the base of the faulty ones."""

    live = True

    def __init__(self, config: CameraConfig) -> None:
        self._numbers = itertools.count()

    def open(self) -> CameraInfo:
        return CameraInfo("test", "made up", WIDTH, HEIGHT, FPS)

    def pixels(self, number: int) -> np.ndarray:
        return picture(number)

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        time.sleep(1 / FPS)
        number = next(self._numbers)
        yield Frame(self.pixels(number), number, time.monotonic_ns())

    def close(self) -> None:
        pass


class FrozenCamera(SoundCamera):
    def pixels(self, number: int) -> np.ndarray:
        return picture(min(number, 5))


class CalmCamera(FrozenCamera):
    """Repeats itself as well, which a source that is not live may."""

    live = False


class ShrinkingCamera(SoundCamera):
    def pixels(self, number: int) -> np.ndarray:
        return picture(number) if number < 3 else picture(number)[:64]


class ChattyCamera(SoundCamera):
    """Prints, as libraries do."""

    def pixels(self, number: int) -> np.ndarray:
        print("hello from the driver", flush=True)
        return picture(number)


class CrashingCamera(SoundCamera):
    def pixels(self, number: int) -> np.ndarray:
        if number > 3:
            raise RuntimeError("the driver has a bug")
        return picture(number)


class HoldingCamera(SoundCamera):
    """Blocks in C with the interpreter lock held: no Python code of the process runs again."""

    def pixels(self, number: int) -> np.ndarray:
        if number > 3:
            ctypes.PyDLL(None).sleep(1000)
        return picture(number)


class UnopenableCamera(SoundCamera):
    def open(self) -> CameraInfo:
        threading.Event().wait()
        raise AssertionError


class UnclosableCamera(SoundCamera):
    def close(self) -> None:
        threading.Event().wait()


class StripedCamera(SoundCamera):
    """As fast as it can; each frame is of one value, with two fixed rows against looking blank."""

    live = False

    def pixels(self, number: int) -> np.ndarray:
        pixels = np.full((HEIGHT, WIDTH, 3), number % 251, np.uint8)
        pixels[0], pixels[16] = 0, 255
        return pixels

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        time.sleep(0.0005)
        number = next(self._numbers)
        lores = np.full((16, 24, 3), number % 251, np.uint8)
        yield Frame(self.pixels(number), number, time.monotonic_ns(), lores)
