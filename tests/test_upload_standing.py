# SPDX-License-Identifier: Apache-2.0
"""How far the journal is at head office: on the page, in `/healthz` and in the commands."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_journal_migration import older
from upload_parts import KIOSK, entries, journal, serving
from waiting import DEADLINE_S

from kiosk.board import Board, State
from kiosk.cli.main import main
from kiosk.config import Config
from kiosk.config.sections import UploadConfig
from kiosk.errors import Held, Offline
from kiosk.journal import JOURNAL_FILE, read
from kiosk.journal.database import open_for_writing
from kiosk.journal.outbox import Outbox, count
from kiosk.journal.sweep import sweep_space
from kiosk.receive import MemoryEvents, create_receiver
from kiosk.service.sending import SendingWatch
from kiosk.upload import HttpSink, MemorySink, Outgoing, upload
from kiosk.values.sending import Sending, SendingState
from kiosk.web import NoGallery, create_app
from kiosk.web.sending import sending_said
from kiosk.web.technician import status_view

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return journal(tmp_path / JOURNAL_FILE, 5)


def on_disk(path: Path) -> list[bytes]:
    beside = [path, path.with_name(f"{path.name}-wal")]
    return [each.read_bytes() if each.exists() else b"" for each in beside]


def passed(path: Path, address: str, token: str = "right") -> None:
    """One pass as the command has it."""
    with (
        Outgoing.open(path, KIOSK) as outgoing,
        closing(HttpSink(address, token=token, timeout_s=DEADLINE_S)) as sink,
    ):
        try:
            upload(outgoing, sink, deadline_s=DEADLINE_S)
        except (Offline, Held) as error:
            held = isinstance(error, Held)
            outgoing.stopped(held=held, code=error.code, message=str(error))


def test_what_waits_is_counted_until_it_was_confirmed(path: Path) -> None:
    outbox = Outbox(path)
    before = outbox.look()
    assert (before.waiting, before.confirmed, before.lost) == (10, "", 0)
    assert before.oldest == next(read(path))["at"]
    with Outgoing.open(path, KIOSK) as outgoing:
        upload(outgoing, MemorySink(), deadline_s=DEADLINE_S)
    after = outbox.look()
    assert (after.waiting, after.oldest) == (0, "")
    assert after.confirmed > before.oldest
    journal(path, 2, first=100)
    assert outbox.look().waiting == Outbox(path).look().waiting == 4
    assert outbox.look().confirmed == after.confirmed


def test_a_look_from_time_to_time_counts_what_one_look_counts(path: Path) -> None:
    outbox, sink = Outbox(path), MemorySink()
    for first in range(1000, 1400, 100):
        outbox.look()
        journal(path, 3, first=first)
        assert outbox.look() == Outbox(path).look()
        if first == 1100:
            with Outgoing.open(path, KIOSK) as outgoing:
                outgoing.mark(outgoing.batch()[7][0])
        if first == 1200:
            with closing(open_for_writing(path)) as connection:
                assert sweep_space(connection, 0) > 0
    assert outbox.look() == Outbox(path).look()
    assert outbox.look().lost > 0
    with Outgoing.open(path, KIOSK) as outgoing:
        assert outgoing.left() == outbox.look().waiting
        upload(outgoing, sink, deadline_s=DEADLINE_S)
    assert outbox.look().waiting == 0


def test_many_are_counted_as_few_are(path: Path) -> None:
    journal(path, 40, first=500)
    with closing(open_for_writing(path)) as connection:
        connection.execute("DELETE FROM entries WHERE id BETWEEN 20 AND 30")
        assert count(connection, 10, 50) == 29
        assert count(connection, 10, 1_000_000) == entries(path) - 10


def test_what_stopped_a_pass_is_kept_through_restarts_until_a_batch_is_confirmed(
    path: Path,
) -> None:
    passed(path, NOBODY)
    offline = Outbox(path).look()
    assert (offline.state(NOW), offline.code) == (SendingState.OFFLINE, "unreachable")
    assert offline.message == f"nobody answers at {NOBODY} (Connection refused): it is tried again"
    with serving(create_receiver(MemoryEvents(), {"right": KIOSK}.get)) as address:
        passed(path, address, token="wrong")
        turned_away = Outbox(path).look()
        assert turned_away.state(NOW) is SendingState.HELD
        assert "ask head office" in turned_away.message
        assert turned_away.since > offline.since
        passed(path, address)
    done = Outbox(path).look()
    assert (done.state(NOW), done.code, done.message, done.since) == (
        SendingState.DONE,
        *("", "", ""),
    )


def test_a_pass_that_finds_the_same_again_writes_nothing(path: Path) -> None:
    passed(path, NOBODY)
    before = on_disk(path)
    for _ in range(3):
        passed(path, NOBODY)
        Outbox(path).look()
    assert on_disk(path) == before
    with Outgoing.open(path, KIOSK) as outgoing:
        upload(outgoing, MemorySink(), deadline_s=DEADLINE_S)
    before = on_disk(path)
    for _ in range(3):
        with Outgoing.open(path, KIOSK) as outgoing:
            upload(outgoing, MemorySink(), deadline_s=DEADLINE_S)
    assert on_disk(path) == before


def test_an_older_journal_waits_whole_and_a_missing_one_not_at_all(tmp_path: Path) -> None:
    assert Outbox(tmp_path / "none.sqlite").look() == Sending()
    kept = older(tmp_path / JOURNAL_FILE, 7)
    before = on_disk(kept)
    assert Outbox(kept).look().waiting == 7
    assert on_disk(kept) == before


def test_a_journal_that_was_begun_anew_is_counted_anew(path: Path) -> None:
    outbox = Outbox(path)
    assert outbox.look().waiting == 10
    path.unlink()
    assert outbox.look().waiting == 0
    journal(path, 1)
    assert outbox.look().waiting == 2


def waits(**changes: object) -> Sending:
    told: dict[str, object] = {"waiting": 3, "oldest": (NOW - timedelta(hours=2)).isoformat()}
    return Sending(**{**told, **changes})  # type: ignore[arg-type]


STANDS = {
    "done": (Sending(confirmed="2026-11-22T11:00:00Z"), "Head office has everything."),
    "waiting": (waits(), "What is new goes with the next pass."),
    "silent": (waits(oldest="2026-11-20T12:00:00Z"), "kiosk-upload.timer"),
    "offline": (waits(code="unreachable", message="nobody answers"), "Nobody answers."),
    "held": (waits(code="http_401", held=True, message="ask for a token"), "Ask for a token."),
}


@pytest.mark.parametrize("name", STANDS)
def test_each_state_has_its_words(name: str) -> None:
    sending, text = STANDS[name]
    assert sending.state(NOW).value == name
    page = status_view(State(sending=sending), NOW, [])
    (group,) = (each for each in page["groups"] if each["title"] == "Sent to head office")
    assert text in group["message"]
    assert group["ok"] is (name in ("done", "waiting", "offline")), "offline is nothing wrong"
    assert dict(group["rows"])["Entries that wait"] == str(sending.waiting)


def test_what_was_forgotten_unsent_is_said() -> None:
    assert "7 entries were forgotten here" in sending_said(Sending(lost=7), NOW)


def test_a_kiosk_that_sends_nothing_says_so_once_and_nothing_else(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = status_view(State(), NOW, [])
    (group,) = (each for each in page["groups"] if each["title"] == "Sent to head office")
    assert (group["ok"], group["message"], group["rows"]) == (None, "Not set up.", [])
    board = Board()
    SendingWatch(UploadConfig(), path, board).beat()
    assert board.state().sending is None
    assert main(["upload", "show", "--state", str(path.parent)]) == os.EX_OK
    assert capsys.readouterr().out == "state      Not set up.\n"


def test_health_tells_programs_and_is_no_reason_to_restart_the_kiosk(path: Path) -> None:
    board = Board()
    app = create_app(
        board=board, gallery=NoGallery(), confirm=lambda *said: False, streams=1, version="1"
    )
    client = app.test_client()
    assert client.get("/healthz").get_json()["upload"] == {"state": "not_set_up"}
    reasons = client.get("/healthz").get_json()["reasons"]
    SendingWatch(Config().upload, path, board).beat()
    watch = SendingWatch(UploadConfig(url=NOBODY), path, board)
    watch.beat()
    passed(path, NOBODY)
    watch.beat()
    said = client.get("/healthz").get_json()
    told = {name: said["upload"][name] for name in ("state", "ok", "waiting", "code", "lost")}
    assert told == {"state": "offline", "ok": True, "waiting": 10, "code": "unreachable", "lost": 0}
    assert said["reasons"] == reasons


def test_the_command_says_what_waits_and_what_is_in_the_way(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ("--state", str(path.parent), "--set", f"upload.url={NOBODY}")
    assert main(["upload", *state]) == os.EX_TEMPFAIL
    assert "nobody answers at" in capsys.readouterr().err
    assert main(["upload", "show", *state]) == os.EX_OK
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["state"].startswith("The last pass came to nothing: Nobody answers at")
    assert rows["waiting"] == "10 entries"
    assert (rows["confirmed"], rows["trouble"].split()[0]) == ("never", "unreachable")
    missing = ("--set", "upload.token_file=/nowhere/token")
    assert main(["upload", *state, *missing]) == os.EX_CONFIG
    assert main(["upload", "show", *state]) == os.EX_OK
    held = capsys.readouterr().out
    assert "turned away" in held
    assert "/nowhere/token: cannot be read (No such file or directory)" in held


def test_the_check_fails_when_a_person_has_to_do_something(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*more: str) -> str:
        options = ("camera.source=files", "camera.device=/nowhere", "web.port=0", *more)
        sets = [word for option in options for word in ("--set", option)]
        assert main(["check", "--set", f"state.directory={path.parent}", *sets]) != os.EX_OK
        lines = capsys.readouterr().out.splitlines()
        return next(line for line in lines if line[5:].startswith("upload"))

    assert said().split(maxsplit=2) == ["ok", "upload", "Not set up."]
    passed(path, NOBODY)
    offline = said(f"upload.url={NOBODY}")
    assert offline.startswith("ok ")
    assert "entries that wait: 10" in offline
    with serving(create_receiver(MemoryEvents(), {}.get)) as address:
        passed(path, address)
    assert said(f"upload.url={address}").startswith("BAD  upload")
