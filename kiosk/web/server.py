# SPDX-License-Identifier: Apache-2.0
"""The web server: bound when built, so that a busy port is said before anything else starts."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from typing import Any

from flask import Flask
from waitress import create_server, wasyncore

from kiosk.errors import BusyError, ConfigError, KioskError
from kiosk.web.guard import MAX_BODY_BYTES
from kiosk.web.streams import Streams

SPARE_THREADS = 4
STOP_S = 0.7
"""How long streams get to end by themselves; they look every `live.SLICE_S`."""


class Server:
    """Serves `app` from threads of its own between `start` and `stop`; `stop` may come twice.

    Raises BusyError when the port is taken, ConfigError when address or port cannot be used.
    """

    def __init__(self, app: Flask, *, host: str, port: int, streams: int) -> None:
        # At its info level waitress tells of every page that was closed.
        logging.getLogger("waitress").setLevel(logging.WARNING)
        self._streams: Streams = app.extensions["kiosk_streams"]
        self._socket = bound(host, port)
        self._server: Any = create_server(
            app,
            sockets=[self._socket],
            threads=2 * streams + SPARE_THREADS,
            ident=None,
            max_request_body_size=80 * MAX_BODY_BYTES,
            max_request_header_size=32_768,
            # Connections that say nothing must not keep the health check out: room for many, and
            # soon gone. A stream has its heartbeat.
            connection_limit=500,
            channel_timeout=15,
            cleanup_interval=5,
            # Read on while a stream runs: that is how a reader that left is noticed.
            channel_request_lookahead=1,
            # The default select() fails on descriptors above 1023.
            asyncore_use_poll=True,
        )
        self._stopping = threading.Event()
        self._closing = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the page is, for people: the loopback address when every address is listened on."""
        host, port = self._socket_name
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    @property
    def port(self) -> int:
        return self._socket_name[1]

    def start(self) -> None:
        """Serve from now on. Returns at once."""
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, end every stream, close every connection; within a second."""
        self._streams.close()
        self._stopping.set()
        if self._thread is None:
            if not self._closed:
                self._close()
            return
        with self._closing:
            if not self._closed:
                self._server.pull_trigger()
        self._thread.join(STOP_S + 1)

    @property
    def _socket_name(self) -> tuple[str, int]:
        return self._server.effective_host, int(self._server.effective_port)

    def _serve(self) -> None:
        try:
            while not self._stopping.is_set():
                wasyncore.loop(timeout=1, use_poll=True, map=self._server._map, count=1)
        finally:
            self._close()

    def _close(self) -> None:
        # waitress's own close leaves connections and threads; the order matters: threads wake the
        # loop through the trigger, so it goes last.
        server = self._server
        wasyncore.dispatcher.close(server)
        server.task_dispatcher.shutdown(timeout=STOP_S)
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        with self._closing:
            self._closed = True
            server.trigger.close()


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises BusyError or ConfigError saying what to change."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigError(
            "[web]", [f'host = "{host}": is no address of this machine ({error.strerror})']
        ) from error
    listening = socket.socket(family, kind, protocol)
    try:
        # A kiosk that restarts must not wait for its old connections to time out.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except OSError as error:
        listening.close()
        raise _explained(error, host, port) from error
    return listening


def _explained(error: OSError, host: str, port: int) -> KioskError:
    if error.errno == errno.EADDRINUSE:
        return BusyError(
            f"port {port} on {host} is in use: another kiosk or program listens there. Stop it, or "
            "choose another port with --set web.port=8081 (0: any free one)."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        reason = f"port = {port}: this user may not listen there; choose a port above 1023"
    elif error.errno == errno.EADDRNOTAVAIL:
        reason = f'host = "{host}": this machine has no such address; use 127.0.0.1'
    else:
        reason = f'host = "{host}", port = {port}: cannot be listened on: {error.strerror}'
    return ConfigError("[web]", [reason])
