# SPDX-License-Identifier: Apache-2.0
"""Parts of tests of the journal upload: journals, receivers on loopback, a broker of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from quiet_port import quiet_port
from test_journal import decision
from waiting import DEADLINE_S, until
from werkzeug.serving import make_server

from kiosk.event import Event
from kiosk.journal import Journal
from kiosk.journal.database import open_for_writing

KIOSK = "c0ffee" * 5 + "aa"
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_broker = pytest.mark.skipif(
    MOSQUITTO is None, reason="needs a broker: sudo apt install mosquitto"
)


def event(number: int, kiosk: str = KIOSK, **changes: Any) -> Event:
    named: dict[str, Any] = {
        "event_id": f"{number:032x}",
        "kiosk": kiosk,
        "kind": "decision",
        "at": f"2026-11-22T10:00:00.{number:06}Z",
        "decision_id": f"d{number}",
        "visit_id": f"v{number}",
        "outcome": "choose",
        "rule": "two SKUs too close",
        "sku": None,
        "body": {"number": number, "text": "é \u2028 'quoted'"},
    }
    return Event(**{**named, **changes})


def journal(path: Path, count: int, first: int = 0) -> Path:
    """`count` decisions, each with a tap."""
    kept = Journal(path, commit_s=0.01, keep_days=30)
    kept.start()
    for number in range(first, first + count):
        kept.decision(decision(number))
        assert kept.confirmation(f"d{number}", "A1")
    assert kept.flush(DEADLINE_S)
    kept.close(DEADLINE_S)
    return path


def entries(path: Path) -> int:
    with closing(open_for_writing(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The address of a real server for `app`."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(DEADLINE_S)
        server.server_close()


class Mosquitto:
    """A broker of its own that keeps its messages on the disk."""

    def __init__(self, folder: Path) -> None:
        self.port = quiet_port()
        self.address = f"mqtt://127.0.0.1:{self.port}"
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 1\nautosave_on_changes true\n"
            "max_queued_messages 0\nuser root\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, "a broker that answers")

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "the broker ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), DEADLINE_S).close()
        except OSError:
            return False
        return True
