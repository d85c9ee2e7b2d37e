# SPDX-License-Identifier: Apache-2.0
"""The commands as a stranger types them: what they print and what they exit with."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from PIL import Image
from segments import only

from kiosk import cli
from kiosk.bench import STAGES
from kiosk.catalog.build import BuildOptions, build
from kiosk.cli.progress import Progress
from kiosk.journal import JOURNAL_FILE
from kiosk.journal import database as journal_database
from kiosk.orders import database as orders_database
from kiosk.orders.database import ORDERS_FILE


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for item in range(5):
        for shot in range(3):
            tiny_models.write_picture(source / f"sku-{item}" / f"{shot}.png", item, shot)
    (source / "skus.csv").write_text("sku,name,category\nsku-1,Tea <One>,drinks\n")
    out = tmp_path_factory.mktemp("built") / "release"
    locator, embedder = tiny_models.open_models(models)
    build(source, out, locator=locator, embedder=embedder, options=BuildOptions())
    return out


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def recognise(models: Path, release: Path, *images: object, json_: bool = True) -> int:
    form = ["--json"] if json_ else []
    options = ["--set", f"models.directory={models}", "--catalog", release]
    return run("recognise", *form, *options, *images)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_recognise_prints_one_json_object_per_picture(
    models: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tiny_models.write_picture(tmp_path / "known.png", 1, shot=8)
    strange = tiny_models.write_picture(tmp_path / "strange.png", 40, shot=8)
    empty = tiny_models.write_picture(tmp_path / "empty.png", -1)
    assert recognise(models, release, known, strange, empty) == os.EX_OK
    first, second, third = lines(capsys)
    assert (first["decision"], first["sku"]) == ("accepted", "sku-1")
    assert first["matches"][0]["name"] == "Tea <One>"  # type: ignore[index]
    assert set(first["timings_ms"]) == set(STAGES)  # type: ignore[call-overload]
    assert len(first["box"]) == 4  # type: ignore[arg-type]
    assert second["sku"] is None
    assert second["decision"] in ("unknown", "choose")
    assert (third["decision"], third["box"], third["matches"]) == ("nothing there", None, [])


def test_recognise_says_whether_it_is_one_sku(
    models: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tiny_models.write_picture(tmp_path / "known.png", 1, shot=8)
    empty = tiny_models.write_picture(tmp_path / "empty.png", -1)
    assert recognise(models, release, "--is", "sku-1", known) == os.EX_OK
    assert recognise(models, release, "--is", "sku-2", known) == os.EX_UNAVAILABLE
    assert recognise(models, release, "--is", "sku-1", empty) == os.EX_UNAVAILABLE
    answers = lines(capsys)
    assert [answer["answer"] for answer in answers[::2]] == ["yes", "no"]
    assert answers[1]["answer"] in ("no", "unsure")
    assert recognise(models, release, "--is", "sku-1", known, json_=False) == os.EX_OK
    assert ": yes (" in capsys.readouterr().out
    assert recognise(models, release, "--is", "nope", known) == os.EX_DATAERR
    assert "no SKU 'nope'" in capsys.readouterr().err


def test_recognise_for_people_names_the_item(
    models: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tiny_models.write_picture(tmp_path / "a.png", 1, shot=8)
    assert recognise(models, release, picture, json_=False) == os.EX_OK
    out = capsys.readouterr().out
    assert "sku-1  Tea <One>" in out
    assert "accepted (similar and clear)" in out, "one look is never steady"


def awkward_files(folder: Path) -> dict[str, Path]:
    """Every kind of bad picture, by the code it is to be answered with."""
    pixels = tiny_models.picture(1)[:, :, ::-1]
    good = folder / "good.png"
    Image.fromarray(pixels).save(good)
    (folder / "empty.jpg").touch()
    (folder / "cut.png").write_bytes(good.read_bytes()[:2000])
    Image.new("RGB", (20_000, 40)).save(folder / "wide.png")
    (folder / "text.jpg").write_text("not a picture")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "fifo.png")
    frames = [Image.fromarray(np.roll(pixels, shift)) for shift in (0, 999)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    return {
        "Empty": folder / "empty.jpg",
        "Damaged": folder / "cut.png",
        "UnsupportedPicPixels": folder / "wide.png",
        "UnsupportedPicFormat": folder / "text.jpg",
        "NotAFile": folder / "folder.png",
        "Animated": folder / "moving.gif",
    }


def test_bad_pictures_are_answered_one_by_one_and_the_good_one_still_works(
    models: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = awkward_files(tmp_path)
    images = [*bad.values(), tmp_path / "fifo.png", tmp_path / "gone.png", tmp_path / "good.png"]
    assert recognise(models, release, *images) == os.EX_DATAERR
    answers = lines(capsys)
    assert [answer["error"] for answer in answers[: len(bad)]] == list(bad)
    for answer, image in zip(answers[:-1], images, strict=False):
        assert str(image) in str(answer["message"])
    assert answers[-1]["sku"] == "sku-1"


@pytest.mark.parametrize("kind", ["sixteen", "cmyk", "misnamed", "turned", "grey", "palette"])
def test_odd_but_good_pictures_are_recognised(
    models: Path, release: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = tiny_models.picture(1, shot=8)[:, :, ::-1]
    image = Image.fromarray(pixels)
    path = tmp_path / "odd.png"
    if kind == "sixteen":
        import cv2

        cv2.imwrite(str(path), tiny_models.picture(1, shot=8).astype(np.uint16) * 257)
    elif kind == "cmyk":
        path = tmp_path / "odd.jpg"
        image.convert("CMYK").save(path, quality=95)
    elif kind == "misnamed":
        image.save(path, format="JPEG", quality=95)
    elif kind == "turned":
        path = tmp_path / "odd.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6  # to be shown turned clockwise by 90 degrees
        image.transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif)
    elif kind == "palette":
        image.quantize(200).save(path)
    else:
        image.save(path)
    assert recognise(models, release, path) == os.EX_OK
    assert lines(capsys)[0]["matches"][0]["sku"] == "sku-1"  # type: ignore[index]


def test_a_catalog_of_another_embedder_is_refused_with_what_to_do(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tiny_models.write_models(tmp_path / "other", shift=80.0)
    picture = tiny_models.write_picture(tmp_path / "a.png", 1)
    assert recognise(other, release, picture) == os.EX_DATAERR
    assert "build the catalog again" in capsys.readouterr().err


def test_a_config_with_mistakes_exits_78_and_lists_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text("[camera]\nsorce = 'x'\nwidth = 1\n[web]\nport = -1\n")
    assert run("config", "--config", path) == os.EX_CONFIG
    assert "3 mistakes" in capsys.readouterr().err


def test_config_changed_of_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config", "--changed") == os.EX_OK
    assert "nothing differs" in capsys.readouterr().out


def check(models: Path, release: Path, state: Path, *more: str) -> int:
    options = [
        f"models.directory={models}",
        f"catalog.directory={release}",
        f"state.directory={state}",
        "web.port=0",
        *more,
    ]
    return run("check", *(word for option in options for word in ("--set", option)))


def test_check_passes_when_every_part_works(
    models: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_models.write_picture(tmp_path / "camera" / "0.png", 1)
    camera = ("camera.source=files", f"camera.device={tmp_path / 'camera'}")
    code = check(models, release, tmp_path / "state", *camera)
    out = capsys.readouterr().out
    assert code == os.EX_OK, out
    assert "All is well." in out


def test_check_names_each_part_that_fails(
    models: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Path(shutil.copytree(release, tmp_path / "broken"))
    data = bytearray(only(broken, "vectors.npy").read_bytes())
    data[-1] ^= 1
    only(broken, "vectors.npy").write_bytes(data)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code = check(
            models,
            broken,
            tmp_path / "state",
            "camera.source=files",
            f"camera.device={tmp_path / 'nothing'}",
            f"web.port={taken.getsockname()[1]}",
        )
    out = capsys.readouterr().out
    assert code == os.EX_UNAVAILABLE
    assert "3 of 8 checks failed: catalog, camera, port" in out
    assert "vectors.npy" in out
    assert "choose another port" in out


def test_a_path_the_system_refuses_is_a_message_and_no_traceback(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    too_long = "a" * 300 + "\x1b[2J"
    code = run("catalog", "build", too_long, "--out", tmp_path / "out", "--models", models)
    err = capsys.readouterr().err
    assert code == os.EX_IOERR
    assert "aaa" in err
    assert "check path" in err
    assert "\x1b" not in err


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    result = subprocess.run(
        f"{sys.executable} -m kiosk config | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.startswith("[camera]")
    assert result.stderr == ""


def test_a_terminal_without_a_character_gets_it_escaped(tmp_path: Path) -> None:
    named = tmp_path / "Käse"
    result = subprocess.run(
        [sys.executable, "-m", "kiosk", "config", "--set", f"catalog.directory={named}"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (os.EX_OK, b"")
    assert rb"K\xe4se" in result.stdout


@pytest.mark.parametrize(
    "call",
    [
        ("recognise", "--catalog", "{release}", "--set", "models.directory={models}", "--is"),
        ("explain", "--state", "{state}"),
        ("orders", "show", "--state", "{state}"),
        ("refusals", "undo", "--state", "{state}"),
    ],
    ids=lambda call: call[0],
)
def test_a_name_of_broken_bytes_and_escapes_is_nowhere_and_steers_no_terminal(
    models: Path, release: Path, tmp_path: Path, call: tuple[str, ...]
) -> None:
    with closing(journal_database.open_for_writing(tmp_path / JOURNAL_FILE)):
        pass
    with closing(orders_database.open_for_writing(tmp_path / ORDERS_FILE)):
        pass
    named = {"release": release, "models": models, "state": tmp_path}
    arguments = [part.format(**named).encode() for part in call]
    picture = [b"picture.png"] if call[0] == "recognise" else []
    result = subprocess.run(
        [sys.executable.encode(), b"-m", b"kiosk", *arguments, b"\xff\x1b[2J", *picture],
        capture_output=True,
        check=False,
    )
    assert result.returncode in (os.EX_USAGE, os.EX_DATAERR, os.EX_NOINPUT), result.stderr
    assert result.stderr.startswith(b"kiosk: ") and result.stderr.count(b"\n") == 1
    assert b"\x1b" not in result.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_is_no_traceback(closed: str) -> None:
    result = subprocess.run(
        f"{sys.executable} -m kiosk config {closed}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == os.EX_OK
    assert result.stderr == ""


def test_bench_prints_every_stage_and_the_price_of_search(
    models: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    for shot in range(4):
        tiny_models.write_picture(folder / f"{shot}.png", 1, shot)
    options = ["--set", f"models.directory={models}", "--catalog", release, "--frames", 12]
    assert run("bench", folder, *options, "--threads", "1", "--json") == os.EX_OK
    (row,) = json.loads(capsys.readouterr().out)
    assert set(row["stages"]) == set(STAGES)
    assert all(row["stages"][stage]["p50"] > 0 for stage in ("locate", "embed", "judge", "total"))
    assert row["frames"] == 10
    assert run("bench", "--references", 500, *options, "--json") == os.EX_OK
    cost = json.loads(capsys.readouterr().out)
    assert cost["engine"] == "annoy"
    assert cost["recall_at_10"] >= 0.99


def test_bench_says_how_long_an_item_waits_for_its_decision(
    models: Path, release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--set", "camera.width=320", "--set", "camera.height=240", "--set", "camera.fps=3"]
    options = ["--set", f"models.directory={models}", "--catalog", release, *small]
    assert run("bench", *options, "--visits", 1, "--json") == os.EX_OK
    spreads = json.loads(capsys.readouterr().out)
    assert spreads["decide"]["p50"] > 0
    assert run("bench", "--visits", 0) == os.EX_USAGE


@pytest.mark.parametrize("threads", ["x", "0", "1,,2", "1,17", ""])
def test_bench_with_nonsense_threads_is_a_wrong_call(threads: str) -> None:
    assert run("bench", "--threads", threads) == os.EX_USAGE


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (["--frames", "0"], "--frames 0"),
        (["--frames", "2"], "--frames 2"),
        (["--references", "0"], "--references 0"),
        (["no-such-folder"], "there is no such folder"),
    ],
)
def test_bench_that_could_measure_nothing_is_a_wrong_call(
    call: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("bench", *call) == os.EX_USAGE
    assert reason in capsys.readouterr().err


def test_bench_of_pictures_without_an_item_prints_no_figures(
    models: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--set", f"models.directory={models}", "--catalog", release, "--frames", 4]
    assert run("bench", tmp_path, *options) == os.EX_DATAERR
    assert "holds no picture" in capsys.readouterr().err
    tiny_models.write_picture(tmp_path / "empty.png", -1)
    assert run("bench", tmp_path, *options) == os.EX_DATAERR
    out, err = capsys.readouterr()
    assert "nothing was measured" in err
    assert out == ""


@pytest.mark.parametrize("call", [[], ["nonsense"], ["recognise"], ["bench", "--frames", "x"]])
def test_a_wrong_call_exits_64_with_the_usage(
    call: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*call)
    assert caught.value.code == os.EX_USAGE
    assert "usage: kiosk" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal_and_a_line_now_and_then_elsewhere() -> None:
    terminal, file = Terminal(), io.StringIO()
    for out in (terminal, file):
        with closing(Progress(out)) as progress:
            for done in range(3):
                progress("Enrolling picture", done, 2)
            progress("Finishing the catalog", 0, 0)
    assert file.getvalue() == "Enrolling picture 0 of 2 …\nFinishing the catalog …\n"
    live = terminal.getvalue()
    assert "Enrolling picture 2 of 2 …" in live
    assert "\n" not in live
    assert live.endswith("\r\x1b[K"), "nothing is left of it"


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("run", "demo", "check", "recognise", "catalog", "journal", "config", "bench"):
        with pytest.raises(SystemExit) as caught:
            run(verb, "--help")
        assert caught.value.code == 0
        assert "usage: kiosk " + verb in capsys.readouterr().out
