# SPDX-License-Identifier: Apache-2.0
"""The camera process: `python -m kiosk.capture.child`. Opens one camera and fills frame slots.

It is the part that may be killed at any moment: it owns nothing but the camera. It ends by itself
when the kiosk does, even while a driver holds it.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import queue
import signal
import sys
import threading
from typing import cast

import numpy as np

from kiosk import log
from kiosk.capture.camera import Camera, CameraInfo
from kiosk.capture.plausible import Measure, check_shape
from kiosk.capture.ring import SLOTS, Layout, Ring
from kiosk.capture.wire import (
    Fault,
    Free,
    Hello,
    Lines,
    Mapped,
    Offer,
    Opened,
    Setup,
    decode,
    send,
)
from kiosk.errors import CameraError, CameraStalled
from kiosk.values import Frame
from kiosk.vision.image import single_threaded

_FRAME_S = 0.5
_LAST_WORDS_S = 1.0
_PR_SET_PDEATHSIG = 1


class Inbox:
    """Reads the kiosk's lines in a thread: freed slots, and the end of the pipe: time to end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines = Lines()
        self._done = threading.Event()
        self.ended = threading.Event()
        self.free: queue.SimpleQueue[int] = queue.SimpleQueue()

    def setup(self) -> Setup:
        """The first line; what was read beyond it is kept."""
        pending: list[bytes] = []
        while not pending:
            data = os.read(self._descriptor, 65536)
            if not data:
                raise SystemExit(os.EX_NOINPUT)
            pending = list(self._lines.feed(data))
        message = decode(pending[0])
        assert isinstance(message, Setup)
        return message

    def start(self) -> None:
        threading.Thread(target=self._follow, name="inbox", daemon=True).start()

    def finish(self) -> None:
        self._done.set()

    def _follow(self) -> None:
        while data := os.read(self._descriptor, 4096):
            for line in self._lines.feed(data):
                message = decode(line)
                if isinstance(message, Free):
                    self.free.put(message.slot)
        self.ended.set()
        # An orderly close first; a driver that does not let go is left to the system.
        if not self._done.wait(_LAST_WORDS_S):
            os._exit(os.EX_OK)


class Outlet:
    """Copies frames into free slots and offers them. A frame without a free slot is dropped."""

    def __init__(self, info: CameraInfo, memory: int, channel: int, inbox: Inbox) -> None:
        self._info = info
        self._memory = memory
        self._channel = channel
        self._inbox = inbox
        self._measure = Measure()
        self._ring: Ring | None = None

    def put(self, frame: Frame) -> None:
        check_shape(frame.pixels, self._info.width, self._info.height)
        ring = self._ring or self._map(frame)
        try:
            slot = self._inbox.free.get_nowait()
        except queue.Empty:
            return  # every slot is with the reader, who therefore lacks nothing
        np.copyto(ring.main(slot), frame.pixels)
        lores = ring.lores(slot)
        if lores is not None and frame.lores is not None:
            np.copyto(lores, frame.lores)
        spread, repeats = self._measure.of(frame.pixels)
        offer = Offer(slot, frame.sequence, frame.captured_ns, spread, repeats)
        send(self._channel, offer)

    def _map(self, frame: Frame) -> Ring:
        lores_height, lores_width = (0, 0) if frame.lores is None else frame.lores.shape[:2]
        layout = Layout(self._info.width, self._info.height, lores_width, lores_height)
        self._ring = Ring.create(self._memory, layout)
        send(self._channel, Mapped(layout))
        for slot in range(SLOTS):
            self._inbox.free.put(slot)
        return self._ring


def pass_on(camera: Camera, outlet: Outlet) -> None:
    """One frame, if there is one. A function, so that no name holds the frame after its loan."""
    try:
        with camera.frame(_FRAME_S) as frame:
            outlet.put(frame)
    except CameraStalled:
        return  # how long is too long is the kiosk's to judge


def serve(camera: Camera, memory: int, channel: int, inbox: Inbox) -> None:
    """Open the camera and offer its frames until the kiosk ends it or the camera fails."""
    try:
        send(channel, Hello())
        info = camera.open()
        send(channel, Opened(info, camera.live))
        outlet = Outlet(info, memory, channel, inbox)
        while not inbox.ended.is_set():
            pass_on(camera, outlet)
    except CameraError as error:
        send(channel, Fault(error))
    finally:
        camera.close()
        inbox.finish()


def make(factory: str, setup: Setup) -> Camera:
    """The camera of `factory`, "package.module:function"."""
    module, _, name = factory.partition(":")
    return cast(Camera, getattr(importlib.import_module(module), name)(setup.config))


def main() -> None:
    # The kiosk closes us in order on Ctrl-C; the keyboard must not reach us first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control, channel = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # what a library prints must not look like a message
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - its descriptor is what is wanted
        os.dup2(nothing.fileno(), 0)
    inbox = Inbox(control)
    setup = inbox.setup()
    # Killed with the kiosk, however that dies and whatever holds this process at that moment.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != setup.parent:
        sys.exit(os.EX_OK)  # it was already gone
    inbox.start()
    log.configure(setup.log_level)
    single_threaded()
    try:
        serve(make(setup.factory, setup), setup.memory, channel, inbox)
    except BrokenPipeError:
        sys.exit(os.EX_OK)  # the kiosk is gone: nobody is left to tell


if __name__ == "__main__":
    main()
