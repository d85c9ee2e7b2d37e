# SPDX-License-Identifier: Apache-2.0
"""`kiosk orders`: list, show, export, and a result that somebody altered."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from order_parts import Notebook, Shelf, decision, order, records

from kiosk.cli import main
from kiosk.orders.database import ORDERS_FILE
from kiosk.orders.desk import OrderDesk
from kiosk.values import Outcome


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """One signed order PO-1 with differences, one open order PO-2."""
    desk = OrderDesk(
        tmp_path / ORDERS_FILE, articles=Shelf(), notes=Notebook(), post=lambda state: None
    )
    desk.start()
    first = desk.create("PO-1 é", order(("A", 2), ("B", 1)).lines)
    desk.open(first.order_id)
    for visit, sku in (("1", "A"), ("2", "C")):
        made = decision(visit, Outcome.ACCEPTED, sku)
        desk.decision(made, records(made))
    desk.close_order(first.order_id, "Ada")
    desk.create("PO-2", order(("A", 1)).lines)
    desk.close()
    return tmp_path


def test_orders_are_listed_newest_first(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["orders", "list", "--state", str(state)]) == os.EX_OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["waiting", "closed"]
    assert main(["orders", "list", "--json", "--state", str(state)]) == os.EX_OK
    bodies = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [body["outcome"] for body in bodies] == ["", "with differences"]


def test_an_order_is_shown_by_number_or_the_beginning_of_its_id(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["orders", "show", "PO-1 é", "--state", str(state)]) == os.EX_OK
    said = capsys.readouterr().out
    assert "1 of 2" in said and "1 not on the list  C" in said
    assert "with differences, signed by Ada" in said and "unchanged" in said
    order_id = said.split("(")[1].split(")")[0]
    assert main(["orders", "show", order_id[:10], "--state", str(state)]) == os.EX_OK
    assert capsys.readouterr().out == said


def test_an_export_is_what_was_signed(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["orders", "export", "PO-1 é", "--state", str(state)]) == os.EX_OK
    text = capsys.readouterr().out
    with closing(sqlite3.connect(state / ORDERS_FILE)) as connection:
        (known,) = connection.execute("SELECT sha256 FROM results").fetchone()
    assert hashlib.sha256(text.encode()).hexdigest() == known
    assert main(["orders", "export", "--csv", "PO-1 é", "--state", str(state)]) == os.EX_OK
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["sku"], row["counted"], row["missing"]) for row in rows] == [
        ("A", "1", "1"),
        ("B", "0", "1"),
    ]
    assert main(["orders", "export", "PO-2", "--state", str(state)]) == os.EX_OK
    assert json.loads(capsys.readouterr().out)["stage"] == "waiting"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_an_export_is_what_was_signed_on_any_terminal(state: Path, encoding: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "kiosk", "orders", "export", "PO-1 é", "--state", state],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"},
        capture_output=True,
        check=True,
    )
    with closing(sqlite3.connect(state / ORDERS_FILE)) as connection:
        (known,) = connection.execute("SELECT sha256 FROM results").fetchone()
    assert hashlib.sha256(result.stdout).hexdigest() == known


def test_a_result_altered_in_the_file_is_found_out(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(state / ORDERS_FILE, isolation_level=None)) as connection:
        connection.execute("UPDATE results SET canonical = replace(canonical, 'Ada', 'Eve')")
    assert main(["orders", "show", "PO-1 é", "--state", str(state)]) == os.EX_DATAERR
    assert "ALTERED" in capsys.readouterr().out
    assert main(["orders", "export", "PO-1 é", "--state", str(state)]) == os.EX_DATAERR
    assert "altered" in capsys.readouterr().err


def test_what_is_not_there_is_said_with_its_exit_code(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["orders", "show", "nope", "--state", str(state)]) == os.EX_DATAERR
    assert main(["orders", "show", "", "--state", str(state)]) == os.EX_DATAERR
    assert main(["orders", "list", "--state", str(tmp_path / "no")]) == os.EX_CANTCREAT
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / ORDERS_FILE).write_bytes(b"garbage" * 1000)
    assert main(["orders", "list", "--state", str(tmp_path / "bad")]) == os.EX_CANTCREAT
    assert "cannot be read" in capsys.readouterr().err
