# SPDX-License-Identifier: Apache-2.0
"""One run of the camera process, seen from the kiosk: started, heard, ended for certain."""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import kiosk
from kiosk.capture.ring import Layout, Ring, new_memory
from kiosk.capture.wire import Free, Lines, Message, Setup, decode, send
from kiosk.config import CameraConfig
from kiosk.errors import CameraError

_ORDERLY_S = 1.0
_TERM_S = 0.2
_KILL_S = 2.0

_log = logging.getLogger(__name__)


class ChildLink:
    """A running camera process with its pipes and its shared memory.

    Start it from a thread that outlives it: the system kills the process when the *thread* that
    started it ends, which is how it dies with the kiosk.
    """

    def __init__(self, config: CameraConfig, factory: str) -> None:
        """Raises CameraError when the process cannot be started."""
        self._lock = threading.Lock()
        self._lines = Lines()
        self._open = True
        self._memory = new_memory()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "kiosk.capture.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=(self._memory,),
                start_new_session=True,
                env=_environment(),
            )
        except OSError as error:
            os.close(self._memory)
            raise CameraError(
                f"The camera program cannot be started ({error.strerror}). Restart the device."
            ) from error
        assert self._process.stdin and self._process.stdout
        self._to, self._from = self._process.stdin, self._process.stdout
        os.set_blocking(self._from.fileno(), False)
        level = logging.getLevelName(_log.getEffectiveLevel()).lower()
        self._send(Setup(config, factory, self._memory, os.getpid(), level))

    @property
    def pid(self) -> int:
        return self._process.pid

    def receive(self, timeout_s: float) -> list[Message]:
        """What it said within `timeout_s`. Raises CameraError once it has ended without a word."""
        poll = select.poll()
        poll.register(self._from.fileno(), select.POLLIN)
        if not poll.poll(timeout_s * 1000):
            return []
        data = os.read(self._from.fileno(), 65536)
        if not data:
            raise CameraError("The camera driver stopped unexpectedly. Restarting it…")
        return [decode(line) for line in self._lines.feed(data)]

    def attach(self, layout: Layout) -> Ring:
        return Ring.attach(self._memory, layout)

    def free(self, slot: int) -> None:
        """Give a slot back; harmless when the process is gone."""
        self._send(Free(slot))

    def stop(self, *, orderly: bool) -> str:
        """End the process, by asking first when `orderly`, and say how it ended."""
        with self._lock:
            self._open = False
            self._to.close()  # which asks it to end
        ended = orderly and self._wait(_ORDERLY_S)
        for number, patience_s in ((signal.SIGTERM, _TERM_S), (signal.SIGKILL, _KILL_S)):
            if not ended:
                self._process.send_signal(number)
                ended = self._wait(patience_s)
        self._from.close()
        os.close(self._memory)
        if not ended:
            # In an uninterruptible system call. Its memory is its own; a new one can start.
            _log.error("camera process %d cannot be ended: a driver holds it", self.pid)
            return "held by a driver"
        return _ending(self._process.returncode)

    def _send(self, message: Message) -> None:
        with self._lock:
            if not self._open:
                return
            try:
                send(self._to.fileno(), message)
            except BrokenPipeError:
                return  # it has died, which `receive` reports

    def _wait(self, patience_s: float) -> bool:
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"


def _environment() -> dict[str, str]:
    """Ours, plus where to find this very kiosk; decoders keep their chatter to themselves."""
    environment = dict(os.environ)
    environment.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    environment.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    root = str(Path(kiosk.__file__).parent.parent)
    if root != sysconfig.get_path("purelib"):
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{known}" if known else root
    return environment
