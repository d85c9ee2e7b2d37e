# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
from pathlib import Path

import pytest
from waiting import DEADLINE_S

from kiosk.notify import Notifier


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_every_message(tmp_path: Path, abstract: bool) -> None:
    name = f"@kiosk-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.settimeout(DEADLINE_S)
        notifier = Notifier(name)
        notifier.status("no\ncamera")
        notifier.still_starting(2)
        notifier.ready()
        notifier.alive()
        notifier.stopping()
        heard = [systemd.recv(200).decode() for _ in range(5)]
        notifier.close()
    assert heard == [
        "STATUS=no camera",
        "EXTEND_TIMEOUT_USEC=2000000",
        "READY=1",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_without_systemd_nothing_is_sent_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier()
    notifier.ready()
    notifier.close()
    notifier.close()


def test_a_listener_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        notifier = Notifier(str(tmp_path / "notify"))
        for _ in range(10_000):
            notifier.alive()
        notifier.close()


def test_a_wrong_address_is_an_error_and_not_silence(tmp_path: Path) -> None:
    notifier = Notifier(str(tmp_path / "nobody"))
    with pytest.raises(RuntimeError, match="does not listen"):
        notifier.ready()
    notifier.close()
