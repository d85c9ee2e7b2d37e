# SPDX-License-Identifier: Apache-2.0
"""A real `kiosk` child process with systemd's notify socket in our hands."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import tiny_models
from waiting import DEADLINE_S, until


@dataclass
class Kiosk:
    process: subprocess.Popen[str]
    notify: socket.socket
    output: Path

    def said(self) -> str:
        return self.output.read_text()

    def url(self) -> str:
        def line() -> str:
            assert self.process.poll() is None, self.said()
            found = [word for word in self.said().split() if word.startswith("http://")]
            return found[0].rstrip("/") if found else ""

        return until(line, "the address of the page")

    def heard(self, wanted: str) -> str:
        """The next message of systemd's socket that starts with `wanted`."""
        self.notify.settimeout(DEADLINE_S)
        while True:
            message = self.notify.recv(500).decode()
            if message.startswith(wanted):
                return message

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(self.url() + path, timeout=DEADLINE_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        request = urllib.request.Request(
            self.url() + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def states(self, page: str = "operator") -> Generator[dict[str, Any]]:
        """What a page is told, as it is told."""
        with until(lambda: self._stream(page), "a place among the readers") as stream:
            for line in stream:
                if line.startswith(b"data:") and line[5:].strip():  # a beat has none
                    yield json.loads(line[5:])

    def _stream(self, page: str) -> Any:
        """The events; None while the places of readers that left are not free again."""
        try:
            return urllib.request.urlopen(f"{self.url()}/events?page={page}", timeout=DEADLINE_S)
        except urllib.error.HTTPError as error:
            with error:
                assert error.code == 503, error
            return None

    def group(self, title: str) -> dict[str, Any]:
        """One part of the status page, as it stands."""
        with closing(self.states("status")) as states:
            return next(each for each in next(states)["groups"] if each["title"] == title)

    def state(self, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        end = time.monotonic() + DEADLINE_S
        with closing(self.states()) as states:
            for state in states:
                if condition(state):
                    return state
                assert time.monotonic() < end, f"not in time: {what}; last {state}"
        raise AssertionError(f"the stream ended before: {what}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


@contextmanager
def kiosk(*arguments: str, folder: Path, command: str = "run") -> Iterator[Kiosk]:
    """`python -m kiosk run …` on any free port; killed at the end if it still runs."""
    folder.mkdir(parents=True, exist_ok=True)
    address = f"kiosk-test-{uuid4().hex}"  # no file: its path could be too long for a socket
    output = folder / "output.txt"
    environment = {**os.environ, "NOTIFY_SOCKET": f"@{address}", "PYTHONUNBUFFERED": "1"}
    environment.pop("KIOSK_CONFIG", None)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
        output.open("w") as sink,
    ):
        notify.bind(f"\0{address}")
        process = subprocess.Popen(
            [sys.executable, "-m", "kiosk", command, "--set", "web.port=0", *arguments],
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
        )
        try:
            yield Kiosk(process, notify, output)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def overrides(**options: object) -> list[str]:
    """camera__source="demo" becomes --set camera.source=demo."""
    found: list[str] = []
    for key, value in options.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        found += ["--set", f"{key.replace('__', '.')}={text}"]
    return found


def counter_of(folder: Path, item: int = 2, shown: int = 36, gone: int = 12) -> Path:
    """Pictures of an item lying still, then of the empty counter, for a camera that plays them in a
    loop at 30 a second: so long that a slow machine sees each of both several times.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(shown + gone):
        pixels = tiny_models.picture(item if number < shown else -1, shot=7)
        assert cv2.imwrite(str(folder / f"{number:02}.png"), pixels)
    return folder
