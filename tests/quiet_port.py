# SPDX-License-Identifier: Apache-2.0
"""A port for servers that are stopped and started again at the same address."""

from __future__ import annotations

import random
import socket
from contextlib import closing, suppress


def quiet_port() -> int:
    """A port that is free, and that no connection is given by chance: the kernel takes those from
    higher up, so it is still free a moment later, and again after its server was killed.
    """
    while True:
        port = random.randrange(10_000, 32_000)
        with closing(socket.socket()) as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
