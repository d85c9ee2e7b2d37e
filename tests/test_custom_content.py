# SPDX-License-Identifier: Apache-2.0
"""Custom content of a picture: from an import over a release to the answer."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from made_releases import Made, made, opened, result
from schema_check import wrongs
from segments import only, resealed
from test_segments import new_bytes, shelf
from tiny_models import open_models, picture, write_picture

from kiosk.api.openapi import document
from kiosk.api.state import state_json
from kiosk.board import Board
from kiosk.catalog.manifest import verify
from kiosk.catalog.records import PictureEntry, Place, Records, write_records
from kiosk.catalog.snapshot import Snapshot
from kiosk.catalog.sources import read_source
from kiosk.cli import main
from kiosk.config import DecideConfig
from kiosk.decide import Visits
from kiosk.errors import CatalogError, SourceError
from kiosk.journal import MemoryJournal
from kiosk.recognise import Recogniser
from kiosk.station import Answers
from kiosk.values import MOST_CUSTOM, Box, Frame, Hashes, Record

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """A command that succeeds; what it prints."""

    def call(*words: object) -> str:
        assert main([str(word) for word in words]) == os.EX_OK
        return capsys.readouterr().out

    return call


def entry(custom: str) -> PictureEntry:
    return PictureEntry(0, "A/1", "f" * 64, "f" * 64, Place(0, 9), Box(1, 2, 3, 4), ("p",), custom)


def test_records_give_it_back_by_picture(tmp_path: Path) -> None:
    texts = ("", "k1:v1,k2:v2", "Süß\n„drei“ \U0001f980", "x" * MOST_CUSTOM)
    write_records(tmp_path / "r", [Record("A", "", "")], map(entry, texts))
    with closing(Records.open(tmp_path / "r")) as records:
        assert tuple(each.custom for each in records.entries()) == texts
        assert tuple(map(records.custom, range(len(texts)))) == texts
        assert records.custom(10**15) == ""


def test_without_any_nothing_of_a_release_is_different(tmp_path: Path) -> None:
    """So that kiosks need not fetch the catalogs again of those who have none."""
    write_records(tmp_path / "r", [Record("A", "", "")], [entry("")])
    with closing(sqlite3.connect(tmp_path / "r")) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert [name for (name,) in tables] == ["skus", "pictures", "refs"]
    with closing(Records.open(tmp_path / "r")) as records:
        assert records.custom(0) == ""


def test_a_segment_with_more_than_any_import_takes_is_refused(models: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "r", [Record("A", "", "")], [entry("x" * (MOST_CUSTOM + 1))])
    with pytest.raises(CatalogError, match="more than 4096 characters; restore the release"):
        Records.open(tmp_path / "r")
    made(tmp_path / "out", models, [Made("A", "1.png", 0, "good")])
    with closing(sqlite3.connect(only(tmp_path / "out", "records.sqlite"))) as connection:
        connection.execute("UPDATE custom SET content = zeroblob(10000000)")
        connection.commit()
    resealed(tmp_path / "out")
    with pytest.raises(CatalogError, match="more than 4096 characters"):
        opened(tmp_path / "out", models)


def best(snapshot: Snapshot, one: Made) -> str:
    """What is handed back for the reference of that very picture."""
    (match,) = snapshot.match(result(one).vectors[0].astype("float32"), 1)
    return snapshot.custom(match.reference)


def test_each_picture_of_a_sku_has_its_own(models: Path, tmp_path: Path) -> None:
    pictures = [Made("A", f"{at}.png", 0, text) for at, text in enumerate(("front", "", "back"))]
    made(tmp_path / "out", models, pictures)
    with closing(opened(tmp_path / "out", models)) as snapshot:
        assert [best(snapshot, one) for one in pictures] == ["front", "", "back"]
        with pytest.raises(CatalogError, match="no reference"):
            snapshot.custom(-1)


def test_where_only_it_changes_nothing_is_computed_and_one_picture_is_sent(
    models: Path, tmp_path: Path
) -> None:
    old = made(tmp_path / "0", models, shelf(30, 4))
    pictures = shelf(30, 4)
    pictures[5] = Made(pictures[5].sku, pictures[5].name, 0, "new")
    delta = made(tmp_path / "1", models, pictures, base=tmp_path / "0")
    assert delta.segments[0] == old.segments[0] and delta.segments[1].pictures == 1
    assert new_bytes(old, delta) < sum(each.bytes for each in old.files) / 2
    verify(tmp_path / "1")
    with closing(opened(tmp_path / "1", models)) as snapshot:
        assert best(snapshot, pictures[5]) == "new"
        assert best(snapshot, pictures[6]) == ""
    back = made(tmp_path / "2", models, shelf(30, 4), base=tmp_path / "1")
    assert back.release == old.release


INCREMENT = """\
{"OperationType":"ADD","ProductId":"S0","PicName":"0.png","CustomContent":"k:v\\nk2:v2"}
{"operator":"ADD","item_id":"S1","cat_id":"x","cust_content":"own","pic_list":["1.png"]}
{"OperationType":"ADD","ProductId":"S2","PicName":"2.png"}
"""
CSV = 'file,sku,custom_content\n0.png,S0,"k:v\nk2:v2"\n1.png,S1,own\n2.png,S2,\n'


@pytest.mark.parametrize("form", ["increment.meta", "list.csv"])
def test_from_a_list_to_the_answer(run: Run, models: Path, tmp_path: Path, form: str) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for item in range(8):
        write_picture(source / f"{item}.png", item)
    rest = "".join(f"{item}.png,S{item},\n" for item in range(3, 8))
    if form == "increment.meta":
        (source / form).write_text(INCREMENT)
        run("catalog", "init", tmp_path / "shop")
        run("catalog", "import", tmp_path / "shop", source)
        run("catalog", "build", tmp_path / "shop", "--out", out, "--models", models)
        run("catalog", "dump", tmp_path / "shop", tmp_path / "dump", "--format", "increment")
        assert '"CustomContent":"own"' in (tmp_path / "dump" / form).read_text().replace(": ", ":")
    else:
        (source / "list.csv").write_text(CSV + rest)
        run("catalog", "build", source, "--out", out, "--models", models)
        shown = json.loads(run("catalog", "show", "--json", out))
        assert not any("custom_content" in each["attributes"] for each in shown["records"])
    asked = [source / f"{item}.png" for item in range(3)]
    options = ("--set", f"models.directory={models}", "--catalog", out, "--json")
    lines = run("recognise", *options, *asked).splitlines()
    found = [json.loads(line)["matches"][0] for line in lines]
    told = [(each["sku"], each["custom_content"]) for each in found]
    assert told == [("S0", "k:v\nk2:v2"), ("S1", "own"), ("S2", "")]


def test_a_list_with_too_much_of_it_is_not_built_from(tmp_path: Path) -> None:
    write_picture(tmp_path / "0.png", 0)
    text = "x" * (MOST_CUSTOM + 1)
    (tmp_path / "list.csv").write_text(f"file,sku,custom_content\n0.png,A,{text}\n")
    with pytest.raises(SourceError, match="line 2: custom_content has more than 4096"):
        read_source(tmp_path)


def test_a_program_that_asks_the_kiosk_is_told(run: Run, models: Path, tmp_path: Path) -> None:
    lines = ["file,sku,custom_content"]
    for item in range(8):
        write_picture(tmp_path / "in" / f"{item}.png", item)
        lines.append(f"{item}.png,S{item},{'shelf 7' if item == 1 else ''}")
    (tmp_path / "in" / "list.csv").write_text("\n".join(lines))
    run("catalog", "build", tmp_path / "in", "--out", tmp_path / "out", "--models", models)
    board, recogniser = Board(), Recogniser(*open_models(models))
    visits = Visits(DecideConfig(), lambda look: Hashes(look.release, "", ""))
    answers = Answers(visits=visits, board=board, journal=MemoryJournal())
    with closing(opened(tmp_path / "out", models)) as snapshot:
        for number in range(100):
            frame = Frame(picture(1), number, time.monotonic_ns())
            answers.step(recogniser.sight(frame, snapshot), snapshot)
            if board.state().shown:
                break
    told = state_json(board.state())
    described = document("1.2.3")
    assert wrongs(told, described["components"]["schemas"]["State"], described) == []
    (decision,) = told["decisions"]
    found = [(each["sku"], each["custom_content"]) for each in decision["candidates"]]
    assert found[0] == ("S1", "shelf 7")
    assert {text for _, text in found[1:]} <= {""}
