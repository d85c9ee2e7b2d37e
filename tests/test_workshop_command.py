# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog init|add|remove|list|history|lint` on a workshop, as it is typed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from import_parts import picture_files
from killed_process import LIFE_S
from postgres_server import PostgresServer
from tiny_models import open_models, write_picture

from kiosk.catalog.build import build
from kiosk.catalog.manifest import read_manifest
from kiosk.cli import main
from kiosk.workshop.folder import workshop

Typed = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Runs `kiosk catalog …`; gives the exit code, the lines printed, and what went to stderr."""

    def run(*words: str | Path) -> tuple[int, list[str], str]:
        try:
            code = main(["catalog", *map(str, words)])
        except SystemExit as ended:  # argparse
            code = int(str(ended.code))
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err

    return run


@pytest.fixture
def shop(tmp_path: Path, typed: Typed) -> Path:
    assert typed("init", tmp_path / "shop")[0] == os.EX_OK
    return tmp_path / "shop"


@pytest.fixture
def duck(tmp_path: Path) -> list[Path]:
    """Two pictures."""
    for shot in range(2):
        write_picture(tmp_path / "photos" / f"{shot}.png", 1, shot)
    return [tmp_path / "photos" / f"{shot}.png" for shot in range(2)]


def listed(typed: Typed, shop: Path, *more: str) -> list[dict[str, object]]:
    code, lines, _ = typed("list", shop, "--json", *more)
    assert code == os.EX_OK
    return [json.loads(line) for line in lines]


def test_a_sku_is_added_listed_changed_and_removed(
    typed: Typed, shop: Path, duck: list[Path]
) -> None:
    told = ["--name", "Ente", "--category", "Toys", "--barcode", "4006381333931"]
    told += ["--attribute", "size=M", "--attribute", "int_attr2=7", "--attribute", "str_attr=gelb"]
    told += ["--region", "1,40,2,50", "--flip", "no", "--custom", "k:v"]
    code, lines, _ = typed("add", shop, "duck", *duck, *told)
    assert (code, lines) == (
        os.EX_OK,
        ["added\trecord\tduck", "added\t0.png\tduck", "added\t1.png\tduck"],
    )
    for path in duck:
        path.unlink()
    (item,) = listed(typed, shop)
    pictures = item.pop("pictures")
    assert item == {
        "sku": "duck",
        "name": "Ente",
        "category": "Toys",
        "barcodes": ["4006381333931"],
        "attributes": {"size": "M"},
        "flip": False,
    }
    assert isinstance(pictures, list)
    assert pictures[1]["region"] == [1, 40, 2, 50]
    assert (pictures[1]["int_attr2"], pictures[1]["str_attr"]) == (7, "gelb")
    assert pictures[1]["custom_content"] == "k:v"
    assert typed("add", shop, "duck", "--name", "Gans")[1] == ["replaced\trecord\tduck"]
    assert typed("list", shop)[1] == ["duck\t2 pictures\tToys\tGans"]
    lines = typed("remove", shop, "duck", "0.png", "9.png")[1]
    assert lines == ["removed\t0.png\tduck", "was not there\t9.png\tduck"]
    assert typed("list", shop)[1] == ["duck\t1 picture\tToys\tGans"]
    assert typed("remove", shop, "duck")[1] == ["removed\tall of it\tduck"]
    code, lines, _ = typed("remove", shop, "duck")
    assert (code, lines) == (os.EX_OK, ["was not there\tall of it\tduck"])
    assert typed("list", shop)[1] == []


def test_pictures_that_cannot_be_used_are_named_and_the_others_stored(
    typed: Typed, shop: Path, duck: list[Path], tmp_path: Path
) -> None:
    text = tmp_path / "note.png"
    text.write_text("no picture")
    cut = tmp_path / "cut.png"
    cut.write_bytes(duck[0].read_bytes()[:-50])
    other = tmp_path / "0.png"
    write_picture(other, 2, 0)
    code, lines, _ = typed("add", shop, "duck", duck[0], text, cut, tmp_path / "gone.png", other)
    assert code == os.EX_DATAERR
    assert [line.split("\t")[0] for line in lines] == [
        "added",
        "added",
        "FAILED UnsupportedPicFormat",
        "FAILED Damaged",
        "FAILED Unreadable",
        "FAILED Duplicate",
    ]
    assert typed("list", shop)[1] == ["duck\t1 picture\t\tduck"]


def test_a_sku_none_of_whose_pictures_can_be_used_is_not_added(
    typed: Typed, shop: Path, tmp_path: Path, duck: list[Path]
) -> None:
    assert typed("add", shop, "duck", tmp_path / "gone.png")[0] == os.EX_DATAERR
    code, lines, _ = typed("add", shop, "duck", duck[0], "--region", "0,9999,0,10")
    assert code == os.EX_DATAERR
    assert lines[0].startswith("FAILED InvalidRegion\t0.png\tduck\t") and "9999" in lines[0]
    assert typed("list", shop)[1] == []
    assert typed("history", shop)[1] == []
    assert not picture_files(shop / "pictures")


def test_the_same_picture_is_kept_once(typed: Typed, shop: Path, duck: list[Path]) -> None:
    typed("add", shop, "duck", duck[0])
    typed("add", shop, "goose", duck[0])
    digest = hashlib.sha256(duck[0].read_bytes()).hexdigest()
    kept = picture_files(shop / "pictures")
    assert kept == [shop / "pictures" / digest[:2] / digest]
    assert typed("add", shop, "duck", duck[0])[1] == ["unchanged\t0.png\tduck"]


def test_a_filter_lists_the_pictures_that_match(typed: Typed, shop: Path, duck: list[Path]) -> None:
    typed("add", shop, "duck", duck[0], "--category", "Toys", "--attribute", "int_attr=5")
    typed("add", shop, "duck", duck[1], "--attribute", "int_attr=50")
    typed("add", shop, "ring", "--category", "Rings")
    many = "int_attr >= 10 AND category = 'Toys'"
    assert typed("list", shop, "--filter", many)[1] == ["duck\t1 picture\tToys\tduck"]
    assert typed("list", shop, "--filter", "category in ('Rings')")[1] == [
        "ring\t0 pictures\tRings\tring"
    ]
    (found,) = listed(typed, shop, "--filter", "picture = '0.png'")
    assert [one["name"] for one in found["pictures"]] == ["0.png"]  # type: ignore[attr-defined]
    code, _, said = typed("list", shop, "--filter", "int_attr >")
    assert code != os.EX_OK and "int_attr >" in said


def test_history_says_who_did_what(typed: Typed, shop: Path, duck: list[Path]) -> None:
    typed("add", shop, "duck", *duck)
    typed("remove", shop, "duck", "0.png")
    events = [json.loads(line) for line in typed("history", shop, "--json")[1]]
    assert [(event["what"], event["figures"]) for event in events] == [
        ("remove", {"removed": 1}),
        ("add", {"sku_added": 1, "added": 2}),
    ]
    (line,) = typed("history", shop, "--most", "1")[1]
    assert line.endswith("\tremove\tduck: 0.png\t1 removed")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["add", "SHOP", "x" * 257], "256 characters"),
        (["add", "SHOP", "duck", "--attribute", "size"], "KEY=VALUE"),
        (["add", "SHOP", "duck", "--attribute", "int_attr=many"], "whole numbers"),
        (["add", "SHOP", "duck", "--region", "1,2,3"], "x1,x2,y1,y2"),
        (["init", "SHOP", "--category", "x=Toys"], "NUMBER=NAME"),
    ],
)
def test_a_wrong_call_says_how_it_is_right(
    typed: Typed, shop: Path, words: list[str], reason: str
) -> None:
    code, _, said = typed(*(shop if word == "SHOP" else word for word in words))
    assert code == os.EX_USAGE
    assert reason in said
    assert typed("list", shop)[1] == []


def test_what_is_no_workshop_is_refused(typed: Typed, tmp_path: Path) -> None:
    for words in (["list"], ["history"], ["add", "duck"], ["remove", "duck"]):
        code, _, said = typed(words[0], tmp_path, *words[1:])
        assert code == os.EX_DATAERR
        assert "kiosk catalog init" in said


def test_categories_are_made_known_by_init(typed: Typed, shop: Path) -> None:
    code, lines, _ = typed("init", shop, "--category", "20=Toys", "--category", "Rings")
    assert (code, lines) == (
        os.EX_OK,
        [f"workshop {shop}: is there already, 0 SKUs, 0 pictures"],
    )
    with workshop(shop) as opened, opened.repository.reading() as reading:
        assert reading.categories() == {"Toys": 20, "Rings": None}


def test_lint_show_and_verify_look_at_the_newest_release_of_a_workshop(
    typed: Typed, shop: Path, duck: list[Path], models: Path
) -> None:
    code, _, said = typed("lint", shop)
    assert code == os.EX_DATAERR and "kiosk catalog build" in said
    typed("add", shop, "duck", *duck)
    assert typed("build", shop, "--models", models)[0] == os.EX_OK
    (folder,) = (shop / "releases").iterdir()
    release = read_manifest(folder).release
    code, lines, _ = typed("lint", shop, "--fail-on", "never")
    assert code == os.EX_OK
    assert release in lines[0]
    for verb in ("show", "verify"):
        code, lines, _ = typed(verb, shop)
        assert code == os.EX_OK
        assert release in lines[0]


def test_each_build_of_a_workshop_is_a_release_of_its_own_and_noted(
    typed: Typed, shop: Path, duck: list[Path], models: Path, tmp_path: Path
) -> None:
    for picture in duck:
        typed("add", shop, "duck", picture)
        code, lines, _ = typed("build", shop, "--models", models)
        assert code == os.EX_OK
    assert any(f"ok\tduck/{duck[1].name}\tduck" in line for line in lines)
    assert typed("build", shop, "--models", models, "--out", tmp_path / "out")[0] == os.EX_OK
    with workshop(shop) as opened:
        newest, second, first = opened.repository.releases()
        assert opened.last_release() == tmp_path / "out"
    assert (first.seq, second.seq, newest.seq) == (1, 2, 2)
    assert read_manifest(shop / "releases" / first.folder).pictures == 1
    assert read_manifest(shop / "releases" / second.folder).pictures == 2
    (line,) = typed("history", shop, "--most", "1")[1]
    assert "\tbuild\trelease " in line and "1 skus, 2 pictures" in line


def test_a_folder_of_pictures_needs_a_place_for_its_release(
    typed: Typed, duck: list[Path], models: Path
) -> None:
    code, _, said = typed("build", duck[0].parent, "--models", models)
    assert code == os.EX_USAGE and "--out" in said


def test_a_release_of_a_workshop_is_that_of_a_folder_with_the_same_pictures(
    typed: Typed, shop: Path, tmp_path: Path, models: Path
) -> None:
    folder = tmp_path / "folder"
    for item in range(3):
        for shot in range(2):
            write_picture(folder / f"s{item}" / f"{shot}.png", item, shot)
        typed("add", shop, f"s{item}", *sorted((folder / f"s{item}").iterdir()))
    locator, embedder = open_models(models)
    build(folder, tmp_path / "one", locator=locator, embedder=embedder)
    with workshop(shop) as opened, opened.source() as (source, _):
        build(source, tmp_path / "two", locator=locator, embedder=embedder)
    one, two = (read_manifest(tmp_path / name) for name in ("one", "two"))
    assert one.release == two.release
    assert one.files == two.files


def test_a_workshop_in_postgresql_is_used_by_the_same_words(
    typed: Typed, postgres: PostgresServer, tmp_path: Path, duck: list[Path]
) -> None:
    address = postgres.database()
    first, second = tmp_path / "first", tmp_path / "second"
    shared = tmp_path / "shared"
    for shop in (first, second):
        words = ("init", shop, "--database", address, "--name", "toys", "--pictures", shared)
        assert typed(*words)[0] == os.EX_OK
    assert typed("add", first, "duck", *duck)[0] == os.EX_OK
    assert typed("list", second)[1] == ["duck\t2 pictures\t\tduck"]
    other = tmp_path / "other"
    typed("init", other, "--database", address, "--name", "rings")
    assert typed("list", other)[1] == []


def test_a_password_is_not_written_where_others_may_read_it(typed: Typed, tmp_path: Path) -> None:
    address = "postgresql://mia:s3cret@localhost/shop"
    code, _, said = typed("init", tmp_path / "shop", "--database", address)
    assert code == os.EX_DATAERR
    assert ".pgpass" in said and "s3cret" not in said
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if b"s3cret" in path.read_bytes()]


def test_a_server_that_does_not_answer_is_told_in_words(typed: Typed, tmp_path: Path) -> None:
    address = f"postgresql:///shop?host={tmp_path}"
    code, _, said = typed("init", tmp_path / "shop", "--database", address)
    assert code == os.EX_TEMPFAIL
    assert "does not answer" in said and "Traceback" not in said


AS_NOBODY = """
import getpass, os, sys
from kiosk.cli import main
from kiosk.cli.verbs import parser
parser()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.exit(main(["catalog", *sys.argv[1:]]))
"""
"""Root may write anywhere, so it becomes somebody else, after reading the programs as root."""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_workshop_that_may_only_be_read_is_listed_and_says_why_it_takes_nothing(
    typed: Typed, duck: list[Path]
) -> None:
    def as_nobody(*words: str | Path) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-c", AS_NOBODY, *map(str, words)]
        return subprocess.run(call, capture_output=True, text=True, timeout=LIFE_S)

    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is closed to others
        Path(name).chmod(0o755)
        shop = Path(name) / "shop"
        typed("init", shop)
        typed("add", shop, "duck", *duck)
        found = as_nobody("list", shop)
        assert (found.returncode, found.stdout) == (os.EX_OK, "duck\t2 pictures\t\tduck\n")
        refused = as_nobody("add", shop, "duck", "--name", "Ente")
        assert refused.returncode == os.EX_CANTCREAT
        assert "writable" in refused.stderr and "Traceback" not in refused.stderr
        assert typed("list", shop)[1] == ["duck\t2 pictures\t\tduck"]
