# SPDX-License-Identifier: Apache-2.0
"""Messages to systemd (`sd_notify(3)`): ready, alive, status. Silent where nobody listens."""

from __future__ import annotations

import os
import socket


class Notifier:
    """Sends to the socket systemd named, or nowhere: the null implementation is the empty path."""

    def __init__(self, address: str | None = None) -> None:
        """`address` defaults to `$NOTIFY_SOCKET`; "@…" is the abstract namespace."""
        given = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._address = "\0" + given[1:] if given.startswith("@") else given
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if given else None
        if self._socket is not None:
            self._socket.setblocking(False)  # a full queue must not hold up recognition

    def ready(self) -> bool:
        """The service does its job: a first frame went through. False: say it again later."""
        return self._send("READY=1")

    def alive(self) -> None:
        """The recognition loop turns; feeds the watchdog."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send("STATUS=" + text.replace("\n", " "))

    def still_starting(self, seconds: float) -> None:
        """Ask for more time before READY, such as while no camera is plugged in."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> bool:
        """False when systemd is too busy to take it; the next beat will reach it."""
        if self._socket is None:
            return True
        try:
            self._socket.sendto(message.encode(), self._address)
            return True
        except BlockingIOError:
            return False
        except OSError as error:
            raise RuntimeError(f"systemd does not listen on {self._address!r}: {error}") from error
