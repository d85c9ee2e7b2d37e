# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog import` and `dump`, as people type them."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

import pytest
from import_parts import add, contents, draw, meta

from kiosk.cli import main
from kiosk.workshop.line_report import LineReport
from kiosk.workshop.report_file import ReportFile


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["catalog", "init", str(tmp_path / "w")]) == os.EX_OK
    capsys.readouterr()
    return tmp_path / "w"


def test_failures_are_shown_with_what_to_do_and_the_rest_is_imported(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "in/a.png")
    rows = [add("A", "a.png", Colour=1), add("A", "gone\x1b[2J.png"), "oops"]
    meta(tmp_path / "in", *rows)
    report = tmp_path / "report.jsonl"
    command = ["catalog", "import", str(shop), str(tmp_path / "in"), "--report", str(report)]
    assert main(command) == os.EX_DATAERR
    note, unreadable, bad, summed = capsys.readouterr().out.splitlines()
    assert note.startswith("note UnknownField\tincrement.meta line 1\tA\t'Colour' is no known")
    assert unreadable.startswith("FAILED Unreadable\tincrement.meta line 2\tA\tgone\ufffd[2J.png")
    assert unreadable.endswith("check the path, with its extension, and the permissions")
    assert bad.startswith("FAILED BadJson\tincrement.meta line 3\t\t")
    assert summed == "3 lines: 1 added; 2 failed"
    told = [json.loads(line) for line in report.read_text().splitlines()]
    assert [(row["n"], row["result"], row.get("code")) for row in told] == [
        (1, "added", None),
        (2, "failed", "Unreadable"),
        (3, "failed", "BadJson"),
    ]
    assert told[0]["remarks"][0]["code"] == "UnknownField" and told[2]["hint"]
    assert len(contents(shop)[1]) == 1


def test_what_goes_to_a_terminal_has_an_end(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    meta(tmp_path / "in", *(["oops"] * 500))
    assert main(["catalog", "import", str(shop), str(tmp_path / "in")]) == os.EX_DATAERR
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 52
    assert lines[-2:] == [
        "and 450 more lines that failed; --report FILE has them all",
        "500 lines: 500 failed",
    ]


def test_strict_and_dry_run_change_nothing(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "in/a.png")
    meta(tmp_path / "in", add("A", "a.png"), "oops")
    command = ["catalog", "import", str(shop), str(tmp_path / "in")]
    assert main([*command, "--strict"]) == os.EX_DATAERR
    assert capsys.readouterr().out.splitlines()[-1] == ("2 lines: 1 failed; nothing was imported")
    meta(tmp_path / "in", add("A", "a.png"))
    assert main([*command, "--dry-run"]) == os.EX_OK
    assert "nothing was imported, as was asked" in capsys.readouterr().out
    assert contents(shop)[:2] == ((), ())
    assert main([*command, "--strict"]) == os.EX_OK
    assert len(contents(shop)[1]) == 1


def test_buckets_and_categories_are_named_by_options(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "pictures/x/a.png")
    (tmp_path / "in").mkdir()
    row = "gs://b/x/a.png,front,s,A,toys-v2,,,\ngs://b/x/a.png,back,s,B,hats,,,\n"
    (tmp_path / "in/list.csv").write_text(row)
    (tmp_path / "known.csv").write_text("number,name\n,toys-v2\n")
    command = ["catalog", "import", str(shop), str(tmp_path / "in")]
    assert main(command) == os.EX_DATAERR
    assert "say where its pictures lie with --map gs://BUCKET=DIR" in capsys.readouterr().out
    command += ["--map", f"gs://b={tmp_path / 'pictures'}"]
    assert main([*command, "--categories", str(tmp_path / "known.csv")]) == os.EX_DATAERR
    assert "FAILED UnknownCategory\tlist.csv line 2\tB" in capsys.readouterr().out
    skus, pictures, categories = contents(shop)
    assert [picture.name for picture in pictures] == ["front"]
    assert categories == {"toys-v2": None}
    assert main([*command, "--map", "gs://other=nowhere"]) == os.EX_USAGE


def test_an_import_that_is_none_says_its_code_and_what_to_do(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    command = ["catalog", "import", str(shop), str(tmp_path / "in")]
    assert main([*command, "--format", "increment"]) == os.EX_DATAERR
    said = capsys.readouterr().err
    assert "MissingManifest: put the file increment.meta beside the pictures" in said
    assert main(command) == os.EX_DATAERR
    assert "NothingToImport" in capsys.readouterr().err
    assert main(["catalog", "import", str(shop), str(shop)]) == os.EX_USAGE
    assert "is a workshop itself" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["increment", "csv", "product-search", "folder"])
def test_dump_and_import_without_naming_the_form(
    shop: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("A/1.png", "A/2.png", "B/1.png")):
        draw(tmp_path / "in" / name, number)
    assert main(["catalog", "import", str(shop), str(tmp_path / "in")]) == os.EX_OK
    out, again = str(tmp_path / "out"), str(tmp_path / "again")
    assert main(["catalog", "dump", str(shop), out, "--format", form]) == os.EX_OK
    assert f"{out}: 2 SKUs, 3 pictures" in capsys.readouterr().out
    assert main(["catalog", "init", again]) == os.EX_OK
    assert main(["catalog", "import", again, out]) == os.EX_OK
    assert contents(Path(again)) == contents(shop)


def test_a_report_goes_on_with_its_import_and_never_keeps_lines_of_another(
    shop: Path, tmp_path: Path
) -> None:
    for number in range(3):
        draw(tmp_path / f"in/A/{number}.png", number)
    report = tmp_path / "report.jsonl"
    old = [{"n": n, "source": "other.csv", "line": n, "reason": "x" * 50} for n in range(1, 30)]
    report.write_text("".join(json.dumps(row) + "\n" for row in old))
    command = ["catalog", "import", str(shop), str(tmp_path / "in"), "--report", str(report)]
    assert main(command) == os.EX_OK
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert [row["source"] for row in rows] == ["A/0.png", "A/1.png", "A/2.png"]
    assert main([*command[:-1], str(tmp_path)]) != os.EX_OK  # a folder is no report


def test_a_report_that_was_cut_short_is_whole_again(tmp_path: Path) -> None:
    """Killed while it was written, and one batch behind what was done."""
    path = tmp_path / "report.jsonl"
    rows = [LineReport(n, "a", n, "S", ("p",), ("added",), earlier=n < 5) for n in range(1, 7)]
    first = "".join(json.dumps(row.as_json()) + "\n" for row in rows[:2])
    path.write_text(first + '{"n": 3, "sour')
    with closing(ReportFile(path)) as report:
        for row in rows:
            report.take(row)
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == list(range(1, 7))
    assert path.read_text().startswith(first)
