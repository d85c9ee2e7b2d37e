# SPDX-License-Identifier: Apache-2.0
"""The real server on loopback: streams, their cap, their end; busy ports; stopping."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waiting import DEADLINE_S, until

from kiosk.board import Board, CameraStatus, CatalogStatus, Phase, Preview
from kiosk.errors import BusyError, ConfigError
from kiosk.web import NoGallery, Server, create_app

STREAMS = 2
WELL = {"camera": CameraStatus(True, "well"), "catalog": CatalogStatus(True, "well", release="r")}


def server_of(board: Board, host: str = "127.0.0.1", port: int = 0) -> Server:
    app = create_app(
        board=board,
        gallery=NoGallery(),
        confirm=lambda decision_id, sku: True,
        streams=STREAMS,
        version="0.1.0",
        host=host,
    )
    return Server(app, host=host, port=port, streams=STREAMS)


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def server(board: Board) -> Iterator[Server]:
    server = server_of(board)
    server.start()
    yield server
    server.stop()


def ask(
    server: Server, path: str, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_S)) as line:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        line.request(method, path, body, named)
        reply = line.getresponse()
        return reply.status, reply.read()


class Stream:
    """One reader of the events."""

    def __init__(self, server: Server, page: str = "operator") -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_S)
        self._line.request("GET", f"/events?page={page}")
        self.reply = self._line.getresponse()
        self.status = self.reply.status

    def next(self) -> dict[str, Any] | None:
        """The next state; None when the stream has ended."""
        while line := self.reply.readline():
            if line.startswith(b"data: "):
                page = json.loads(line[6:])
                assert isinstance(page, dict)
                return page
        return None

    def until(self, **wanted: object) -> dict[str, Any]:
        while page := self.next():
            if all(page[name] == value for name, value in wanted.items()):
                return page
        raise AssertionError("the stream ended")

    def close(self) -> None:
        self.reply.close()
        self._line.close()


@contextmanager
def stream(server: Server, page: str = "operator") -> Iterator[Stream]:
    with closing(Stream(server, page)) as reader:
        yield reader


def test_a_page_gets_the_whole_state_at_once_and_then_each_change(
    server: Server, board: Board
) -> None:
    with stream(server) as reader:
        assert reader.reply.headers["Content-Type"].startswith("text/event-stream")
        assert reader.next()["view"] == "starting"  # type: ignore[index]
        board.post(phase=Phase.READY, **WELL)
        reader.until(view="ready")
        board.post(phase=Phase.LOOKING)
        reader.until(view="looking")


def test_the_status_page_follows_the_same_board(server: Server, board: Board) -> None:
    with stream(server, "status") as reader:
        page = reader.next()
        assert page is not None
        assert page["groups"][0]["ok"] is False
        board.post(**WELL)
        page = reader.next()
        assert page is not None
        assert page["groups"][0]["ok"] is True


def test_a_burst_of_changes_is_coalesced_and_its_end_arrives(server: Server, board: Board) -> None:
    board.post(phase=Phase.READY, **WELL)
    with stream(server) as reader:
        reader.until(view="ready")
        for number in range(500):
            board.post(phase=Phase.LOOKING, hint=f"hint {number}")
        seen = 1
        while (page := reader.next()) and page["texts"]["headline"] != "hint 499":
            seen += 1
        assert page is not None
        assert seen < 100


def test_streams_are_capped_while_health_still_answers(server: Server, board: Board) -> None:
    with stream(server) as first, stream(server) as second:
        assert first.next() is not None
        assert second.next() is not None
        for _ in range(5):
            with stream(server) as third:
                assert third.status == 503
                assert third.reply.headers["Retry-After"] == "2"
        assert ask(server, "/healthz")[0] == 503
        board.post(**WELL)
        board.post_preview(Preview(1, np.zeros((4, 4, 3), np.uint8), None, (), Phase.READY, ""))
        assert ask(server, "/healthz")[0] == 200


def test_readers_that_wait_for_pictures_do_not_starve_health(server: Server) -> None:
    waiting = [
        threading.Thread(target=ask, args=(server, "/preview.jpg")) for _ in range(4 * STREAMS)
    ]
    with stream(server), stream(server):
        for thread in waiting:
            thread.start()
        assert ask(server, "/healthz")[0] == 503
        for thread in waiting:
            thread.join()


def test_the_place_of_a_reader_that_left_is_free_again(server: Server) -> None:
    for _ in range(3 * STREAMS):

        def admitted() -> bool:
            with stream(server) as reader:
                return reader.status == 200 and reader.next() is not None

        until(admitted)


def test_readers_that_never_read_cost_their_place_and_nothing_else(
    server: Server, board: Board
) -> None:
    stalled = []
    for _ in range(STREAMS):
        line = socket.create_connection(("127.0.0.1", server.port))
        line.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stalled.append(line)
    until(lambda: ask(server, "/events")[0] == 503)
    for number in range(200):
        board.post(hint="x" * 1000 + str(number))
    assert ask(server, "/healthz")[0] == 503
    server.stop()
    for line in stalled:
        line.close()


def test_streams_end_when_the_board_closes(server: Server, board: Board) -> None:
    with stream(server) as reader:
        assert reader.next() is not None
        board.close()
        assert reader.next() is None


def test_stopping_ends_streams_and_frees_the_port(board: Board) -> None:
    server = server_of(board)
    server.start()
    with stream(server) as reader:
        assert reader.next() is not None
        server.stop()
        assert reader.next() is None
        server.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(server, "/healthz")
    again = server_of(board, port=server.port)
    again.start()
    assert ask(again, "/")[0] == 200
    again.stop()


def test_stopping_leaves_no_thread_behind(board: Board) -> None:
    before = set(threading.enumerate())
    server = server_of(board)
    server.start()
    with stream(server) as reader:
        assert reader.next() is not None
        server.stop()
    until(lambda: not set(threading.enumerate()) - before)


def test_stopping_from_two_threads_at_once_is_safe(board: Board) -> None:
    for _ in range(10):
        server = server_of(board)
        server.start()
        other = threading.Thread(target=server.stop)
        other.start()
        server.stop()
        other.join()


def test_a_server_that_never_started_stops(board: Board) -> None:
    server = server_of(board)
    server.stop()
    server.stop()
    server_of(board, port=server.port).stop()


def test_a_busy_port_is_named_with_what_to_do(board: Board) -> None:
    first = server_of(board)
    with pytest.raises(BusyError, match=rf"port {first.port} on 127.0.0.1 is in use.*web.port="):
        server_of(board, port=first.port)
    first.stop()


def test_an_address_of_another_machine_is_a_clear_error(board: Board) -> None:
    with pytest.raises(ConfigError, match="has no such address"):
        server_of(board, host="192.0.2.7")
    with pytest.raises(ConfigError, match="is no address of this machine"):
        server_of(board, host="no such name")


FORBIDDEN_PORT = """
import os, socket
from kiosk.board import Board
from kiosk.errors import ConfigError
from kiosk.web import NoGallery, Server, create_app
app = create_app(board=Board(), gallery=NoGallery(), confirm=lambda d, s: True, streams=1,
                 version="0")
socket.getaddrinfo("127.0.0.1", 79)  # what it imports may be out of reach afterwards
if os.geteuid() == 0:
    os.setuid(65534)
try:
    Server(app, host="127.0.0.1", port=79, streams=1).stop()
except ConfigError as error:
    print(error)
"""


def test_a_forbidden_port_is_a_clear_error() -> None:
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if start.exists() and int(start.read_text()) <= 79:
        pytest.skip("every user may listen on every port here")
    done = subprocess.run(
        [sys.executable, "-c", FORBIDDEN_PORT],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert "choose a port above 1023" in done.stdout


def test_the_url_is_one_a_browser_can_open(board: Board) -> None:
    everywhere = server_of(board, host="0.0.0.0")
    assert everywhere.url == f"http://127.0.0.1:{everywhere.port}/"
    everywhere.stop()
    try:
        six = server_of(board, host="::1")
    except ConfigError:
        return  # no IPv6 on this machine
    assert six.url == f"http://[::1]:{six.port}/"
    six.stop()


def test_a_rebound_name_and_a_huge_body_are_refused_on_the_wire(server: Server) -> None:
    assert ask(server, "/", Host="evil.example")[0] == 403
    assert ask(server, "/events", Host="evil.example")[0] == 403
    status, _ = ask(server, "/confirm", "POST", "x" * 200_000, Content_Type="application/json")
    assert status == 413


def test_a_call_without_a_host_is_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 403 " in line.recv(4096).split(b"\r\n")[0]


def test_a_tap_is_answered_over_the_wire(server: Server) -> None:
    body = json.dumps({"decision_id": "d1", "sku": "A1"})
    status, reply = ask(server, "/confirm", "POST", body, Content_Type="application/json")
    assert status == 200
    assert json.loads(reply)["saved"] is True
