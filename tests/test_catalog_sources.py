# SPDX-License-Identifier: Apache-2.0
"""The forms a source may have, how people really save lists, and every mistake told at once."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from kiosk.catalog.sources import Source, read_source
from kiosk.errors import SourceError
from kiosk.values import Record


def touch(root: Path, *names: str) -> Path:
    """Empty files will do: a source is read without opening a picture."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def named(source: Source) -> list[tuple[str, str]]:
    return [(picture.sku, picture.name) for picture in source.pictures]


def mistakes(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_source(path)
    return str(caught.value)


def test_a_folder_per_sku_sorted_whatever_else_lies_there(tmp_path: Path) -> None:
    touch(tmp_path, "B/2.jpg", "B/1.PNG", "A b/x.webp", "B/Thumbs.db", "B/notes.txt", "B/.x.jpg")
    touch(tmp_path, ".git/x.jpg", "readme.txt", ".DS_Store")
    source = read_source(tmp_path)
    assert named(source) == [("A b", "A b/x.webp"), ("B", "B/1.PNG"), ("B", "B/2.jpg")]
    assert source.records == {sku: Record(sku, sku, "") for sku in ("A b", "B")}
    assert source.empty == () and source.warnings == ()


def test_an_empty_sku_folder_is_reported_and_a_nested_one_warned_of(tmp_path: Path) -> None:
    touch(tmp_path, "A/1.jpg", "B/notes.txt", "A/old/2.jpg")
    source = read_source(tmp_path)
    assert source.empty == ("B",)
    assert source.warnings == ("A/old: folders inside a SKU folder are not read",)


def test_a_flat_folder_with_a_list(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "items.csv").write_text(
        "file,sku,name,category,barcode,colour\n1.jpg,A,Apple,Fruit,12;34 12,red\n2.jpg,A,,,,\n"
    )
    source = read_source(tmp_path)
    assert named(source) == [("A", "1.jpg"), ("A", "2.jpg")]
    assert source.records["A"] == Record("A", "Apple", "Fruit", ("12", "34"), (("colour", "red"),))


@pytest.mark.parametrize("column", ["file", "path", "picture", " Picture "])
def test_any_of_three_columns_names_the_picture(tmp_path: Path, column: str) -> None:
    (tmp_path / "list.csv").write_text(f"{column},SKU\na.jpg,A\n")
    assert named(read_source(tmp_path)) == [("A", "a.jpg")]
    assert named(read_source(tmp_path / "list.csv")) == [("A", "a.jpg")]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lists_as_spreadsheets_save_them(
    tmp_path: Path, mark: str, separator: str, end: str
) -> None:
    lines = ["file,sku,name", 'a.jpg,Ä1,"Big, red; tin"', "", ",,", "b.jpg,B,Beans"]
    cells = [line.split(",", 2) for line in lines]
    text = mark + end.join(separator.join(row) for row in cells) + end
    (tmp_path / "list.csv").write_bytes(text.encode())
    source = read_source(tmp_path)
    assert named(source) == [("B", "b.jpg"), ("Ä1", "a.jpg")]
    assert source.records["Ä1"].name == "Big, red; tin"


def test_a_data_set_manifest_gives_its_references_only(tmp_path: Path) -> None:
    touch(tmp_path, "iconic/a.jpg", "photos/b.jpg")
    (tmp_path / "manifest.csv").write_text(
        "path,sku,role,split,category\n"
        "iconic/a.jpg,A,reference,,Fruit\nphotos/b.jpg,A,photo,test,Fruit\nx.jpg,,unknown,,\n"
    )
    source = read_source(tmp_path)
    assert named(source) == [("A", "iconic/a.jpg")]
    assert source.records["A"] == Record("A", "A", "Fruit")
    assert named(read_source(tmp_path / "manifest.csv")) == named(source)


def test_a_manifest_without_references_says_so(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,sku,role\na.jpg,A,photo\n")
    assert "no row has the role `reference`" in mistakes(tmp_path)


def test_skus_csv_describes_skus_and_warns_of_those_without_pictures(tmp_path: Path) -> None:
    touch(tmp_path, "A/1.jpg", "B/1.jpg")
    (tmp_path / "skus.csv").write_text(
        "sku;name;category;barcode;flip;metal\r\nA;Ring;Rings;1 2;yes;gold\r\n"
        "B;Stud;Rings;;no;\r\nC;Gone;Rings;;;\r\n"
    )
    source = read_source(tmp_path)
    assert source.records["A"] == Record("A", "Ring", "Rings", ("1", "2"), (("metal", "gold"),))
    assert source.records["B"] == Record("B", "Stud", "Rings")
    assert (source.flips, source.fixed) == (frozenset("A"), frozenset("B"))
    assert source.warnings == ("skus.csv line 4: 'C' has no picture and is not enrolled",)
    assert "C" not in source.records


def test_folder_names_and_lists_in_other_unicode_forms_are_the_same_sku(tmp_path: Path) -> None:
    touch(tmp_path, unicodedata.normalize("NFD", "Äpfel") + "/1.jpg")
    (tmp_path / "skus.csv").write_text(unicodedata.normalize("NFC", "sku,name\nÄpfel,Apples\n"))
    assert [record.name for record in read_source(tmp_path).records.values()] == ["Apples"]


def test_windows_paths_in_a_list_work(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("file,sku\nphotos\\a.jpg,A\n")
    assert named(read_source(tmp_path)) == [("A", "photos/a.jpg")]


def test_what_fits_two_forms_is_not_guessed(tmp_path: Path) -> None:
    two = touch(tmp_path / "two", "a.jpg")
    for name in ("one.csv", "other.csv"):
        (two / name).write_text("file,sku\na.jpg,A\n")
    assert "several lists (one.csv, other.csv)" in mistakes(two)
    assert named(read_source(two / "one.csv")) == [("A", "a.jpg")]
    mixed = touch(tmp_path / "mixed", "a.jpg", "B/b.jpg")
    (mixed / "list.csv").write_text("file,sku\na.jpg,A\n")
    assert "a folder of pictures that it does not name (B)" in mistakes(mixed)
    loose = touch(tmp_path / "loose", "a.jpg", "B/b.jpg")
    assert "a.jpg lies beside the SKU folders" in mistakes(loose)


def test_a_release_is_not_taken_for_pictures(tmp_path: Path) -> None:
    touch(tmp_path, "manifest.json", "thumbnails/a.jpg")
    assert "is a release already" in mistakes(tmp_path)


@pytest.mark.parametrize("name", ["../out.jpg", "/etc/passwd", "a/../../out.jpg", "..\\out.jpg"])
def test_a_path_that_leaves_the_source_is_refused(tmp_path: Path, name: str) -> None:
    root = touch(tmp_path / "root", "a.jpg")
    (root / "list.csv").write_text(f"file,sku\na.jpg,A\n{name},B\n")
    assert "list.csv line 3" in mistakes(root) and "leads out of" in mistakes(root)


def test_a_link_out_of_the_source_is_refused_and_one_inside_is_followed(tmp_path: Path) -> None:
    root = touch(tmp_path / "root", "A/1.jpg")
    touch(tmp_path, "secret/2.jpg")
    (root / "A" / "inside.jpg").symlink_to("1.jpg")
    assert len(read_source(root).pictures) == 2
    (root / "A" / "out.jpg").symlink_to(tmp_path / "secret" / "2.jpg")
    assert "'A/out.jpg' leads out of" in mistakes(root)
    (root / "A" / "out.jpg").unlink()
    (root / "B").symlink_to(tmp_path / "secret")
    assert "'B/2.jpg' leads out of" in mistakes(root)


def test_all_mistakes_of_a_list_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "file,sku,name,flip\na.jpg,A,Apple,\na.jpg,B,,\nb.jpg,,,\n,C,,\nc.jpg,A,Pear,\n"
        f"d.jpg,{'x' * 257},,\ne.jpg,D,,perhaps\nf.jpg,bad\x07sku,,\n"
    )
    text = mistakes(tmp_path)
    for expected in (
        "line 3: 'a.jpg' belongs to 'A' already",
        "line 4: needs a file and a sku",
        "line 5: needs a file and a sku",
        "line 6: the name of 'A' is 'Pear' here and 'Apple' before",
        "line 7: a SKU has 1 to 256 characters, this one 257",
        "line 8: flip is 'perhaps', write yes or no",
        "line 9: the SKU 'bad\\x07sku' holds a control character",
    ):
        assert expected in text


def test_many_mistakes_are_counted_and_not_all_printed(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("file,sku\n" + "a.jpg,\n" * 500)
    assert "and 480 more" in mistakes(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"file,sku\n\xff\xfe.jpg,A\n", "not UTF-8"),
        (b'file,sku\n"a.jpg,A\n', "check its quotes"),
        (b"file,sku,sku\na.jpg,A,B\n", "two columns 'sku'"),
        (b"file,sku\na.jpg,A,one,more\n", "4 values for 2 columns"),
        (b"file,sku\n" + b"x" * 200_000 + b",A\n", "field larger"),
        (b"name,colour\nApple,red\n", "a list needs `sku`"),
        (b"", "a list needs `sku`"),
        (b"file,sku\n", "holds no SKU"),
    ],
)
def test_a_list_that_cannot_be_read_says_why(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "list.csv").write_bytes(data)
    assert message in mistakes(tmp_path / "list.csv")


def test_mistakes_in_skus_csv(tmp_path: Path) -> None:
    touch(tmp_path, "A/1.jpg")
    (tmp_path / "skus.csv").write_text("sku,name\nA,one\nA,two\n")
    assert "skus.csv line 3: 'A' stands in line 2 already" in mistakes(tmp_path)
    (tmp_path / "skus.csv").write_text("name\nApple\n")
    assert "no column `sku`" in mistakes(tmp_path)


def test_names_that_are_no_text_are_refused_and_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"A\xff")).mkdir()
    touch(tmp_path, "B/new\nline.jpg", "B/\u202fnarrow space.jpg")
    text = mistakes(tmp_path)
    assert "rename the folder" in text and "rename the file" in text and "narrow" not in text


def test_nothing_to_build_from(tmp_path: Path) -> None:
    assert "does not exist" in mistakes(tmp_path / "none")
    assert "holds no SKU" in mistakes(tmp_path)
    touch(tmp_path, "A/readme.txt", "photo.jpg")
    assert "neither a folder nor a CSV" in mistakes(tmp_path / "photo.jpg")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "neither a folder nor a CSV" in mistakes(tmp_path / "pipe.csv")
