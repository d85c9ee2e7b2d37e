# SPDX-License-Identifier: Apache-2.0
"""`kiosk journal`: table, JSON, CSV, times, pipes and missing files."""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from killed_process import lines_of, running
from test_journal import decision
from waiting import DEADLINE_S

from kiosk.cli import journal as verb
from kiosk.cli import main
from kiosk.errors import StateError, UsageError
from kiosk.journal import Journal
from kiosk.values import Match, Outcome, Rule


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    journal = Journal(folder / "journal.sqlite", commit_s=0.01, keep_days=30)
    journal.start()
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    journal.decision(decision(1, at=hour_ago))
    journal.decision(
        decision(
            2,
            outcome=Outcome.ACCEPTED,
            rule=Rule.ACCEPTED,
            matches=(Match('\x1b[2JSKU,"7"', 0.9, 1),),
        )
    )
    journal.confirmation("d1", "B2")
    assert journal.flush(DEADLINE_S)
    journal.close(DEADLINE_S)
    return folder


def call(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    verb.register(parser.add_subparsers())
    args = parser.parse_args(["journal", *arguments])
    result = args.run(args)
    assert isinstance(result, int)
    return result


def test_the_table_is_readable_and_harmless_to_a_terminal(state: Path, capsys) -> None:
    assert call("--state", str(state)) == os.EX_OK
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0].split()[:4] == ["at", "kind", "outcome", "sku"]
    assert "two SKUs too close" in lines[1]
    assert "0.812" in lines[1]
    assert "(A1)" in lines[1], "no answer, so the nearest is in brackets"
    assert "confirmation" in lines[3]
    assert "B2" in lines[3]
    assert lines[4] == "3 entries"
    assert "\x1b" not in "".join(lines)


def test_json_is_one_whole_object_per_line(state: Path, capsys) -> None:
    call("--state", str(state), "--json")
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["kind"] for entry in entries] == ["decision", "decision", "confirmation"]
    assert entries[0]["evidence"]["hashes"]["release"] == "2026-11-20-1"


def test_csv_has_a_header_and_quotes_what_needs_it(state: Path, capsys) -> None:
    call("--state", str(state), "--csv")
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert rows[1]["sku"].endswith('SKU,"7"')
    assert rows[0]["release"] == "2026-11-20-1"
    assert rows[2]["similarity"] == ""


def test_since_takes_ages(state: Path, capsys) -> None:
    call("--state", str(state), "--json", "--since", "30m")
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_since_takes_dates_times_and_zones() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert verb.parse_since("2h", now) == now - timedelta(hours=2)
    assert verb.parse_since("3d", now) == now - timedelta(days=3)
    assert verb.parse_since("2026-11-20T10:00Z", now) == datetime(2026, 11, 20, 10, tzinfo=UTC)
    local = datetime(2026, 11, 20).astimezone()
    assert verb.parse_since("2026-11-20", now) == local


@pytest.mark.parametrize("text", ["yesterday", "2x", "-3d", "", "2026-13-01", "999999w"])
def test_a_wrong_since_says_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="write a date"):
        verb.parse_since(text, datetime.now(UTC))


def test_a_missing_journal_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="there is no journal at .*journal.sqlite"):
        call("--state", str(tmp_path))


def test_head_ends_it_quietly(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", commit_s=0.01, keep_days=30)
    journal.start()
    for number in range(2000):
        journal.decision(decision(number))
    journal.close(DEADLINE_S)
    command = [sys.executable, "-m", "kiosk", "journal", "--json", "--state", str(tmp_path)]
    with running(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        lines_of(process, 1)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(DEADLINE_S) == os.EX_OK


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_a_journal_that_cannot_be_read_gives_its_reason_and_no_heading(
    form: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "--state", str(tmp_path), *form]) == os.EX_NOINPUT
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all" * 400)
    assert main(["journal", "--state", str(tmp_path), *form]) == os.EX_CANTCREAT
    out, err = capsys.readouterr()
    assert "there is no journal" in err
    assert "is damaged" in err
    assert out == ""
