# SPDX-License-Identifier: Apache-2.0
"""A Motion JPEG server on loopback with levers: it plays, stalls, sends garbage or goes blank."""

from __future__ import annotations

import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
from camera_parts import HEIGHT, WIDTH, picture
from quiet_port import quiet_port

PLAY, STALL, GARBAGE, BLANK = "play", "stall", "garbage", "blank"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    owner: MjpegServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        owner = self.server.owner
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in itertools.count():
            if owner.stopped.wait(1 / owner.fps):
                return
            body = owner.body(number)
            if body:
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body + b"\r\n")

    def log_message(self, *parts: object) -> None:
        """Quiet."""


class MjpegServer:
    """Plays at `url` from `start` to `stop`, on the same port each time; `mode` is the lever."""

    def __init__(self, fps: float = 25.0) -> None:
        self.fps = fps
        self.mode = PLAY
        self.stopped = threading.Event()
        self._port = quiet_port()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/video"

    def start(self) -> None:
        self.stopped.clear()
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def body(self, number: int) -> bytes:
        if self.mode == STALL:
            return b""
        if self.mode == GARBAGE:
            return np.random.default_rng(number).bytes(4000)
        blank = np.full((HEIGHT, WIDTH, 3), 3, np.uint8)
        pixels = blank if self.mode == BLANK else picture(number)
        return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
