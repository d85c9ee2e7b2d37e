# SPDX-License-Identifier: Apache-2.0
"""A camera in a process of its own, watched: a driver that blocks, dies or lies is replaced.

Whatever the driver does, every call here returns in time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from kiosk.capture.camera import CameraInfo, not_open
from kiosk.capture.judge import OPEN_LIMIT_S, START_LIMIT_S
from kiosk.capture.latest import Latest
from kiosk.capture.status import CameraStatus
from kiosk.capture.watcher import Watcher
from kiosk.config import CameraConfig
from kiosk.values import Frame

MAKE_CAMERA = "kiosk.capture.sources:make_camera"


class CaptureProcess:
    """The camera of `config`, as a `Camera` that may be used from any thread.

    `open` waits for the first success or failure. After a failure it goes on trying until `close`,
    and `frame` gives pictures as soon as there are any. While the camera is at fault `frame` waits
    its time and then raises that fault; at the end of a recording it raises at once, and so it does
    with WatcherFailed, which no reopening can cure. Frames are read-only; at most two may be
    borrowed at a time.

    `on_status` is called with every change, from the watcher's thread: return soon.
    """

    def __init__(
        self,
        config: CameraConfig,
        *,
        on_status: Callable[[CameraStatus], None] = lambda status: None,
        factory: str = MAKE_CAMERA,
        open_limit_s: float = OPEN_LIMIT_S,
    ) -> None:
        """`factory` is the "module:function" that makes the camera, called in its own process."""
        self._config = config
        self._on_status = on_status
        self._factory = factory
        self._open_limit_s = open_limit_s
        self._lock = threading.Lock()
        self._running: tuple[Latest, Watcher] | None = None

    @property
    def live(self) -> bool:
        running = self._running
        return running is not None and running[0].live

    @property
    def status(self) -> CameraStatus:
        running = self._running
        return running[1].status if running else CameraStatus(source=self._config.source)

    @property
    def info(self) -> CameraInfo | None:
        """What the camera gave at its last successful opening, which a restart may change."""
        running = self._running
        return running[0].info if running else None

    @property
    def pid(self) -> int | None:
        """The camera process, while there is one."""
        running = self._running
        return running[1].pid if running else None

    def start(self) -> None:
        """Begin to watch, without waiting for the camera. Harmless when it is begun."""
        self._start()

    def open(self) -> CameraInfo:
        return self._start().wait_open(START_LIMIT_S + self._open_limit_s)

    def frame(self, timeout_s: float) -> AbstractContextManager[Frame]:
        running = self._running
        if running is None:
            raise not_open()
        return running[0].borrow(timeout_s)

    def close(self) -> None:
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            latest, watcher = running
            latest.close()
            watcher.stop()

    def _start(self) -> Latest:
        with self._lock:
            if self._running is None:
                latest = Latest()
                watcher = Watcher(
                    self._config, self._factory, self._open_limit_s, latest, self._on_status
                )
                self._running = latest, watcher
                watcher.start()
            return self._running[0]
