# SPDX-License-Identifier: Apache-2.0
"""Connections that can be cut from outside: no timeout of a socket ends one that drips."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

Open = HTTPConnection | socket.socket
"""What can be cut: a connection while it is made, then its socket. The connection itself forgets
that as soon as a head says that it is closed after this answer, while the body still comes."""
_AGAIN_S = 1.0
_OPTIONS = [
    *HTTPConnection.default_socket_options,
    # Little is under way unseen: what is sent on a slow line must not look like no answer.
    (socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024),
]


class Watch:
    """Cuts the connections when the time is over: a server that drips ends by nothing else."""

    def __init__(self, connections: list[Open], seconds: float) -> None:
        self.late = False
        self._connections = connections
        self._over = threading.Event()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._timer.cancel()
        self._timer.join()

    def _cut(self) -> None:
        self.late = True
        while True:
            for each in self._connections:
                found = each if isinstance(each, socket.socket) else each.sock
                if isinstance(found, socket.socket):
                    try:  # of the plain socket, below TLS: nobody waits for a farewell
                        socket.socket.shutdown(found, socket.SHUT_RDWR)
                    except OSError:
                        continue  # it is closed already, which is what was wanted
            if self._over.wait(_AGAIN_S):  # one may have been made in that very moment
                return


def pools_for(base: str, made: list[Open]) -> urllib3.PoolManager:
    """One connection at a time; the newest that is made is noted in `made`."""

    def noted(connection: HTTPConnection, connect: Callable[[], None]) -> None:
        made[:] = [connection]
        connect()
        if isinstance(connection.sock, socket.socket):
            made.append(connection.sock)

    class Plain(HTTPConnection):
        def connect(self) -> None:
            noted(self, super().connect)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            noted(self, super().connect)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    parts = urlsplit(base)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        pools: urllib3.PoolManager = urllib3.ProxyManager(
            proxy, num_pools=1, maxsize=1, socket_options=_OPTIONS
        )
    else:
        pools = urllib3.PoolManager(num_pools=1, maxsize=1, socket_options=_OPTIONS)
    pools.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return pools
