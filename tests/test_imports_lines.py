# SPDX-License-Identifier: Apache-2.0
"""Four forms, the same changes; each line judged alone, with a code that never changes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kiosk.errors import ImportRefused, KioskError, SourceError
from kiosk.imports import codes, increment
from kiosk.imports.changes import About, Change, Describe, Line, Put, Region, Remove
from kiosk.imports.forms import Form, find
from kiosk.imports.labels import read_labels, write_labels
from kiosk.imports.pairs import PairsSeen


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def lines(source: Path, form: Form | None = None, **maps: Path) -> list[Line]:
    named = {f"gs://{bucket}": folder for bucket, folder in maps.items()}
    return list(find(source, form, named).lines())


def changes(source: Path, form: Form | None = None, **maps: Path) -> list[Change]:
    found = lines(source, form, **maps)
    assert [line.failure for line in found] == [None] * len(found)
    return [change for line in found for change in line.changes]


def meta(root: Path, *objects: dict[str, Any] | str) -> Path:
    rows = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in objects]
    (root / "increment.meta").write_text("\n".join(rows), encoding="utf-8")
    return root


def failure(raw: str | bytes) -> str:
    """The code of a line of increment.meta."""
    line = increment.parse(raw.encode() if isinstance(raw, str) else raw, 1)
    assert line.failure is not None and not line.changes, line
    assert codes.hint(line.failure.code)
    return line.failure.code


# increment.meta


def test_the_documented_line_of_the_newer_generation() -> None:
    raw = (
        '{"OperationType": "ADD","ProductId": "1000","PicName": "girl_cloth1.jpg","CategoryId": 0,'
        '"IntAttr": 0,"StrAttr": "value1","CustomContent": "k1:v1,k2:v2,k3:v3",'
        '"Region": "20,40,60,80"}'
    )
    assert increment.parse(raw.encode(), 7) == Line(
        "increment.meta",
        7,
        (
            Put(
                "1000",
                "girl_cloth1.jpg",
                "girl_cloth1.jpg",
                Region(20, 60, 40, 80),  # both x's first in the file: x 20 to 40, y 60 to 80
                About(category="0"),
                "k1:v1,k2:v2,k3:v3",
                (0, None, None, None),
                ("value1", None, None, None),
            ),
        ),
    )


def test_the_documented_line_of_the_older_generation() -> None:
    raw = (
        '{"operator":"ADD","item_id":"1000", "cat_id":0, "cust_content":"k1:v1,k2:v2,k3:v3", '
        '"pic_list":["girl_cloth1.jpg","b/2.jpg"]}'
    )
    put = Put("1000", "girl_cloth1.jpg", "girl_cloth1.jpg", None, About(category="0"))
    first, second = increment.parse(raw.encode(), 1).changes
    assert isinstance(first, Put) and isinstance(second, Put)
    assert (first.sku, first.picture, first.custom) == (put.sku, put.picture, "k1:v1,k2:v2,k3:v3")
    assert (second.file, second.about) == ("b/2.jpg", put.about)


def test_all_eight_attributes_and_what_may_be_left_out() -> None:
    raw = json.dumps(
        {"OperationType": "add", "ProductId": 7, "PicName": "a.jpg", "CategoryId": None}
        | {"IntAttr": -5, "IntAttr2": "6", "IntAttr3": 2**63 - 1, "IntAttr4": 0}
        | {"StrAttr": "", "StrAttr2": " ä ", "StrAttr4": "x"}
    )
    (put,) = increment.parse(raw.encode(), 1).changes
    assert put == Put(
        "7",
        "a.jpg",
        "a.jpg",
        ints=(-5, 6, 2**63 - 1, 0),
        strings=(None, "ä", None, "x"),
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('{"OperationType":"DELETE","ProductId":"1","PicName":"a.jpg"}', (Remove("1", "a.jpg"),)),
        ('{"OperationType":"DELETE","ProductId":"1"}', (Remove("1"),)),
        ('{"operator":"DELETE","item_id":"1"}', (Remove("1"),)),
        (
            '{"operator":"DELETE","item_id":"1","pic_list":["a","b","a"]}',
            (Remove("1", "a"), Remove("1", "b")),
        ),
    ],
)
def test_delete_of_pictures_and_of_whole_products(raw: str, expected: tuple[Change, ...]) -> None:
    assert increment.parse(raw.encode(), 1).changes == expected


ADD = '{"OperationType":"ADD","ProductId":"1","PicName":"a.jpg"'


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (ADD, "BadJson"),
        (f"{ADD}}} {ADD}}}", "BadJson"),  # two objects on a line
        ("[1]", "BadJson"),
        ("null", "BadJson"),
        (f'{ADD},"PicName":"b.jpg"}}', "BadJson"),
        (f'{ADD},"pic_list":["b.jpg"],"item_id":"2"}}', "BadJson"),  # both generations at once
        ("[" * 100_000, "BadJson"),
        (b'{"OperationType":"\xff"}', "NotUtf8"),
        ('{"ProductId":"1","PicName":"a.jpg"}', "MissingField"),
        ('{"OperationType":"ADD","PicName":"a.jpg"}', "MissingField"),
        ('{"OperationType":"ADD","ProductId":"1"}', "MissingField"),
        ('{"operator":"ADD","item_id":"1","pic_list":[]}', "MissingField"),
        ('{"OperationType":"UPDATE","ProductId":"1","PicName":"a.jpg"}', "BadOperation"),
        ('{"operator":"ADD","item_id":"1","pic_list":"a.jpg"}', "BadField"),
        ('{"operator":"ADD","item_id":"1","pic_list":[""]}', "InvalidPicName"),
        ('{"OperationType":"ADD","ProductId":true,"PicName":"a.jpg"}', "BadField"),
        ('{"OperationType":"ADD","ProductId":"a\\u0000b","PicName":"a.jpg"}', "InvalidProductId"),
        (f'{{"OperationType":"ADD","ProductId":"{"x" * 257}","PicName":"a"}}', "InvalidProductId"),
        (f'{ADD},"IntAttr":1.5}}', "InvalidIntAttr"),
        (f'{ADD},"IntAttr2":true}}', "InvalidIntAttr"),
        (f'{ADD},"StrAttr":{{}}}}', "BadField"),
        (f'{ADD},"IntAttr5":1}}', "TooManyAttributes"),
        (f'{ADD},"StrAttr0":"x"}}', "TooManyAttributes"),
        (f'{ADD},"Region":"20,60,40"}}', "InvalidRegion"),
        (f'{ADD},"Region":"40,20,60,80"}}', "InvalidRegion"),
        (f'{ADD},"Region":"-1,20,60,80"}}', "InvalidRegion"),
        (f'{ADD},"Region":"1e3,2e3,0,5"}}', "InvalidRegion"),
        ('{"OperationType":"ADD","ProductId":"1","PicName":"../a.jpg"}', "PathOutsideRoot"),
        ('{"OperationType":"ADD","ProductId":"1","PicName":"/etc/a.jpg"}', "PathOutsideRoot"),
        ('{"OperationType":"ADD","ProductId":"1","PicName":"a/../../b.jpg"}', "PathOutsideRoot"),
        (
            '{"OperationType":"ADD","ProductId":"1","PicName":"a\\\\..\\\\..\\\\b"}',
            "PathOutsideRoot",
        ),
        ('{"OperationType":"ADD","ProductId":"1","PicName":"C:\\\\b.jpg"}', "PathOutsideRoot"),
    ],
)
def test_a_line_that_cannot_be_used(raw: str | bytes, code: str) -> None:
    assert failure(raw) == code


def test_a_key_that_nobody_knows_is_said_and_the_line_used() -> None:
    line = increment.parse(f'{ADD},"IntAtr":5}}'.encode(), 1)
    assert [remark.code for remark in line.remarks] == ["UnknownField"]
    assert line.changes == (Put("1", "a.jpg", "a.jpg"),)


def test_blank_lines_a_mark_and_any_line_end_but_every_line_keeps_its_number(
    tmp_path: Path,
) -> None:
    rows = [f"{ADD}}}", "", "  ", "oops", f"{ADD.replace('a.jpg', 'b.jpg')}}}"]
    (tmp_path / "increment.meta").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    found = [(line.number, line.failure and line.failure.code) for line in lines(tmp_path)]
    assert found == [(1, None), (4, "BadJson"), (5, None)]


def test_an_endless_line_takes_no_memory_and_costs_itself_only(tmp_path: Path) -> None:
    raw = b'{"x":"' + b"y" * 3_000_000 + b'"}\n' + f"{ADD}}}\n".encode()
    (tmp_path / "increment.meta").write_bytes(raw)
    found = lines(tmp_path)
    assert [line.failure and line.failure.code for line in found] == ["LineTooLong", None]
    assert [line.number for line in found] == [1, 2]


def test_without_the_manifest_under_its_fixed_name_nothing_is_guessed(tmp_path: Path) -> None:
    (tmp_path / "other.meta").write_text(f"{ADD}}}")
    for source in (tmp_path, tmp_path / "other.meta"):
        with pytest.raises(ImportRefused, match="increment.meta") as caught:
            find(source, Form.INCREMENT)
        assert caught.value.code == "MissingManifest"


# Product search


ROW = "gs://shop/shoes/1.jpg,front,shoes,S-1,apparel-v2,Red shoe"


def search(root: Path, *rows: str) -> Path:
    (root / "products.csv").write_text("\n".join(rows), encoding="utf-8")
    return root / "products.csv"


def test_a_product_search_list_with_all_its_columns(tmp_path: Path) -> None:
    path = search(
        tmp_path,
        f'{ROW},"color=red,style=a=b,color=blue","0.1,0.2,0.9,0.2,0.9,0.8,0.1,0.8"',
        "shoes/2.jpg,,shoes,S-1,,,,",
        'file:///srv/my%20pics/3.jpg,,kiosk,S-2,,,,"10,20,30,40"',
    )
    labels = (("product-set-id", "shoes"), ("color", "red;blue"), ("style", "a=b"))
    silent = About(attributes=labels[:1], if_new=True)
    assert changes(path, shop=tmp_path) == [
        Put(
            "S-1",
            "front",
            str(tmp_path.resolve() / "shoes/1.jpg"),
            Region(0.1, 0.2, 0.9, 0.8, relative=True),
            About("Red shoe", "apparel-v2", attributes=labels, if_new=True),
        ),
        Put("S-1", "shoes/2.jpg", "shoes/2.jpg", None, silent),
        Put(
            "S-2",
            "/srv/my pics/3.jpg#10,30,20,40",
            "/srv/my pics/3.jpg",
            Region(10, 20, 30, 40),
            About(if_new=True),
        ),
    ]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (ROW, "UnknownBucket"),
        (",front,shoes,S-1,apparel-v2,,,", "MissingField"),
        ("a.jpg,front,,S-1,apparel-v2,,,", "MissingField"),
        ("a.jpg,front,shoes,,apparel-v2,,,", "MissingField"),
        ("a.jpg,front,shoes", "BadColumns"),
        ("a.jpg,front,shoes,S,c,n,l=1,,more", "BadColumns"),
        ('a.jpg,front,shoes,S,c,"open', "BadColumns"),
        ("a.jpg,front,shoes,S,c,n,red,", "BadField"),
        ("a.jpg,front,shoes,S,c,n,=red,", "BadField"),
        ('a.jpg,,s,S,c,n,,"1,2,3"', "InvalidRegion"),
        ('a.jpg,,s,S,c,n,,"1,2,3,x"', "InvalidRegion"),
        ('a.jpg,,s,S,c,n,,"0.5,0.5,1.5,0.9"', "InvalidRegion"),
        ('a.jpg,,s,S,c,n,,"5,5,5,9"', "InvalidRegion"),
        ('a.jpg,,s,S,c,n,,"nan,1,2,3"', "InvalidRegion"),
        ("../a.jpg,,s,S,c,n,,", "PathOutsideRoot"),
        ("gs://here/../../a.jpg,,s,S,c,n,,", "PathOutsideRoot"),
    ],
)
def test_a_product_search_row_that_cannot_be_used(tmp_path: Path, row: str, code: str) -> None:
    path = search(tmp_path, row, "b.jpg,,s,S,c,n,,")
    first, *others = lines(path, Form.PRODUCT_SEARCH, here=tmp_path)
    assert first.failure is not None and first.failure.code == code
    if '"open' not in row:  # an open quote takes the rest with it
        assert [line.failure for line in others] == [None]


@pytest.mark.parametrize(
    "labels",
    [
        (("a", "b"),),
        (("a", "b=c,d\\"), ("k=,\\n", "line\nend"), ("ä", "\\,")),
        (("x", "\\n"), ("y", "1;2")),
    ],
)
def test_labels_come_back_as_they_were(labels: tuple[tuple[str, str], ...]) -> None:
    assert read_labels(write_labels(labels)) == labels


# Lists and folders


def test_a_list_with_everything_a_workshop_knows(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(
        "File;SKU;name;Category;barcode;Colour;region;int_attr;str_attr4;custom_content;"
        "picture_name;flip;attributes\n"
        "a/./1.jpg;A; Apple ;Fruit;12 34;red;1,5,2,6;-3;x;hello;front;no;b=c\n"
        '2.jpg;A;;;;;;;;"two\r\nlines";;;\n',
        newline="",
    )
    touch(tmp_path, "loose.jpg")
    one, two = changes(tmp_path)
    about = About("Apple", "Fruit", ("12", "34"), (("Colour", "red"), ("b", "c")), flip=False)
    assert one == Put(
        "A",
        "front",
        "a/1.jpg",
        Region(1, 2, 5, 6),
        about,
        "hello",
        (-3, None, None, None),
        (None, None, None, "x"),
    )
    assert two == Put("A", "2.jpg", "2.jpg", custom="two\nlines")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lists_as_spreadsheets_save_them(
    tmp_path: Path, mark: str, separator: str, end: str
) -> None:
    rows = [
        ["path", "sku", "name"],
        ["a.jpg", "Ä1", '"Big, red; tin"'],
        ["", "", ""],
        ["b.jpg", "B"],
    ]
    text = mark + end.join(separator.join(row) for row in rows) + end
    (tmp_path / "list.csv").write_bytes(text.encode())
    assert changes(tmp_path) == [
        Put("Ä1", "a.jpg", "a.jpg", about=About("Big, red; tin")),
        Put("B", "b.jpg", "b.jpg"),
    ]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("a.jpg,", "MissingField"),
        (",A", "MissingField"),
        ("a.jpg,A,,maybe", "BadField"),
        ("a.jpg,A,x,,,,,", "BadColumns"),
        ("a.jpg,A,1 2 3 4", "InvalidRegion"),
        ("a.jpg,A,,,five", "InvalidIntAttr"),
        ("../a.jpg,A", "PathOutsideRoot"),
        ("/a.jpg,A", "PathOutsideRoot"),
    ],
)
def test_a_row_of_a_list_that_cannot_be_used(tmp_path: Path, row: str, code: str) -> None:
    rows = ("file,sku,region,flip,int_attr", row + ("y" if code == "BadColumns" else ""), "b.jpg,B")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    first, second = lines(tmp_path)
    assert first.failure is not None and first.failure.code == code
    assert first.number == 2
    assert second.changes == (Put("B", "b.jpg", "b.jpg"),)


ROUNDED = ("4,00638E+12", "4.00638E+12", "1.2e+100", " 4,00638E+12 ")
IDS = ("1E5", "4E+12", "E+12", "4.5E12", "4.5E-12", "44.5E+12", "4,00638E+12-B", "4006381333931")


@pytest.mark.parametrize(
    ("cell", "fails"), [(c, True) for c in ROUNDED] + [(c, False) for c in IDS]
)
def test_a_number_that_a_spreadsheet_has_rounded_costs_its_line_and_an_id_does_not(
    tmp_path: Path, cell: str, fails: bool
) -> None:
    lists = {
        "sku/list.csv": f"file;sku;name\na.jpg;{cell};Apple\nb.jpg;B;Bag\n",
        "barcode/list.csv": f"file;sku;barcode\na.jpg;A;123 {cell}\nb.jpg;B;4\n",
        "skus/skus.csv": f"sku;name\n{cell};Apple\nB;Bag\n",
        "search/list.csv": f'a.jpg,,set,"{cell}",,,,\nb.jpg,,set,B,,,,\n',
    }
    for name, text in lists.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
        one, two = lines((tmp_path / name).parent)
        assert two.failure is None
        assert (one.failure is not None) == fails, name
        if one.failure is not None:
            assert (one.failure.code, one.changes) == ("RoundedNumber", ())
            assert cell.strip() in one.failure.reason
            assert "column as text" in codes.hint(one.failure.code)


def test_broken_text_in_one_row_of_a_list_costs_that_row_only(tmp_path: Path) -> None:
    long = b"c.jpg,C," + b"x" * 2_000_000
    (tmp_path / "list.csv").write_bytes(b"file,sku,name\na.jpg,A,\xff\n" + long + b"\nb.jpg,B,ok\n")
    codes_found = [line.failure and line.failure.code for line in lines(tmp_path)]
    assert codes_found == ["NotUtf8", "LineTooLong", None]


def test_the_list_of_skus_comes_last_whatever_form_the_pictures_have(tmp_path: Path) -> None:
    (tmp_path / "skus.csv").write_text("sku,name\nA,Apple\n")
    last = Describe("A", About("Apple"))
    touch(tmp_path, "A/1.jpg")
    assert changes(tmp_path) == [Put("A", "1.jpg", "A/1.jpg"), last]
    meta(tmp_path, {"OperationType": "ADD", "ProductId": "A", "PicName": "A/1.jpg"})
    assert changes(tmp_path) == [Put("A", "1.jpg", "A/1.jpg"), last]


def test_a_folder_for_each_sku(tmp_path: Path) -> None:
    touch(tmp_path, "B/2.jpg", "B/1.PNG", "A b/x.webp", "B/.x.jpg", "B/notes.txt", ".git/x.jpg")
    touch(tmp_path, "C/readme.txt", "D/1.jpg", "D/old/2.jpg")
    found = lines(tmp_path)
    assert [line.number for line in found] == [1, 2, 3, 4, 5]
    assert [change for line in found for change in line.changes] == [
        Put("A b", "x.webp", "A b/x.webp"),
        Put("B", "1.PNG", "B/1.PNG"),
        Put("B", "2.jpg", "B/2.jpg"),
        Put("D", "1.jpg", "D/1.jpg"),
    ]
    assert [line.failure.code for line in found if line.failure] == ["NoPictures"]
    assert [remark.code for line in found for remark in line.remarks] == ["NestedFolder"]


def test_the_form_is_found_and_when_two_fit_nothing_is_guessed(tmp_path: Path) -> None:
    folders = touch(tmp_path / "folders", "A/1.jpg")
    manifest = meta(touch(tmp_path / "meta", "A/1.jpg"))
    listed = touch(tmp_path / "listed", "1.jpg")
    (listed / "items.csv").write_text("file,sku\n1.jpg,A\n")
    products = touch(tmp_path / "products", "1.jpg")
    search(products, "1.jpg,,s,A,,,,")
    forms = [find(source).form for source in (folders, manifest, listed, products)]
    assert forms == [Form.FOLDER, Form.INCREMENT, Form.CSV, Form.PRODUCT_SEARCH]
    assert find(products / "products.csv").form is Form.PRODUCT_SEARCH
    (listed / "more.csv").write_text("file,sku\n1.jpg,A\n")
    for source, told in [
        (listed, "several lists"),
        (touch(tmp_path / "loose", "A/1.jpg", "2.jpg"), "beside the SKU folders"),
        (touch(tmp_path / "empty", "notes.txt"), "no SKU"),
        (touch(products, "B/1.jpg"), "does not name"),
        (touch(tmp_path / "file", "x.txt") / "x.txt", "no form"),
    ]:
        with pytest.raises(ImportRefused, match=told):
            find(source)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ImportRefused, match="nor a regular file"):
        find(tmp_path / "pipe.csv")
    with pytest.raises(SourceError, match="does not exist"):
        find(tmp_path / "none")


def test_the_manifest_of_a_data_set_gives_its_references(tmp_path: Path) -> None:
    touch(tmp_path, "shop/1.jpg", "street/2.jpg", "test/3.jpg")
    rows = "path,sku,role,split\nshop/1.jpg,A,reference,\nstreet/2.jpg,A,query,val\n"
    (tmp_path / "manifest.csv").write_text(rows)
    (tmp_path / "more.csv").write_text("file,sku\n")
    assert changes(tmp_path) == [Put("A", "shop/1.jpg", "shop/1.jpg")]


def test_a_release_is_no_import(tmp_path: Path) -> None:
    touch(tmp_path, "manifest.json", "A/1.jpg")
    with pytest.raises(KioskError, match="is a release"):
        find(tmp_path)


def test_the_key_of_an_import_changes_with_its_lines_only(tmp_path: Path) -> None:
    root = meta(tmp_path, {"a": 1})
    key = find(root).key()
    assert find(root / "increment.meta").key() == key
    meta(root, {"a": 2})
    assert find(root).key() != key
    folders = touch(tmp_path / "folders", "A/1.jpg")
    before = find(folders).key()
    assert find(folders).key() == before
    (folders / "A/1.jpg").write_text("other")
    assert find(folders).key() != before


def test_a_pair_that_was_seen_is_never_called_new_and_new_ones_hardly_ever_seen() -> None:
    seen = PairsSeen()
    pairs = [(f"S{number // 5}", f"{number % 5}.jpg") for number in range(50_000)]
    assert sum(seen.perhaps(*pair) for pair in pairs) <= 2
    assert all(seen.perhaps(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("list.csv", b"file;article\na.jpg;1\n", "file, article"),
        ("list.csv", "file;sku;Größe\na.jpg;1;L\n".encode("cp1252"), "NotUtf8"),
        ("list.csv", b"Articles of Monday;;\nfile;sku;name\n", "list.csv is no list of pictures"),
        ("names.csv", b"sku,name\nA,Apple\n", "call it skus.csv"),
        ("Skus.CSV", b"sku,name\nA,Apple\n", "has to be called skus.csv"),
        ("increment.meta.txt", b"{}\n", "has to be called increment.meta"),
        ("list.xlsx", b"PK", "is a spreadsheet"),
    ],
)
@pytest.mark.parametrize("picture", ["a.jpg", "A/a.jpg"])
def test_what_looks_like_a_list_and_is_none_is_named_and_never_passed_over(
    tmp_path: Path, picture: str, name: str, data: bytes, told: str
) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / picture).write_bytes(b"jpeg")
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImportRefused) as refused:
        find(tmp_path)
    assert told in f"{refused.value} {refused.value.code}"
    assert find(tmp_path, Form.FOLDER).form is Form.FOLDER


def test_a_product_search_list_with_the_header_that_people_add_is_one(tmp_path: Path) -> None:
    header = "image-uri,image-id,product-set-id,product-id,product-category,product-display-name"
    (tmp_path / "list.csv").write_text(f"{header},labels,bounding-poly\na.jpg,1,set,S,,,,\n")
    found = find(tmp_path)
    assert found.form is Form.PRODUCT_SEARCH
    assert [line.failure for line in found.lines()] == [None]


def test_a_quote_that_is_never_closed_is_told_with_the_line_it_begins_in(tmp_path: Path) -> None:
    rows = ["file,sku,name", "a.jpg,A,Apple", 'b.jpg,B,"Bag', *["c.jpg,C,Cup"] * 9]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    *_, last = find(tmp_path).lines()
    assert last.failure is not None
    assert "begins in line 3" in last.failure.reason


def test_a_value_below_a_merged_header_cell_is_not_dropped(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("file;sku;name;\na.jpg;A;Apple;red\nb.jpg;B;Bag;\n")
    first, second = find(tmp_path).lines()
    assert first.failure is not None
    assert first.failure.code == "BadColumns"
    assert "'red'" in first.failure.reason
    assert second.failure is None
