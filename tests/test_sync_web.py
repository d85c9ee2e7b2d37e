# SPDX-License-Identifier: Apache-2.0
"""One answer of a web server at a time: what of it is believed, counted, and waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kiosk.sync.evidence import Unanswered
from kiosk.sync.origin import Limits
from kiosk.sync.web import WebOrigin
from tests import fault_server as does
from tests.fault_server import Handler, Server, serving
from tests.sync_parts import PATIENT

DATA = bytes(range(256)) * 1200
"""Several chunks."""
SIZE = len(DATA)
STEADY = Limits(silence_s=60.0, small_s=60.0, pass_s=1e9, least_bytes_per_s=1.0, rate_s=30.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "file").write_bytes(DATA)
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def origin(server: Server) -> Iterator[WebOrigin]:
    origin = WebOrigin(f"{server.url}/", PATIENT)
    yield origin
    origin.close()


def tail(origin: WebOrigin, offset: int, size: int = SIZE) -> tuple[int, bytes]:
    with origin.tail("file", size, offset) as tail:
        return tail.start, b"".join(tail.chunks)


def code(work: Callable[[], object]) -> str:
    with pytest.raises(Unanswered) as error:
        work()
    return error.value.code


def test_what_is_asked_and_what_comes_is_counted(server: Server, origin: WebOrigin) -> None:
    assert origin.small("file", SIZE) == DATA
    assert (origin.traffic.requests, origin.traffic.received) == (1, SIZE)
    assert tail(origin, SIZE - 10) == (SIZE - 10, DATA[-10:])
    assert (origin.traffic.requests, origin.traffic.received) == (2, SIZE + 10)
    assert [each.range for each in server.asked] == ["", f"bytes={SIZE - 10}-"]


def no_length(handler: Handler, data: bytes, offset: int) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    handler.send(data)
    handler.drop()


def test_a_small_file_has_at_most_what_it_may_have(server: Server, origin: WebOrigin) -> None:
    assert code(lambda: origin.small("file", SIZE - 1)) == "unusable"
    assert origin.traffic.received == 0, "its length was told"
    server.always("file", no_length)
    assert origin.small("file", SIZE) == DATA
    assert code(lambda: origin.small("file", SIZE - 1)) == "unusable"


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 500])
def test_only_200_gives_a_small_file(server: Server, origin: WebOrigin, status: int) -> None:
    server.always("file", does.status(status))
    assert code(lambda: origin.small("file", SIZE)).startswith(("http_", "redirected"))


@pytest.mark.parametrize(
    ("span", "start"),
    [
        (f"bytes 1000-{SIZE - 1}/{SIZE}", 1000),
        (f"bytes 400-{SIZE - 1}/{SIZE}", 400),
        (f"bytes 1000-{SIZE - 1}/*", 1000),
        (f"bytes 1001-{SIZE - 1}/{SIZE}", None),
        (f"bytes 1000-{SIZE - 1}/{SIZE + 1}", None),
        (f"bytes 1000-{SIZE - 1}", None),
        ("", None),
        (f"items 1000-{SIZE - 1}/{SIZE}", None),
        (f"bytes -1000-{SIZE - 1}/{SIZE}", None),
    ],
)
def test_a_part_is_believed_where_its_range_can_be_of_that_file(
    server: Server, origin: WebOrigin, span: str, start: int | None
) -> None:
    def fault(handler: Handler, data: bytes, offset: int) -> None:
        handler.answer(206, data[start or 1000 :], Content_Range=span)

    server.always("file", fault)
    if start is None:
        assert code(lambda: tail(origin, 1000)) == "unusable"
    else:
        assert tail(origin, 1000) == (start, DATA[start:])


@pytest.mark.parametrize("offset", [0, 1000])
def test_a_whole_answer_must_have_the_length_that_was_signed(
    server: Server, origin: WebOrigin, offset: int
) -> None:
    server.always("file", does.whole)
    assert tail(origin, offset) == (0, DATA)
    assert code(lambda: tail(origin, offset, SIZE + 1)) == "unusable"
    assert code(lambda: tail(origin, offset, SIZE - 1)) == "unusable"
    server.always("file", no_length)
    assert tail(origin, offset) == (0, DATA)


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (does.status(416), "unusable"),
        (does.status(404), "not_found"),
        (does.status(503), "http_503"),
        (does.portal, "portal"),
        (does.packed, "unusable"),
    ],
)
def test_what_is_no_part_of_the_file_is_named(
    server: Server, origin: WebOrigin, fault: does.Fault, wanted: str
) -> None:
    server.always("file", fault)
    assert code(lambda: tail(origin, 1000)) == wanted


def test_three_steps_within_the_server_are_followed_and_a_fourth_is_not(
    server: Server, origin: WebOrigin
) -> None:
    server.once("file", *[does.sent_on("/file")] * 3)
    assert origin.small("file", SIZE) == DATA
    assert origin.traffic.requests == 4
    server.once("file", *[does.sent_on("/file")] * 4)
    assert code(lambda: origin.small("file", SIZE)) == "redirected"
    assert origin.traffic.requests == 8


def paced(server: Server, step_s: float) -> tuple[int, str]:
    """How much is taken of a file of which each chunk takes so long, and why no more."""
    now_s = 1000.0
    origin = WebOrigin(server.url, STEADY, lambda: now_s)
    came = 0
    try:
        with origin.tail("file", SIZE, 0) as tail:
            for chunk in tail.chunks:
                came += len(chunk)
                now_s += step_s
    except Unanswered as error:
        return came, error.code
    finally:
        origin.close()
    return came, ""


def test_a_file_that_comes_too_slowly_is_left_with_what_came(server: Server) -> None:
    came, code = paced(server, 1e6)
    assert code == "slow"
    assert 0 < came < SIZE


def test_a_file_that_comes_fast_enough_is_waited_for(server: Server) -> None:
    assert paced(server, 29.0) == (SIZE, "")


def test_a_file_that_becomes_slow_is_left_however_fast_it_was(server: Server) -> None:
    now_s, came = 0.0, 0
    origin = WebOrigin(server.url, STEADY, lambda: now_s)
    try:
        with origin.tail("file", SIZE, 0) as tail, pytest.raises(Unanswered) as slow:
            for chunk in tail.chunks:
                came += len(chunk)
                now_s += 1e-3 if came < SIZE // 2 else 1e6
    finally:
        origin.close()
    assert slow.value.code == "slow"
    assert SIZE // 2 <= came <= SIZE
