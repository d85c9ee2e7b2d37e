# SPDX-License-Identifier: Apache-2.0
"""The demo camera: a rendered counter. Chosen only by name, never as a stand-in for a real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kiosk.capture.camera import CameraInfo, not_open
from kiosk.capture.pace import Pace
from kiosk.scene import Scene
from kiosk.values import Frame


class DemoCamera:
    """The scene of `seed`. `Frame.sequence` is the scene's own index, so it leads to the truth.

    In real time the scene goes on whether its frames are taken or not, and a slow machine drops
    frames; with `realtime=False` each call gives the next frame at once.
    """

    def __init__(
        self, width: int, height: int, fps: float, seed: int, *, realtime: bool = True
    ) -> None:
        self._size = (width, height)
        self._fps = fps
        self._seed = seed
        self._realtime = realtime
        self._scene: Scene | None = None
        self._pace = Pace(fps)
        self._started = 0.0
        self._next = 0

    @property
    def live(self) -> bool:
        return False

    @property
    def scene(self) -> Scene | None:
        """The open scene, for those in this process who want to know the truth of a frame."""
        return self._scene

    def open(self) -> CameraInfo:
        width, height = self._size
        self._scene = Scene(width=width, height=height, fps=self._fps, seed=self._seed)
        self._pace = Pace(self._fps)
        self._started = time.monotonic()
        self._next = 0
        return CameraInfo(f"demo scene {self._seed}", "rendered", width, height, self._fps)

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        if self._scene is None:
            raise not_open()
        if self._realtime:
            self._pace.wait(timeout_s)
            now = int((time.monotonic() - self._started) * self._fps)
            self._next = max(self._next, now)
        index = self._next
        self._next += 1
        captured_ns = time.monotonic_ns()
        yield Frame(self._scene.render(index).pixels, index, captured_ns)

    def close(self) -> None:
        self._scene = None
