# SPDX-License-Identifier: Apache-2.0
"""The folder of a workshop: made, refused, damaged, and its pictures."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from import_parts import picture_files

from kiosk.catalog.sources import SourcePicture
from kiosk.errors import BusyError, ImageError, SourceError, StateError, WorkshopError
from kiosk.values import Box, Record
from kiosk.workshop import rows
from kiosk.workshop.changes import Picture, PutPicture, PutSku, RemoveSku
from kiosk.workshop.folder import Settings, init, is_workshop, open_workshop, workshop
from kiosk.workshop.pictures import Pictures, checked_picture
from kiosk.workshop.repository import Built, Note, Repository
from kiosk.workshop.sql import SqlRepository
from kiosk.workshop.sqlite import SqliteDatabase

A, B = "a" * 64, "b" * 64


def png(value: int = 0, side: int = 40) -> bytes:
    pixels = np.full((side, side + 8, 3), value, np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init(tmp_path / "shop")
    return tmp_path / "shop"


def test_a_workshop_made_twice_keeps_what_is_in_it(folder: Path) -> None:
    with workshop(folder) as opened:
        opened.repository.apply([PutSku("duck")])
    assert not init(folder)
    with workshop(folder) as opened, opened.repository.reading() as reading:
        assert reading.counts() == (1, 0)


def test_who_has_seen_enough_of_a_list_may_stop_reading(folder: Path) -> None:
    """As `kiosk catalog list … | head` does: the rest is let go of after the database is closed."""
    with workshop(folder) as opened:
        opened.repository.apply([PutSku("duck"), PutSku("swan")])
        with opened.repository.reading() as reading:
            left = reading.skus()
            assert next(left).record.sku == "duck"
    del left


def test_a_making_that_was_cut_short_is_finished_by_making_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "pictures").mkdir(parents=True)
    sqlite3.connect(folder / "workshop.sqlite").close()
    (folder / "workshop.sqlite").touch()
    (folder / ".workshop.toml.new").write_text("form")
    with pytest.raises(WorkshopError, match="catalog init"):
        open_workshop(folder)
    assert init(folder)
    with workshop(folder) as opened:
        opened.repository.apply([PutSku("duck")])


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(WorkshopError, match="something else"):
        init(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_workshop_is_not_made_anew_with_other_settings(folder: Path) -> None:
    with pytest.raises(WorkshopError, match="other settings"):
        init(folder, Settings(name="toys"))


@pytest.mark.parametrize("name", ["", "Toys", "a-b", '"; DROP', "x" * 41, "1st"])
def test_a_name_that_is_no_plain_word_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WorkshopError, match="name of a catalog"):
        init(tmp_path / "shop", Settings(name=name))
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("format = 1", "restore"),
        ("format = 2\n", "format 2"),
        ("form", "cannot be read"),
        ("format = 1\nname = 3\ndatabase = ''\npictures = 'p'\n", "needs the texts"),
        ("format = 1\nname = 'a'\ndatabase = ''\npictures = 'p'\nmore = 1\n", "needs the texts"),
    ],
)
def test_settings_that_were_spoiled_are_refused(folder: Path, text: str, reason: str) -> None:
    (folder / "workshop.toml").write_text(text)
    with pytest.raises(WorkshopError, match=reason):
        open_workshop(folder)


def test_settings_with_odd_characters_come_back(tmp_path: Path) -> None:
    pictures = str(tmp_path / 'a "b" \\ c\td ä')
    init(tmp_path / "shop", Settings("toys", pictures=pictures))
    opened = open_workshop(tmp_path / "shop")
    assert opened.settings == Settings("toys", pictures=pictures)
    assert opened.pictures.folder == Path(pictures)


def test_a_missing_database_or_picture_folder_is_not_replaced_by_an_empty_one(folder: Path) -> None:
    (folder / "workshop.sqlite").rename(folder / "away")
    with pytest.raises(WorkshopError, match="is missing"):
        open_workshop(folder)
    assert not (folder / "workshop.sqlite").exists()
    (folder / "away").rename(folder / "workshop.sqlite")
    (folder / "pictures").rename(folder / "elsewhere")
    with pytest.raises(WorkshopError, match="mount or restore"):
        open_workshop(folder)


def fill(repository: Repository) -> None:
    repository.apply([PutPicture(Picture(f"s{n}", "1", A, custom="x" * 500)) for n in range(500)])


@pytest.mark.parametrize(("where", "count"), [(0, 3000), (4096 * 16, 4096 * 60)])
def test_a_damaged_database_is_refused_and_left_where_it_is(
    folder: Path, where: int, count: int
) -> None:
    with workshop(folder) as opened:
        fill(opened.repository)
    path = folder / "workshop.sqlite"
    spoiled = bytearray(path.read_bytes())
    spoiled[where : where + count] = b"\xff" * count
    path.write_bytes(spoiled)
    with (
        pytest.raises(WorkshopError, match="left as it is.*backup"),
        workshop(folder) as opened,
        opened.repository.reading() as reading,
    ):
        list(reading.pictures())
    assert path.read_bytes() == spoiled
    assert {each.name for each in folder.iterdir()} <= {
        *("pictures", "releases", "workshop.toml", "workshop.sqlite"),
        *("workshop.sqlite-wal", "workshop.sqlite-shm"),
    }


def test_a_database_of_a_newer_kiosk_is_refused(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "workshop.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StateError, match="newer kiosk"):
        open_workshop(folder)
    (folder / "workshop.toml").unlink()
    with pytest.raises(StateError, match="newer kiosk"):
        init(folder)


def test_rows_are_not_written_into_a_file_that_lost_its_name(folder: Path) -> None:
    with workshop(folder) as opened:
        opened.repository.apply([PutSku("a")])
        (folder / "workshop.sqlite").rename(folder / "kept.sqlite")
        with pytest.raises(StateError, match="removed or replaced"):
            opened.repository.apply([PutSku("b")])


def test_a_writer_that_never_ends_is_named_instead_of_waited_for(folder: Path) -> None:
    path = folder / "workshop.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        repository = SqlRepository(SqliteDatabase(path, busy_timeout_s=0.05))
        with closing(repository), pytest.raises(BusyError, match="another process"):
            repository.apply([PutSku("a")])


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (rows.pictures_named(3), 6),
        (f"{rows.PICTURES} WHERE sku IN (?,?)", 2),
        (f"{rows.SKUS} WHERE sku IN (?,?)", 2),
    ],
)
def test_a_batch_looks_up_what_it_touches_and_never_reads_a_whole_table(
    folder: Path, query: str, values: int
) -> None:
    with closing(sqlite3.connect(folder / "workshop.sqlite")) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {query}", ["a"] * values).fetchall()
    steps = [str(step[3]) for step in plan]
    assert any(step.startswith("SEARCH") and "PRIMARY KEY" in step for step in steps)
    assert not [step for step in steps if step in ("SCAN pictures", "SCAN skus")]


def test_a_text_that_was_altered_on_the_disk_is_damage_and_no_traceback(folder: Path) -> None:
    with workshop(folder) as opened:
        opened.repository.apply([PutSku("a"), PutSku("b")])
        with closing(sqlite3.connect(folder / "workshop.sqlite")) as other, other:
            other.execute("UPDATE skus SET name = CAST(x'ff' AS TEXT) WHERE sku = 'a'")
            other.execute("UPDATE skus SET barcodes = 'x' WHERE sku = 'b'")
        with opened.repository.reading() as reading:
            with pytest.raises(WorkshopError, match="damaged"):
                reading.sku("a")
            with pytest.raises(WorkshopError, match="'b' is damaged"):
                reading.sku("b")


def test_a_picture_is_checked_to_its_end() -> None:
    data = png(side=40)
    checked = checked_picture(data, "duck.png")
    assert (checked.width, checked.height, checked.bytes) == (48, 40, len(data))
    assert checked.sha256 == sha256(data)
    for spoiled, code in (
        (b"", "Empty"),
        (data[:-40], "Damaged"),
        (png(side=20), "UnsupportedPicPixels"),
        (b"%PDF-1.7 and so on", "UnsupportedPicFormat"),
    ):
        with pytest.raises(ImageError) as caught:
            checked_picture(spoiled, "duck.png")
        assert caught.value.code == code
        assert "duck.png" in str(caught.value)
    with pytest.raises(ImageError, match="32 to 8192 pixels a side"):
        checked_picture(png(side=20), "duck.png")


@pytest.fixture
def pictures(folder: Path) -> Pictures:
    return Pictures(folder / "pictures")


def test_a_picture_is_there_only_once_settled_and_only_once(pictures: Pictures) -> None:
    data = png()
    digest = sha256(data)
    pictures.keep(data, digest)
    pictures.keep(data, digest)
    assert not pictures.path(digest).exists()
    pictures.settle()
    assert pictures.read(digest, "duck") == data
    pictures.keep(data, digest)
    pictures.settle()
    kept = picture_files(pictures.folder)
    assert kept == [pictures.folder / digest[:2] / digest]


def test_many_pictures_are_settled_at_once(pictures: Pictures) -> None:
    many = {sha256(data): data for data in (b"%d" % number for number in range(100))}
    for digest, data in many.items():
        pictures.keep(data, digest)
    pictures.settle()
    assert {digest: pictures.read(digest, "one") for digest in many} == many
    assert len(picture_files(pictures.folder)) == 100


def test_what_was_not_settled_can_be_taken_back(pictures: Pictures) -> None:
    pictures.keep(png(), sha256(png()))
    pictures.forget()
    pictures.settle()
    assert not picture_files(pictures.folder)


def test_what_a_killed_process_has_left_is_removed_a_day_later(pictures: Pictures) -> None:
    for age_s, name in ((0, "fresh"), (2 * 86_400, "old")):
        left = pictures.folder / ".incoming" / name
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(b"half")
        os.utime(left, (time.time() - age_s,) * 2)
    pictures.keep(png(), sha256(png()))
    pictures.settle()
    assert [path.name for path in (pictures.folder / ".incoming").iterdir()] == ["fresh"]


@pytest.mark.parametrize("spoiled", [b"", png()[:-1], png(9)])
def test_a_copy_that_was_altered_is_named_and_mended_by_adding_it_again(
    pictures: Pictures, spoiled: bytes
) -> None:
    digest = sha256(png())
    pictures.keep(png(), digest)
    pictures.settle()
    pictures.path(digest).write_bytes(spoiled)
    with pytest.raises(ImageError, match="add the picture again") as caught:
        pictures.read(digest, "duck/1.png")
    assert caught.value.code == ("Damaged" if spoiled else "Empty")
    pictures.keep(png(), digest)
    pictures.settle()
    assert pictures.read(digest, "duck/1.png") == png()


def test_a_copy_that_vanished_is_named(pictures: Pictures) -> None:
    with pytest.raises(ImageError, match="duck/1.png.*add the picture again") as caught:
        pictures.read(A, "duck/1.png")
    assert caught.value.code == "Unreadable"


def test_a_workshop_is_a_source_in_the_order_of_a_folder(folder: Path) -> None:
    box = Box(1, 2, 30, 40)
    with workshop(folder) as opened:
        same = {"ints": (7, None, None, None)}
        opened.repository.apply(
            [
                PutPicture(Picture("b", "2.png", B, strings=("x", None, None, None), **same)),
                PutPicture(Picture("b", "1.png", A, box, strings=("y", None, None, None), **same)),
                PutPicture(Picture("a", "z.png", B)),
                PutSku("b", "Bee", "Zoo", ("123",), (("size", "M"),), flip=True),
                PutSku("a", flip=False),
                PutSku("none"),
            ]
        )
        with opened.source() as (source, seq):
            opened.repository.apply([RemoveSku("a"), RemoveSku("b")])
            assert seq == 1
            place = opened.pictures.path
            expected = [
                SourcePicture("a/z.png", place(B), "a", None, B),
                SourcePicture("b/1.png", place(A), "b", box, A),
                SourcePicture("b/2.png", place(B), "b", None, B),
            ]
            assert list(source.pictures) == expected
            assert len(source.pictures) == 3
            assert list(source.pictures)[::2] == source.pictures[::2]  # type: ignore[index]
            attributes = (("int_attr", "7"), ("size", "M"))
            assert dict(source.records) == {
                "a": Record("a", "a", ""),
                "b": Record("b", "Bee", "Zoo", ("123",), attributes),
            }
            assert (source.flips, source.fixed) == ({"b"}, {"a"})
            assert source.warnings == ("none: has no picture and is not enrolled",)


def test_a_workshop_without_pictures_is_no_source(folder: Path) -> None:
    with workshop(folder) as opened, pytest.raises(SourceError, match="holds no picture"):
        opened.repository.apply([PutSku("duck")])
        with opened.source():
            pass


def test_the_last_release_is_the_newest_that_is_still_there(folder: Path) -> None:
    with workshop(folder) as opened:
        with pytest.raises(WorkshopError, match="catalog build"):
            opened.last_release()
        for name in ("r1", "r2"):
            (opened.releases / name).mkdir()
            (opened.releases / name / "manifest.json").touch()
            opened.repository.note_release(Built(name, name, 1), Note("build", name))
        assert opened.last_release() == folder / "releases" / "r2"
        (folder / "releases" / "r2" / "manifest.json").unlink()
        assert opened.last_release() == folder / "releases" / "r1"
    assert is_workshop(folder) and not is_workshop(folder / "releases")
