# SPDX-License-Identifier: Apache-2.0
"""Journal upload: what is taken is marked, what is not is sent again."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from flask import Flask, Response, redirect, request
from killed_process import lines_of, python, running
from upload_parts import KIOSK, entries, event, journal, serving
from waiting import DEADLINE_S

from kiosk.errors import Held, JournalMissing, Offline
from kiosk.event import MOST_EVENTS, Event, of_entry, parse
from kiosk.journal import read
from kiosk.journal.database import open_for_writing
from kiosk.journal.sweep import sweep_space
from kiosk.receive import MemoryEvents, Query, create_receiver
from kiosk.receive.sql import sqlite_events
from kiosk.upload import HttpSink, MemorySink, Outgoing, Receipt, upload


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than two batches."""
    return journal(tmp_path_factory.mktemp("kept") / "journal.sqlite", MOST_EVENTS + 30)


@pytest.fixture
def path(kept: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "journal.sqlite"
    copy.write_bytes(kept.read_bytes())
    return copy


def expected(path: Path) -> dict[str, Event]:
    events = [of_entry(KIOSK, entry) for entry in read(path)]
    return {each.event_id: each for each in events}


def test_everything_is_sent_once_and_then_nothing(path: Path) -> None:
    sink = MemorySink()
    with Outgoing.open(path, KIOSK) as outgoing:
        assert upload(outgoing, sink, deadline_s=DEADLINE_S).sent == entries(path)
        assert sink.events == expected(path)
        assert outgoing.batch() == []
    before = path.read_bytes()
    with Outgoing.open(path, KIOSK) as outgoing:
        assert upload(outgoing, sink, deadline_s=DEADLINE_S).sent == 0
    assert path.read_bytes() == before, "a pass with nothing to send writes nothing"


def test_what_comes_later_is_sent_later(path: Path) -> None:
    sink = MemorySink()
    with Outgoing.open(path, KIOSK) as outgoing:
        upload(outgoing, sink, deadline_s=DEADLINE_S)
    journal(path, 3, first=1000)
    with Outgoing.open(path, KIOSK) as outgoing:
        assert upload(outgoing, sink, deadline_s=DEADLINE_S).sent == 6
    assert sink.events == expected(path)


def test_a_journal_that_is_not_there_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(JournalMissing, match="start the kiosk"),
        Outgoing.open(tmp_path / "journal.sqlite", KIOSK),
    ):
        pytest.fail("opened")
    assert not (tmp_path / "journal.sqlite").exists()


class Answering:
    """A sink that answers by a rule."""

    def __init__(self, answer: Callable[[Sequence[Event]], Receipt]) -> None:
        self.answer = answer
        self.seen: list[str] = []

    def send(self, events: Sequence[Event]) -> Receipt:
        self.seen += [each.event_id for each in events]
        return self.answer(events)

    def close(self) -> None:
        """Nothing to close."""


def test_a_batch_is_marked_up_to_its_first_gap(path: Path) -> None:
    fourth: list[str] = []

    def all_but_the_fourth(events: Sequence[Event]) -> Receipt:
        ids = [each.event_id for each in events]
        fourth[:] = fourth or [ids[3]]
        return Receipt(frozenset(ids) - set(fourth))

    with Outgoing.open(path, KIOSK) as outgoing:
        with pytest.raises(Offline):
            upload(outgoing, Answering(all_but_the_fourth), deadline_s=DEADLINE_S)
        assert outgoing.left() == entries(path) - 3
        assert [outgoing.batch()[0][1].event_id] == fourth


def test_an_event_that_is_refused_for_good_does_not_hold_up_the_others(path: Path) -> None:
    def third_refused(events: Sequence[Event]) -> Receipt:
        ids = [each.event_id for each in events]
        return Receipt(frozenset(ids[:2] + ids[3:]), {ids[2]: "too strange"})

    with Outgoing.open(path, KIOSK) as outgoing:
        report = upload(outgoing, Answering(third_refused), deadline_s=DEADLINE_S)
    batches = -(-entries(path) // MOST_EVENTS)
    assert (report.refused, report.left) == (batches, 0)


def test_what_was_lost_for_want_of_space_is_told_once(path: Path) -> None:
    sink = MemorySink()
    with closing(open_for_writing(path)) as connection:
        lost = sweep_space(connection, 0)
        told = dict(connection.execute("SELECT kind, entries FROM dropped"))
    assert sum(told.values()) == lost == 2 * (MOST_EVENTS + 30) - 1
    for first in (2000, 3000):
        journal(path, 1, first=first)
        with Outgoing.open(path, KIOSK) as outgoing:
            upload(outgoing, sink, deadline_s=DEADLINE_S)
    dropped = [each for each in sink.events.values() if each.kind == "dropped"]
    assert [dict(each.body) for each in dropped] == [told]


def test_a_damaged_entry_is_sent_as_that_and_holds_up_nothing(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entries SET body = '{\"similarity\": 0.8' WHERE id = 5")
        connection.execute("UPDATE entries SET body = '[]' WHERE id = 6")
    sink = MemorySink()
    with Outgoing.open(path, KIOSK) as outgoing:
        assert upload(outgoing, sink, deadline_s=DEADLINE_S).sent == entries(path)
    assert sum("damaged" in each.body for each in sink.events.values()) == 2


def receiver(store: MemoryEvents) -> Flask:
    return create_receiver(store, {"right": KIOSK, "shop": "*"}.get)


def test_over_http_everything_arrives(path: Path) -> None:
    store = MemoryEvents()
    with (
        serving(receiver(store)) as address,
        Outgoing.open(path, KIOSK) as outgoing,
        closing(HttpSink(address, token="right")) as sink,
    ):
        assert upload(outgoing, sink, deadline_s=DEADLINE_S).left == 0
    assert {each.event_id: each for each in store.find(Query())} == expected(path)


def test_what_belongs_to_an_event_is_there_before_it(path: Path) -> None:
    store = MemoryEvents()
    with (
        serving(receiver(store)) as address,
        Outgoing.open(path, KIOSK) as outgoing,
        closing(HttpSink(address, token="right")) as sink,
    ):
        first = outgoing.batch()[0][1]

        def parcel(event: Event) -> bytes | None:
            return b"pictures" if event == first else None

        upload(outgoing, sink, deadline_s=DEADLINE_S, parcel_of=parcel)
    assert [each[2] for each in store.parcels()] == [b"pictures"]


def test_an_event_waits_for_what_belongs_to_it(path: Path) -> None:
    with (
        serving(odd(lambda: Response("{}"))) as address,
        Outgoing.open(path, KIOSK) as outgoing,
        pytest.raises((Offline, Held)),
    ):
        upload(
            outgoing,
            HttpSink(address, token="right"),
            deadline_s=DEADLINE_S,
            parcel_of=lambda event: b"pictures",
        )
    with Outgoing.open(path, KIOSK) as outgoing:
        assert outgoing.left() == entries(path)


@pytest.mark.parametrize(("token", "status"), [("", 401), ("wrong", 401), ("other", 403)])
def test_a_wrong_token_is_said_and_nothing_is_marked(path: Path, token: str, status: int) -> None:
    app = create_receiver(MemoryEvents(), {"other": "another-kiosk"}.get)
    with serving(app) as address, Outgoing.open(path, KIOSK) as outgoing:
        with pytest.raises(Held, match=rf"{status}.*token"):
            upload(outgoing, HttpSink(address, token=token), deadline_s=DEADLINE_S)
        assert outgoing.left() == entries(path)


def odd(answer: Callable[[], Response]) -> Flask:
    app = Flask("odd")
    app.post("/v1/events")(lambda: answer())
    return app


ODD: dict[str, Callable[[], Response]] = {
    "a portal's page": lambda: Response("<html>Welcome</html>", mimetype="text/html"),
    "a portal's redirect": lambda: Response(status=302, headers={"Location": "http://x.invalid/"}),
    "another JSON": lambda: Response('{"ok": true}', mimetype="application/json"),
    "a list": lambda: Response('["taken"]', mimetype="application/json"),
    "nothing": lambda: Response(""),
    "too busy": lambda: Response(status=503),
    "a fault": lambda: Response(status=500),
    "nothing taken": lambda: Response('{"taken": [], "refused": {}}'),
    "endless": lambda: Response("[" * 10_000_000),
}


@pytest.mark.parametrize("name", ODD)
def test_an_answer_that_is_no_receipt_is_offline_and_nothing_is_marked(
    path: Path, name: str
) -> None:
    with serving(odd(ODD[name])) as address, Outgoing.open(path, KIOSK) as outgoing:
        with pytest.raises(Offline):
            upload(outgoing, HttpSink(address, token="t"), deadline_s=DEADLINE_S)
        assert outgoing.left() == entries(path)


@contextmanager
def slow_office(answer: bytes, dripped: bytes) -> Iterator[str]:
    """Reads what it is sent a little at a time, answers, and then drips without end."""
    over = threading.Event()

    class Slow(StreamRequestHandler):
        def handle(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            length = 0
            while (line := self.rfile.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            while length > 0 and not over.wait(0.5):
                length -= len(self.rfile.read(min(length, 1024 * 1024)))
            self.wfile.write(answer)
            with suppress(OSError):
                while dripped and not over.wait(0.02):
                    self.wfile.write(dripped)

    with ThreadingTCPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            over.set()
            server.shutdown()
            thread.join(DEADLINE_S)


@pytest.mark.parametrize("head", ["Content-Length: 9999\r\n\r\n", "\r\n", "X-Long: "])
def test_an_office_that_drips_is_left_when_the_time_is_up(head: str) -> None:
    with slow_office(f"HTTP/1.1 200 OK\r\n{head}".encode(), b"a") as address:
        sink = HttpSink(address, timeout_s=DEADLINE_S, whole_s=0.5)
        with closing(sink), pytest.raises(Offline, match="did not answer in time"):
            sink.deliver(KIOSK, b"a parcel")


def test_a_line_that_is_slow_for_a_large_parcel_is_only_slow() -> None:
    parcel = b"x" * (12 * 1024 * 1024)
    receipt = json.dumps({"kept": hashlib.sha256(parcel).hexdigest()})
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(receipt)}\r\n\r\n{receipt}"
    with slow_office(head.encode(), b"") as address:
        sink = HttpSink(address, timeout_s=3.0, whole_s=DEADLINE_S)  # in all it takes longer
        with closing(sink):
            sink.deliver(KIOSK, parcel)


def test_nobody_there_is_offline(path: Path) -> None:
    with Outgoing.open(path, KIOSK) as outgoing:
        for address in ("http://127.0.0.1:9", "no address", "http://[", "ftp://127.0.0.1"):
            with pytest.raises(Offline):
                upload(outgoing, HttpSink(address, timeout_s=1), deadline_s=DEADLINE_S)


def test_a_redirect_is_not_followed_with_the_token(path: Path) -> None:
    seen: list[str] = []
    thief, portal = Flask("thief"), Flask("portal")

    @thief.route("/<path:where>", methods=["GET", "POST"])
    def take(where: str) -> str:
        seen.append(request.headers.get("Authorization", ""))
        return ""

    with serving(thief) as elsewhere:
        portal.post("/v1/events")(lambda: redirect(f"{elsewhere}/v1/events", 307))
        with (
            serving(portal) as address,
            Outgoing.open(path, KIOSK) as outgoing,
            pytest.raises(Offline),
        ):
            upload(outgoing, HttpSink(address, token="secret"), deadline_s=DEADLINE_S)
    assert seen == []


def test_events_are_read_strictly() -> None:
    good = event(1).as_json()
    assert parse(json.loads(json.dumps(good))) == event(1)
    for change in (
        {"event_id": "x"},
        {"kiosk": "../x"},
        {"kiosk": ""},
        {"at": None},
        {"kind": "k" * 65},
        {"sku": 7},
        {"sku": "nul\0"},
        {"sku": "half \ud83e"},
        {"body": []},
        {"more": 1},
    ):
        with pytest.raises(ValueError, match=r"should|holds"):
            parse({**good, **change})
    for body in (None, [], "x", {}):
        with pytest.raises(ValueError, match="holds"):
            parse(body)


UPLOADER = """
    import sys
    from pathlib import Path
    from killed_process import kill_before
    from kiosk.upload import HttpSink, Outgoing, upload
    path, address, steps = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with Outgoing.open(path, {kiosk!r}) as outgoing:
        outgoing._connection.set_trace_callback(kill_before(steps))
        upload(outgoing, HttpSink(address, token="right"), deadline_s=60)
    print("done")
"""


def test_killed_at_any_statement_nothing_is_lost_or_doubled(path: Path, tmp_path: Path) -> None:
    with (
        closing(sqlite_events(tmp_path / "office.sqlite")) as store,
        serving(create_receiver(store, {"right": KIOSK}.get)) as address,
    ):
        for steps in range(1, 40):
            with python(UPLOADER.format(kiosk=KIOSK), path, address, steps) as process:
                output, _ = process.communicate(timeout=DEADLINE_S)
            assert process.returncode in (0, -signal.SIGKILL)
            if output == "done\n":
                break
        else:
            pytest.fail("it never came to its end")
        assert steps > 3
        assert {each.event_id: each for each in store.find(Query())} == expected(path)


RECEIVER = """
    import sys
    from pathlib import Path
    import waitress
    from killed_process import kill_before
    from kiosk.receive import create_receiver
    from kiosk.receive.sql import sqlite_events
    store = sqlite_events(Path(sys.argv[1]))
    store.put([])
    store._connection.set_trace_callback(kill_before(int(sys.argv[2])))
    server = waitress.create_server(
        create_receiver(store, lambda token: "*"), host="127.0.0.1", port=0, ident=None)
    print(server.effective_port, flush=True)
    server.run()
"""


def test_a_receiver_killed_at_any_statement_neither_loses_nor_doubles(
    path: Path, tmp_path: Path
) -> None:
    office = tmp_path / "office.sqlite"
    batch = MOST_EVENTS  # one statement for each event, and those around them
    places = (1, 2, 3, 4, 60, *(batch + more for more in range(8)), 2 * batch, 100 * batch)
    killed = 0
    for steps in places:
        with python(RECEIVER, office, steps) as process:
            address = f"http://127.0.0.1:{int(lines_of(process, 1)[0])}"
            try:
                with Outgoing.open(path, KIOSK) as outgoing:
                    upload(outgoing, HttpSink(address), deadline_s=DEADLINE_S)
            except Offline:
                killed += 1
    with Outgoing.open(path, KIOSK) as outgoing:
        assert outgoing.left() == 0
    assert killed > 4
    with closing(sqlite_events(office)) as store:
        assert {each.event_id: each for each in store.find(Query())} == expected(path)


def test_two_uploads_at_once_send_each_event_at_least_once_and_count_it_once(path: Path) -> None:
    store = MemoryEvents()
    with serving(receiver(store)) as address:
        both = [python(UPLOADER.format(kiosk=KIOSK), path, address, 100_000) for _ in range(2)]
        with both[0] as one, both[1] as other:
            said = [each.communicate(timeout=DEADLINE_S)[0] for each in (one, other)]
        assert said == ["done\n"] * 2
    assert {each.event_id: each for each in store.find(Query())} == expected(path)


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kiosk", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_command_says_what_it_did_and_what_is_missing(path: Path, tmp_path: Path) -> None:
    state = ("--state", str(tmp_path))
    nowhere = command("upload", *state)
    assert nowhere.returncode == os.EX_CONFIG
    assert "set upload.url or upload.mqtt" in nowhere.stderr
    token = command("receive", "token", "*", "--tokens", str(tmp_path / "tokens.txt"))
    (tmp_path / "token").write_text(token.stdout)
    lines = (tmp_path / "tokens.txt").read_text()
    assert token.stdout.strip() not in lines
    serve = [sys.executable, "-m", "kiosk", "receive", "serve", "--port", "0"]
    serve += ["--database", str(tmp_path / "office.sqlite")]
    serve += ["--tokens", str(tmp_path / "tokens.txt")]
    with running(*serve, stdout=subprocess.PIPE) as server:
        address = lines_of(server, 1)[0].split()[3]
        port = address.rpartition(":")[2]
        files = (f"--database={tmp_path}/second.sqlite", f"--tokens={tmp_path}/tokens.txt")
        taken = command("receive", "serve", "--port", port, *files)
        assert taken.returncode == os.EX_TEMPFAIL
        assert f"port {port} on 127.0.0.1 is in use" in taken.stderr
        options = ("--set", f"upload.url={address}", "--set", f"upload.token_file={tmp_path}/token")
        first, second = (command("upload", *state, *options) for _ in range(2))
        server.send_signal(signal.SIGTERM)
        assert server.wait(DEADLINE_S) == 0
    assert first.stdout == f"{entries(path)} entries sent\n", first.stderr
    assert second.stdout == "0 entries sent\n"
    offline = command("upload", *state, *options)
    assert offline.returncode == 0, "with nothing to send nobody is asked"
    journal(path, 1, first=5000)
    offline = command("upload", *state, *options)
    assert offline.returncode == os.EX_TEMPFAIL
    assert "nobody answers" in offline.stderr
    found = ("receive", "query", "--database", str(tmp_path / "office.sqlite"))
    counts = command(*found, "--counts").stdout
    assert str(MOST_EVENTS + 30) in counts
    assert "confirmation" in counts
    taps = command(*found, "--kind", "confirmation", "--sku", "A1", "--json").stdout.splitlines()
    assert len(taps) == MOST_EVENTS + 30
    assert json.loads(taps[0])["sku"] == "A1"
    assert command(*found, "--since", "2031-01-01").stdout == ""
