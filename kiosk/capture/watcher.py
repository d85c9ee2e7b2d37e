# SPDX-License-Identifier: Apache-2.0
"""The thread that keeps a camera process going: starts it, judges it, replaces it, for ever."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from kiosk.capture.judge import BLANK, SLOW, Backoff, Judge, Verdict
from kiosk.capture.latest import Latest, Loan
from kiosk.capture.link import ChildLink
from kiosk.capture.rate import Rate
from kiosk.capture.ring import Ring
from kiosk.capture.status import CameraStatus
from kiosk.capture.wire import Fault, Hello, Mapped, Message, Offer, Opened
from kiosk.config import CameraConfig
from kiosk.errors import CameraEnded, CameraError, CameraGarbage, WatcherFailed
from kiosk.values import Frame

ENDED = "The recording has ended."
WORKING = "The camera is working."

_LISTEN_S = 0.05
_STOP_S = 6.0

_log = logging.getLogger(__name__)


class Watcher:
    """Feeds `latest` and tells `on_status` of every change, from its own thread."""

    def __init__(
        self,
        config: CameraConfig,
        factory: str,
        open_limit_s: float,
        latest: Latest,
        on_status: Callable[[CameraStatus], None],
    ) -> None:
        self._config = config
        self._factory = factory
        self._open_limit_s = open_limit_s
        self._latest = latest
        self._on_status = on_status
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera-watcher", daemon=True)
        self._rate = Rate()
        self._ring: Ring | None = None
        self._base = self._next_sequence = self._last_ns = 0
        self._good_since: float | None = None
        self._blank_tried = False
        self._told = self.status = CameraStatus(source=config.source)
        self.pid: int | None = None
        """The camera process, while there is one."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the camera process and the thread. May be called from `on_status` too."""
        self._closing.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            self._watch()
        except BaseException as error:
            # A fault of ours: the thread dies loudly, and whoever asks for a frame dies with it.
            self._latest.fail(WatcherFailed(f"The camera watcher failed ({error!r}). Restart."))
            raise

    def _watch(self) -> None:
        backoff = Backoff()
        while not self._closing.is_set():
            self._good_since = None
            fault = self._run_once()
            if fault is None or isinstance(fault, CameraEnded):
                return
            lasted_s = time.monotonic() - self._good_since if self._good_since else 0.0
            self._closing.wait(backoff.after(lasted_s))
            self.status = replace(self.status, restarts=self.status.restarts + 1)

    def _run_once(self) -> CameraError | None:
        """One life of the camera process, and the fault that ended it; None when we are to stop."""
        link: ChildLink | None = None
        orderly = False
        try:
            link = ChildLink(self._config, self._factory)
            self._follow(link)
            orderly = True
            return None
        except CameraEnded as end:
            orderly = True
            self._say(ok=False, message=ENDED, detail=str(end))
            self._latest.fail(end)
            return end
        except CameraError as fault:
            self._say(ok=False, message=str(fault), detail="")
            self._latest.fail(fault)
            return fault
        finally:
            self.pid = self._ring = None
            self._rate.clear()
            if link is not None:
                _log.debug("the camera process ended: %s", link.stop(orderly=orderly))

    def _follow(self, link: ChildLink) -> None:
        judge = Judge(time.monotonic(), self._config.stall_s, self._open_limit_s)
        self.pid = link.pid
        while not self._closing.is_set():
            for message in link.receive(_LISTEN_S):
                self._take(link, judge, message)
            self._report(judge.verdict(time.monotonic()))

    def _take(self, link: ChildLink, judge: Judge, message: Message) -> None:
        now = time.monotonic()
        if isinstance(message, Hello):
            judge.hello(now)
        elif isinstance(message, Opened):
            judge.opened(now, message.info.fps, message.live)
            self._base = self._next_sequence
            self._latest.opened(message)
        elif isinstance(message, Mapped):
            self._ring = link.attach(message.layout)
        elif isinstance(message, Offer):
            judge.frame(now, message.spread, message.repeats)
            self._accept(link, message)
        elif isinstance(message, Fault):
            raise message.error

    def _accept(self, link: ChildLink, offer: Offer) -> None:
        if self._ring is None:
            raise CameraGarbage("The camera process offers frames without memory. Restarting it…")
        sequence = self._base + offer.sequence
        self._next_sequence = sequence + 1
        self._last_ns = max(self._last_ns, offer.captured_ns)
        self._rate.add(self._last_ns)
        pixels, lores = self._ring.main(offer.slot), self._ring.lores(offer.slot)
        frame = Frame(pixels, sequence, self._last_ns, lores)
        self._latest.put(Loan(frame, link, offer.slot))

    def _report(self, verdict: Verdict) -> None:
        if verdict is Verdict.GOOD:
            self._blank_tried = False
            self._good_since = self._good_since or time.monotonic()
            info = self._latest.info
            shape = f"{info.name}, {info.format}, {info.width}x{info.height}" if info else ""
            self._say(ok=True, message=WORKING, detail=shape)
        elif verdict is Verdict.BLANK:
            if not self._blank_tried:
                self._blank_tried = True  # reopening may cure it, but only once is worth a try
                raise CameraGarbage(BLANK)
            self._say(ok=False, message=BLANK, detail="")
        elif verdict is Verdict.SLOW:
            self._say(ok=False, message=SLOW, detail="")

    def _say(self, *, ok: bool, message: str, detail: str) -> None:
        """Tell of a change, once. The rate is told of only while pictures are good."""
        before = self._told
        fps = self._rate.steady(before.fps) if ok else 0.0
        self.status = replace(self.status, ok=ok, message=message, detail=detail, fps=fps)
        if self.status == before:
            return
        self._told = self.status
        if (ok, message) != (before.ok, before.message):
            level = logging.INFO if ok else logging.WARNING
            _log.log(level, "%s", f"{message} ({detail})" if detail else message)
        self._on_status(self.status)
