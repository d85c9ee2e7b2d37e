# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog`: its lines, its exit codes, and what people read when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from killed_process import LIFE_S
from segments import only
from tiny_models import write_picture

from kiosk.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = main(["catalog", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    for item in range(3):
        write_picture(root / f"SKU-{item}" / "1.png", item)
    (root / "skus.csv").write_text(
        "sku,name,category,barcode,colour\nSKU-0,Zero,Round,1 2,red\nSKU-1,One,Flat,,\n"
    )
    return root


def test_build_prints_one_line_per_picture_and_a_summary(
    run: Run, models: Path, source: Path, tmp_path: Path
) -> None:
    code, out, err = run("build", source, "--out", tmp_path / "out", "--models", models)
    lines = out.splitlines()
    assert code == os.EX_OK and err == ""
    assert lines[:3] == [f"ok\tSKU-{item}/1.png\tSKU-{item}" for item in range(3)]
    assert lines[3].startswith("release ") and "3 SKUs, 3 pictures, 30 references;" in lines[3]
    assert 4 < len(lines) <= 12
    assert "asked for at most 0.1 %" in lines[4]
    assert "3 SKUs: too few to measure anything" in out and "there is no strangers.toml" in out


def test_failed_pictures_are_lines_of_their_own_and_the_exit_code_says_so(
    run: Run, models: Path, source: Path, tmp_path: Path
) -> None:
    (source / "SKU-1" / "2.jpg").touch()
    (source / "SKU-2" / "1.png").write_bytes(b"")
    (source / "EMPTY").mkdir()
    code, out, err = run("build", source, "--out", tmp_path / "out", "--models", models)
    failed = [line.split("\t") for line in out.splitlines() if line.startswith("FAILED")]
    assert code == os.EX_DATAERR
    assert [cells[:3] for cells in failed] == [
        ["FAILED Empty", "SKU-1/2.jpg", "SKU-1"],
        ["FAILED Empty", "SKU-2/1.png", "SKU-2"],
        ["FAILED NoPictures", "EMPTY", "EMPTY"],
    ]
    assert all(len(cells) == 4 for cells in failed)
    assert "3 FAILED" in next(line for line in out.splitlines() if line.startswith("release "))
    assert "SKU-2: has no usable picture, not enrolled" in err


def test_replace_flip_and_no_augment_do_what_they_say(
    run: Run, models: Path, source: Path, tmp_path: Path
) -> None:
    build = ("build", source, "--out", tmp_path / "out", "--models", models)
    assert run(*build, "--no-augment")[0] == os.EX_OK
    code, out, err = run(*build)
    assert (code, out) == (os.EX_DATAERR, "") and "--replace" in err
    code, out, _ = run(*build, "--replace", "--flip", "--threads", "1")
    assert code == os.EX_OK and "39 references" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["build", "none", "--out", "out"], os.EX_DATAERR, "none: does not exist"),
        (["build", "source", "--out", "source/out"], os.EX_DATAERR, "lies inside"),
        (["build", "source", "--out", "/proc/x/out"], os.EX_CANTCREAT, "cannot be written"),
        (["build", "source", "--out", "out", "--threads", "99"], os.EX_CONFIG, "models.threads"),
        (["show", "none"], os.EX_DATAERR, "kiosk catalog build"),
        (["verify", "none"], os.EX_DATAERR, "kiosk catalog build"),
    ],
)
def test_mistakes_are_one_message_and_an_exit_code(
    run: Run,
    models: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(source.parent)
    more = ["--models", str(models)] if arguments[0] == "build" else []
    found, out, err = run(*arguments, *more)
    assert found == code and out == ""
    assert err.startswith("kiosk: ") and message in err


def test_models_that_are_missing_are_named(run: Run, source: Path, tmp_path: Path) -> None:
    code, _, err = run("build", source, "--out", tmp_path / "out", "--models", tmp_path / "none")
    assert code == os.EX_DATAERR and "detector.toml" in err


def test_show_says_what_is_in_a_release(
    run: Run, models: Path, source: Path, tmp_path: Path
) -> None:
    run("build", source, "--out", tmp_path / "out", "--models", models)
    code, out, _ = run("show", tmp_path / "out")
    assert code == os.EX_OK
    for expected in ("3 SKUs, 3 pictures, 30 references", "Flat (1)", "tiny-embedder", "accept"):
        assert expected in out
    code, out, _ = run("show", tmp_path / "out", "--json")
    body = json.loads(out)
    assert (body["skus"], body["thresholds"]["samples"]) == (3, 18)
    assert body["records"][0] == {
        "sku": "SKU-0",
        "name": "Zero",
        "category": "Round",
        "barcodes": ["1", "2"],
        "attributes": {"colour": "red"},
    }


def test_verify_says_ok_or_names_the_first_fault(
    run: Run, models: Path, source: Path, tmp_path: Path
) -> None:
    release = tmp_path / "out"
    run("build", source, "--out", release, "--models", models)
    code, out, _ = run("verify", release)
    assert code == os.EX_OK and out.startswith("ok: release ")
    data = bytearray(only(release, "vectors.npy").read_bytes())
    data[-1] ^= 4
    only(release, "vectors.npy").write_bytes(data)
    code, out, err = run("verify", release)
    assert (code, out) == (os.EX_DATAERR, "") and "vectors.npy: is damaged" in err
    only(release, "records.sqlite").unlink()
    code, _, err = run("show", release)
    assert code == os.EX_DATAERR and "records.sqlite" in err


def test_names_in_the_output_cannot_steer_the_terminal(
    run: Run, models: Path, source: Path, tmp_path: Path
) -> None:
    write_picture(source / "SKU-\u202e9" / "1.png", 5)
    _, out, _ = run("build", source, "--out", tmp_path / "out", "--models", models)
    assert "\u202e" not in out


def test_the_command_works_as_a_process_of_its_own(
    models: Path, source: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "kiosk", "catalog", "build", str(source)]
    command += ["--out", str(tmp_path / "out"), "--models", str(models)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIFE_S, check=False)
    assert (done.returncode, done.stderr) == (os.EX_OK, "")
    assert done.stdout.count("ok\t") == 3


def test_help_names_the_forms_and_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["catalog", "build", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert caught.value.code == 0
    assert "sub-folder of pictures per SKU" in text and "exit code 65" in text
