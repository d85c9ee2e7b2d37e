# SPDX-License-Identifier: Apache-2.0
"""A real web server on loopback that serves a folder, and does to named files what networks do."""

from __future__ import annotations

import gzip
import os
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Fault = Callable[["Handler", bytes, int], None]
"""Answers a request for a file of these bytes from this offset on."""


@dataclass
class Asked:
    """One request, and how many bytes of a body were sent for it."""

    path: str
    range: str
    encoding: str
    sent: int = 0
    head_bytes: int = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        asked = Asked(
            self.path, self.headers.get("Range", ""), self.headers.get("Accept-Encoding", "")
        )
        asked.head_bytes = len(self.raw_requestline) + len(bytes(self.headers)) + 2
        self.asked = asked
        self.server.asked.append(asked)
        match = re.fullmatch(r"bytes=(\d+)-", asked.range)
        offset = int(match[1]) if match else 0
        place = self.server.folder / self.path.lstrip("/")
        data = place.read_bytes() if place.is_file() else None
        fault = self.server.next_fault(self.path)
        try:
            if fault is not None:
                fault(self, data or bytes(1000), offset)
            elif data is None:
                self.answer(404, b"not here")
            elif offset:
                self.part(data, offset)
            else:
                self.answer(200, data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, status: int, body: bytes, claimed: int = -1, **headers: str) -> None:
        """`claimed`: the length that is stated instead of the body's."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if claimed < 0 else claimed))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.send(body)
        if claimed >= 0:
            self.drop()

    def part(self, data: bytes, offset: int, stated: int = -1, claimed: int = -1) -> None:
        start = offset if stated < 0 else stated
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.answer(206, data[offset:], claimed, Content_Range=span)

    def send(self, body: bytes) -> None:
        for at in range(0, len(body), 65536):
            piece = body[at : at + 65536]
            self.wfile.write(piece)
            self.asked.sent += len(piece)

    def drop(self) -> None:
        """Close it as a network does that fell apart in order."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        """`certificate`: a PEM file with its key; then it speaks TLS."""
        super().__init__(("127.0.0.1", 0), Handler)
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is made in the thread of the connection, with its first read.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.folder = folder
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self._faults: dict[str, list[Fault | None]] = {}
        self._always: dict[str, Fault] = {}

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server_address[1]}"

    @property
    def sent(self) -> int:
        return sum(each.sent for each in self.asked)

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that went away, as it should

    def once(self, fragment: str, *faults: Fault | None) -> None:
        """The next requests for paths with this in them; None: an honest answer."""
        self._faults.setdefault(fragment, []).extend(faults)

    def always(self, fragment: str, fault: Fault) -> None:
        self._always[fragment] = fault

    def honest(self) -> None:
        """From now on."""
        self._faults.clear()
        self._always.clear()

    def next_fault(self, path: str) -> Fault | None:
        for fragment, faults in self._faults.items():
            if fragment in path and faults:
                return faults.pop(0)
        return next((each for name, each in self._always.items() if name in path), None)


@contextmanager
def serving(folder: Path, certificate: Path | None = None) -> Iterator[Server]:
    """The folder, served until the end."""
    server = Server(folder, certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def cut(after: int) -> Fault:
    """The connection ends after so many bytes of the body."""

    def fault(handler: Handler, data: bytes, offset: int) -> None:
        rest = data[offset:]
        if offset:
            span = f"bytes {offset}-{len(data) - 1}/{len(data)}"
            handler.answer(206, rest[:after], len(rest), Content_Range=span)
        else:
            handler.answer(200, rest[:after], len(rest))

    return fault


def reset(handler: Handler, data: bytes, offset: int) -> None:
    """The connection is torn down in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.send(data[: len(data) // 2])
    handler.wfile.flush()
    handler.close_connection = True
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    os.close(handler.connection.detach())  # `shutdown` would say goodbye first


def drip(handler: Handler, data: bytes, offset: int) -> None:
    """One byte at a time, never silent for long, never done."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    for at in range(len(data) - 1):
        if handler.server.closing.wait(0.02):
            break
        handler.send(data[at : at + 1])
        handler.wfile.flush()
    handler.server.closing.wait()
    handler.close_connection = True


def drip_closing(handler: Handler, data: bytes, offset: int) -> None:
    """As `drip`, in an answer that ends with its connection, as those of HTTP/1.0 do."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while not handler.server.closing.wait(0.02):
        handler.send(b"z")
        handler.wfile.flush()


def drip_head(handler: Handler, data: bytes, offset: int) -> None:
    """A head that never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not handler.server.closing.wait(0.02):
        handler.wfile.write(b"a")
        handler.wfile.flush()
    handler.close_connection = True


def stall(handler: Handler, data: bytes, offset: int) -> None:
    """The head comes, and half of the body; then nothing."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.send(data[: len(data) // 2])
    handler.wfile.flush()
    handler.server.closing.wait()
    handler.close_connection = True


def mute(handler: Handler, data: bytes, offset: int) -> None:
    """It takes the request and says nothing."""
    handler.server.closing.wait()
    handler.close_connection = True


def portal(handler: Handler, data: bytes, offset: int) -> None:
    """A captive portal: a web page, whatever was asked for."""
    handler.answer(200, b"<!DOCTYPE html><title>Free Wi-Fi</title>", Content_Type="text/html")


def sent_on(target: str) -> Fault:
    def fault(handler: Handler, data: bytes, offset: int) -> None:
        handler.answer(302, b"", Location=target)

    return fault


def status(code: int, **headers: str) -> Fault:
    def fault(handler: Handler, data: bytes, offset: int) -> None:
        handler.answer(code, b"no", **headers)

    return fault


def whole(handler: Handler, data: bytes, offset: int) -> None:
    """A server that knows no ranges."""
    handler.answer(200, data)


def from_zero(handler: Handler, data: bytes, offset: int) -> None:
    """206, but from the start, and it says so."""
    handler.part(data, 0)


def lying_range(handler: Handler, data: bytes, offset: int) -> None:
    """206 that states the right range and sends the bytes from the start."""
    span = f"bytes {offset}-{len(data) - 1}/{len(data)}"
    handler.answer(206, data[: len(data) - offset], Content_Range=span)


def gap(handler: Handler, data: bytes, offset: int) -> None:
    """206 that begins too late."""
    handler.part(data, min(offset + 10, len(data) - 1))


def shorter(handler: Handler, data: bytes, offset: int) -> None:
    """A file that lost its end, with a length that fits."""
    handler.answer(200, data[: len(data) // 2])


def flipped(handler: Handler, data: bytes, offset: int) -> None:
    """One bit in the middle is another."""
    middle = len(data) // 2
    handler.answer(200, data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


def bomb(handler: Handler, data: bytes, offset: int) -> None:
    """A compressed answer that nobody asked for: 10 MB in 10 kB."""
    handler.answer(200, gzip.compress(bytes(10 << 20)), Content_Encoding="gzip")


def more(handler: Handler, data: bytes, offset: int) -> None:
    """The file, and then something else; its length is not told."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    handler.send(data + b"and something else" * 10)
    handler.drop()


def packed(handler: Handler, data: bytes, offset: int) -> None:
    """Compressed although that was not asked for, and by chance of the right length."""
    handler.answer(200, (gzip.compress(b"other") * len(data))[: len(data)], Content_Encoding="gzip")


def endless(handler: Handler, data: bytes, offset: int) -> None:
    """Chunks without end or length."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while not handler.server.closing.is_set():
        handler.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        handler.asked.sent += 65536
    handler.close_connection = True


def raw(reply: bytes) -> Fault:
    """These bytes, and no more."""

    def fault(handler: Handler, data: bytes, offset: int) -> None:
        handler.wfile.write(reply)
        handler.drop()

    return fault
