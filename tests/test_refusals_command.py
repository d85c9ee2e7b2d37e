# SPDX-License-Identifier: Apache-2.0
"""`kiosk refusals list` and `undo`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from refused_views import desk_on, vector, wrong

from kiosk.cli import main
from kiosk.refusals import REFUSALS_FILE, RefusalStore


@pytest.fixture
def ids(tmp_path: Path) -> list[str]:
    """Three refusals of A1, A1 and B2, the newest last."""
    desk, _ = desk_on(RefusalStore(tmp_path / REFUSALS_FILE))
    made = [desk.refuse(wrong(n, vector(n), sku)) for n, sku in enumerate(("A1", "A1", "B2"))]
    desk.close()
    return [refusal.refusal_id for refusal in made]


def test_refusals_are_listed_the_newest_first(
    tmp_path: Path, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["refusals", "list", "--state", str(tmp_path)]) == os.EX_OK
    lines = capsys.readouterr().out.splitlines()
    assert [line[:8] for line in lines[1:-1]] == [id_[:8] for id_ in reversed(ids)]
    assert "B2" in lines[1] and "0.800" in lines[1] and lines[1].endswith("holds")
    assert lines[-1] == "3 refusals"


def test_an_undone_refusal_is_listed_only_when_asked(
    tmp_path: Path, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["refusals", "undo", ids[1][:12], "--state", str(tmp_path)]) == os.EX_OK
    assert capsys.readouterr().out.startswith("A1 is no longer refused")
    main(["refusals", "list", "--json", "--state", str(tmp_path)])
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["refusal_id"] for entry in entries] == [ids[0], ids[2]]
    main(["refusals", "list", "--all", "--state", str(tmp_path)])
    assert "undone" in capsys.readouterr().out


def test_an_id_that_means_none_or_several_undoes_nothing(
    tmp_path: Path, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong_id in ("", "nothing"):
        assert main(["refusals", "undo", wrong_id, "--state", str(tmp_path)]) == os.EX_USAGE
        assert "no such refusal" in capsys.readouterr().err
    main(["refusals", "undo", ids[0], "--state", str(tmp_path)])
    assert main(["refusals", "undo", ids[0], "--state", str(tmp_path)]) == os.EX_USAGE
    assert "undone already" in capsys.readouterr().err


def test_nothing_refused_yet_is_no_error_and_makes_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["refusals", "list", "--state", str(tmp_path)]) == os.EX_OK
    assert capsys.readouterr().out.endswith("0 refusals\n")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_and_a_damaged_file_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "nowhere")
    assert main(["refusals", "list", "--state", missing]) == os.EX_CANTCREAT
    assert "name the kiosk's state directory" in capsys.readouterr().err
    (tmp_path / REFUSALS_FILE).write_bytes(b"no database" * 999)
    assert main(["refusals", "list", "--state", str(tmp_path)]) == os.EX_CANTCREAT
    assert "is damaged" in capsys.readouterr().err


def test_a_running_kiosk_hears_what_the_command_undid(tmp_path: Path, ids: list[str]) -> None:
    desk, _ = desk_on(RefusalStore(tmp_path / REFUSALS_FILE))
    assert main(["refusals", "undo", ids[2], "--state", str(tmp_path)]) == os.EX_OK
    assert desk.beat()
    assert [refusal.refusal_id for refusal in desk.listed()] == [ids[1], ids[0]]
    desk.close()
