# SPDX-License-Identifier: Apache-2.0
"""What imports make of a workshop: the same rows by four ways; lines that fail leave nothing."""

from __future__ import annotations

import json
import os
import tracemalloc
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest
from import_parts import HEIGHT, WIDTH, add, contents, draw, files, imported, meta, shop
from PIL import Image

from kiosk.errors import ImportRefused
from kiosk.imports.categories import read_categories
from kiosk.imports.codes import hint
from kiosk.imports.forms import Form, find
from kiosk.values import Box
from kiosk.workshop.changes import Change, PutCategory, PutPicture, Result
from kiosk.workshop.importing import Importer
from kiosk.workshop.line_report import LineReport
from kiosk.workshop.pictures import Pictures
from kiosk.workshop.repository import Note, Repository, Step
from kiosk.workshop.sql import SqlRepository


def test_pictures_are_on_the_disk_for_good_before_a_row_names_them(tmp_path: Path) -> None:
    for number in range(5):
        draw(tmp_path / f"in/A/{number}.png", number)
    with shop(tmp_path / "w") as opened:
        looking = Looking(opened.repository, opened.pictures)
        Importer(looking, opened.pictures, lines_at_once=2).run(
            find(tmp_path / "in"), "test", lambda report: None
        )
    assert looking.named == 5


class Looking(SqlRepository):
    """A repository that looks for the pictures before it writes their rows."""

    def __init__(self, repository: Repository, pictures: Pictures) -> None:
        assert isinstance(repository, SqlRepository)
        super().__init__(repository._database)
        self._pictures = pictures
        self.named = 0

    def apply(
        self, changes: Sequence[Change], *, step: Step | None = None, note: Note | None = None
    ) -> tuple[Result, ...]:
        for change in changes:
            if isinstance(change, PutPicture):
                assert self._pictures.path(change.picture.sha256).is_file()
                self.named += 1
        return super().apply(changes, step=step, note=note)


def codes(folder: Path, source: Path, form: Form | None = None, **more: object) -> list[str]:
    """The code of each line; empty where it was applied."""
    told, _ = imported(folder, source, form, **more)
    for report in told:
        assert bool(report.code) == bool(report.hint and report.reason)
    return [report.code for report in told]


def test_the_same_pictures_give_the_same_rows_by_all_four_ways(tmp_path: Path) -> None:
    names = ["A/1.png", "A/2.png", "B c/1.png"]
    rows: dict[Form, str] = {
        Form.FOLDER: "",
        Form.CSV: "file,sku\n" + "".join(f"{name},{name.split('/')[0]}\n" for name in names),
        Form.PRODUCT_SEARCH: "".join(f"{name},,s,{name.split('/')[0]},,,,\n" for name in names),
        Form.INCREMENT: "",
    }
    found = []
    for form, text in rows.items():
        source = tmp_path / form.value
        for number, name in enumerate(names):
            draw(source / name, number)
        (source / "skus.csv").write_text(
            "sku,name,barcode,product-set-id\nA,Apple,12,s\nB c,Be,,s\n"
        )
        if form is Form.INCREMENT:
            meta(source, *(add(name.split("/")[0], name) for name in names))
        elif text:
            (source / "list.csv").write_text(text)
        told, summary = imported(tmp_path / f"{form.value}.workshop", source)
        assert summary.counts["added"] == 3 and summary.failed == 0, told
        found.append(contents(tmp_path / f"{form.value}.workshop"))
    assert found[1:] == found[:1] * 3
    skus, pictures, _ = found[0]
    assert [(each.sku, each.name) for each in pictures] == [
        ("A", "1.png"),
        ("A", "2.png"),
        ("B c", "1.png"),
    ]
    assert [sku.record.name for sku in skus] == ["Apple", "Be"]


def test_everything_a_line_says_is_stored(tmp_path: Path) -> None:
    draw(tmp_path / "in/a.png")
    more = {"IntAttr": 1, "IntAttr4": -4, "StrAttr2": "zwei", "CustomContent": "k:v\nk2:v2"}
    meta(tmp_path / "in", add("A", "a.png", CategoryId=3, Region="10,50,5,35", **more))
    imported(tmp_path / "w", tmp_path / "in")
    (sku,), (picture,), _ = contents(tmp_path / "w")
    assert sku.record.category == "3"
    assert picture.region == Box(10, 5, 50, 35)
    assert picture.ints == (1, None, None, -4)
    assert picture.strings == (None, "zwei", None, None)
    assert picture.custom == "k:v\nk2:v2"


def test_the_same_pair_again_overwrites_and_is_said_within_one_import(tmp_path: Path) -> None:
    for number in range(2):
        draw(tmp_path / f"in/{number}.png", number)
    twice = [add("A", "front", PicFile=f"{number}.png", IntAttr=number) for number in range(2)]
    meta(tmp_path / "in", *twice, add("B", "front", PicFile="0.png"))
    for workshop, at_once in (("w1", 1000), ("w2", 1)):  # within one batch, and across two
        told, summary = imported(tmp_path / workshop, tmp_path / "in", lines_at_once=at_once)
        assert [report.results for report in told] == [("added",), ("replaced",), ("added",)]
        assert [[each.code for each in report.remarks] for report in told] == [
            [],
            ["Duplicate"],
            [],
        ]
        _, (first, _), _ = contents(tmp_path / workshop)
        assert first.ints[0] == 1
    again, _ = imported(tmp_path / "w1", tmp_path / "in")
    assert [report.results for report in again] == [("replaced",), ("replaced",), ("unchanged",)]


def test_deleting_a_picture_a_product_and_what_is_not_there(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png")
    names = ["a", "b", "c"]
    source = meta(tmp_path / "in", *(add("A", name, PicFile="1.png") for name in names))
    imported(tmp_path / "w", source)
    gone = {"OperationType": "DELETE", "ProductId": "A", "PicName": "a"}
    meta(source, gone, gone, {"operator": "DELETE", "item_id": "A", "pic_list": ["b", "x"]})
    told, summary = imported(tmp_path / "w", source)
    assert [report.results for report in told] == [
        ("removed",),
        ("absent",),
        ("removed", "absent"),
    ]
    assert [picture.name for picture in contents(tmp_path / "w")[1]] == ["c"]
    meta(source, {"operator": "DELETE", "item_id": "A"}, {"operator": "DELETE", "item_id": "Z"})
    told, summary = imported(tmp_path / "w", source)
    assert summary.failed == 0
    assert [report.results for report in told] == [("removed",), ("absent",)]
    assert contents(tmp_path / "w")[:2] == ((), ())


def test_as_at_google_a_row_does_not_change_a_product_that_is_known(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png")
    rows = ["1.png,a,s,P,toys-v2,Name,k=v,", "1.png,b,s,P,apparel-v2,Other,k=w,"]
    (tmp_path / "in/list.csv").write_text("\n".join(rows))
    imported(tmp_path / "w", tmp_path / "in")
    ((sku,), pictures, _) = contents(tmp_path / "w")
    assert (sku.record.name, sku.record.category) == ("Name", "toys-v2")
    assert dict(sku.record.attributes) == {"product-set-id": "s", "k": "v"}
    assert [picture.name for picture in pictures] == ["a", "b"]


def test_a_polygon_in_fractions_becomes_whole_pixels_of_the_picture(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png")
    (tmp_path / "in/list.csv").write_text('1.png,a,s,P,,,,"0.1,0.1,0.51,0.1,0.51,1.0"\n')
    imported(tmp_path / "w", tmp_path / "in")
    assert contents(tmp_path / "w")[1][0].region == Box(6, 4, 31, HEIGHT)


def test_every_picture_that_cannot_be_used_has_its_code(tmp_path: Path) -> None:
    source = tmp_path / "in"
    draw(source / "good.png")
    draw(source / "small.png", width=31)
    draw(source / "wide.png", width=9000)
    (source / "empty.png").touch()
    (source / "cut.png").write_bytes((source / "good.png").read_bytes()[:-40])
    (source / "text.png").write_text("hello, this is no picture at all")
    with (source / "huge.png").open("wb") as file:
        file.truncate(33 * 2**20)
    (source / "folder.png").mkdir()
    os.mkfifo(source / "pipe.png")
    draw(tmp_path / "secret.png")
    (source / "way.png").symlink_to(tmp_path / "secret.png")
    (source / "up").symlink_to(tmp_path)
    expected = {
        "good.png": "",
        "small.png": "TooSmall",
        "wide.png": "TooLarge",
        "huge.png": "TooLarge",
        "empty.png": "Empty",
        "cut.png": "Damaged",
        "text.png": "UnsupportedPicFormat",
        "missing.png": "Unreadable",
        "good": "Unreadable",  # the extension belongs to the name
        "folder.png": "NotAFile",
        "pipe.png": "NotAFile",
        "way.png": "PathOutsideRoot",
        "up/secret.png": "PathOutsideRoot",
        "zero\0byte.png": "Unreadable",
    }
    meta(source, *(add(f"S{number}", name) for number, name in enumerate(expected)))
    assert codes(tmp_path / "w", source) == list(expected.values())
    assert "32 to 8192 pixels" in hint("TooSmall") and "32 MB" in hint("TooLarge")
    skus, pictures, _ = contents(tmp_path / "w")
    assert [sku.record.sku for sku in skus] == ["S0"] and len(pictures) == 1
    assert files(tmp_path / "w") == {pictures[0].sha256}


def test_regions_and_attributes_that_cannot_be_stored(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png")
    meta(
        tmp_path / "in",
        add("A", "1.png", Region=f"0,{WIDTH},0,{HEIGHT}"),
        add("B", "1.png", Region=f"0,{WIDTH + 1},0,{HEIGHT}"),
        add("C", "1.png", Region=f"0,{WIDTH},0,{HEIGHT + 1}"),
        add("D", "1.png", StrAttr="x" * 128),
        add("E", "1.png", StrAttr="x" * 129),
        add("F", "1.png", CustomContent="x" * 4097),
        add("G", "1.png", IntAttr=2**63),
        add("H", "x" * 257, PicFile="1.png"),
        add("I", "1.png", CategoryId="x" * 257),
        add("J", "a\tb", PicFile="1.png"),
    )
    assert codes(tmp_path / "w", tmp_path / "in") == [
        "",
        "RegionOutsidePicture",
        "RegionOutsidePicture",
        "",
        "InvalidStrAttr",
        "InvalidCustomContent",
        "InvalidIntAttr",
        "InvalidPicName",
        "InvalidCategory",
        "InvalidPicName",
    ]


def test_a_region_smaller_than_any_item_is_refused_by_every_way(tmp_path: Path) -> None:
    draw(tmp_path / "meta/1.png")
    regions = {"0,1,0,1": False, "0,7,0,40": False, "0,60,0,7.5": False, "1.5,9.5,2,10": True}
    meta(tmp_path / "meta", *(add(each, "1.png", Region=each) for each in regions))
    told, _ = imported(tmp_path / "w", tmp_path / "meta")
    assert [not report.code for report in told] == list(regions.values())
    assert {report.code for report in told} == {"", "InvalidRegion"}
    assert "1x1 pixels; at least 8x8" in told[0].reason and "8 a side" in told[0].hint
    draw(tmp_path / "search/1.png")
    rows = ["0,0,1,1", "0,0,8,8", "0.0,0.0,0.1,0.1", "0.0,0.0,1.0,1.0"]
    text = "".join(f'1.png,{n},s,A{n},,,,"{each}"\n' for n, each in enumerate(rows))
    (tmp_path / "search/list.csv").write_text(text)
    assert codes(tmp_path / "w", tmp_path / "search") == ["InvalidRegion", "", "InvalidRegion", ""]


def test_a_line_whose_texts_cannot_be_stored_leaves_no_picture(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png")
    meta(tmp_path / "in", add("A", "1.png", StrAttr="x" * 129))
    assert codes(tmp_path / "w", tmp_path / "in") == ["InvalidStrAttr"]
    assert files(tmp_path / "w") == set()


def test_a_region_is_judged_and_kept_for_a_picture_that_is_known_already(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png")
    meta(tmp_path / "in", add("A", "1.png"))
    imported(tmp_path / "w", tmp_path / "in")
    meta(tmp_path / "in", add("A", "1.png"), add("A", "1.png", Region="1,9,2,10"))
    imported(tmp_path / "w", tmp_path / "in")
    assert contents(tmp_path / "w")[1][0].region == Box(1, 2, 9, 10)
    meta(tmp_path / "in", add("A", "1.png", Region="1,900,2,8"))
    assert codes(tmp_path / "w", tmp_path / "in") == ["RegionOutsidePicture"]


def test_a_product_that_is_deleted_and_added_again_in_one_batch_is_described_again(
    tmp_path: Path,
) -> None:
    draw(tmp_path / "in/1.png")
    put = add("A", "1.png", CategoryId="Bag")
    meta(tmp_path / "in", put, {"OperationType": "DELETE", "ProductId": "A"}, put)
    imported(tmp_path / "w", tmp_path / "in")
    ((sku,), (_,), _) = contents(tmp_path / "w")
    assert sku.record.category == "Bag"


def test_a_line_of_which_one_picture_fails_leaves_nothing(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png", 1)
    draw(tmp_path / "in/2.png", 2)
    both = {"operator": "ADD", "item_id": "A", "cat_id": 7, "pic_list": ["1.png", "gone.png"]}
    meta(tmp_path / "in", both, add("B", "2.png"))
    assert codes(tmp_path / "w", tmp_path / "in") == ["Unreadable", ""]
    skus, (picture,), _ = contents(tmp_path / "w")
    assert [sku.record.sku for sku in skus] == ["B"]
    assert files(tmp_path / "w") == {picture.sha256}


def test_a_closed_list_of_categories_by_number_and_by_name(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png")
    given = [3, "3", "Bag", 4, "Bags"]
    rows = [add(f"S{n}", "1.png", CategoryId=category) for n, category in enumerate(given)]
    meta(tmp_path / "in", *rows)
    with shop(tmp_path / "w", PutCategory("Bag", 3), PutCategory("Shoes")):
        pass
    told, _ = imported(tmp_path / "w", tmp_path / "in")
    assert [report.code for report in told] == ["", "", "", "UnknownCategory", "UnknownCategory"]
    assert "the nearest is 'Bag'" in told[-1].reason
    assert {sku.record.category for sku in contents(tmp_path / "w")[0]} == {"Bag"}
    # Made known with the import itself, in the same transaction as its first lines.
    told, _ = imported(tmp_path / "w2", tmp_path / "in", categories={"Bag": 3})
    assert [report.code for report in told].count("UnknownCategory") == 2
    assert contents(tmp_path / "w2")[2] == {"Bag": 3}


def test_a_number_of_two_categories_is_refused_in_a_list_and_against_the_workshop(
    tmp_path: Path,
) -> None:
    draw(tmp_path / "in/1.png")
    meta(tmp_path / "in", add("A", "1.png", CategoryId=3))
    listed = tmp_path / "categories.csv"
    listed.write_text("number,name\n3,Bag\n,Hat\n,Cap\n3,Shoe\n")
    with pytest.raises(ImportRefused, match="the number 3 is .* 'Bag' and 'Shoe'") as caught:
        read_categories(listed)
    assert caught.value.code == "InvalidCategory" and "number" in hint(caught.value.code)
    with shop(tmp_path / "w", PutCategory("Bag", 3), PutCategory("Shoe", 4)):
        pass
    with pytest.raises(ImportRefused, match="'Bag' and 'Hat'"):
        imported(tmp_path / "w", tmp_path / "in", categories={"Hat": 3})
    assert contents(tmp_path / "w") == ((), (), {"Bag": 3, "Shoe": 4})
    # Numbers may be given anew, as long as each is that of one in the end.
    imported(tmp_path / "w", tmp_path / "in", categories={"Shoe": 3, "Bag": 4})
    assert contents(tmp_path / "w")[0][0].record.category == "Shoe"


def contradicted(told: list[LineReport]) -> list[str]:
    """What each line has contradicted, by the field."""
    assert {each.code for report in told for each in report.remarks} <= {"Contradiction"}
    words = [[each.reason.split()[1] for each in report.remarks] for report in told]
    return [" ".join(each) for each in words]


def test_a_list_that_contradicts_itself_is_told_and_the_last_line_counts(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png")
    rows = (
        *("A;Apple;Fruit;12;yes", "A;;;;", "B;Apple;Fruit;12;", "A;Apple;Fruit;12;yes"),
        *("A;Pear;Food;34;no", "A;Pear;;;", "A;Apple;;;"),
    )
    text = "".join(f"1.png;{n};{row}\n" for n, row in enumerate(rows))
    head = "file;picture_name;sku;name;category;barcode;flip\n"
    (tmp_path / "in/list.csv").write_text(head + text)
    everything = "name category barcodes flip"
    expected = ["", "", "", "", everything, "", "name"]
    for at_once in (1, 1000):
        told, _ = imported(tmp_path / f"w{at_once}", tmp_path / "in", lines_at_once=at_once)
        assert contradicted(told) == expected
        (apple, _), _, _ = contents(tmp_path / f"w{at_once}")
        assert (apple.record.name, apple.record.barcodes) == ("Apple", ("34",))
    assert told[4].remarks[0].reason == (
        "the name of A is 'Pear' here, another in an earlier line; this one counts"
    )
    looked: list[LineReport] = []
    with shop(tmp_path / "new") as opened:
        Importer(opened.repository, opened.pictures).look(find(tmp_path / "in"), looked.append)
    assert contradicted(looked) == expected
    # The list of SKUs beside has the last word; itself it may not contradict.
    (tmp_path / "in/skus.csv").write_text("sku;name\nA;Plum\nB;Bag\nA;Peach\n")
    told, _ = imported(tmp_path / "w1", tmp_path / "in")
    assert [bool(report.remarks) for report in told[7:]] == [False, False, True]
    # Another import may say what it will.
    (tmp_path / "in/list.csv").write_text("file;sku;name\n1.png;A;Quince\n")
    assert contradicted(imported(tmp_path / "w1", tmp_path / "in")[0]) == ["", "", "", "name"]


def test_a_product_search_list_that_contradicts_itself_keeps_what_came_first(
    tmp_path: Path,
) -> None:
    draw(tmp_path / "in/1.png")
    names = ("Apple", "Pear", "Apple", "Pear")
    rows = [f"1.png,{n},set{n},A,fruit,{name},," for n, name in enumerate(names)]
    (tmp_path / "in/list.csv").write_text("\n".join(rows))
    told, _ = imported(tmp_path / "w", tmp_path / "in")
    assert contradicted(told) == ["", "name", "", "name"]
    assert "the earlier is kept" in told[1].remarks[0].reason
    assert contents(tmp_path / "w")[0][0].record.name == "Apple"


def test_a_sku_that_is_deleted_may_come_back_as_another_and_a_run_that_goes_on_knows_what_was_said(
    tmp_path: Path,
) -> None:
    draw(tmp_path / "in/1.png")
    delete = {"OperationType": "DELETE", "ProductId": "A"}
    rows = [add("A", "1.png", CategoryId=c) for c in ("Bag", "Hat", "Cap", "3")]
    meta(tmp_path / "in", rows[0], delete, *rows[1:])
    known = {"Bag": None, "Hat": None, "Cap": 3}
    found = find(tmp_path / "in")
    with shop(tmp_path / "w", *(PutCategory(*each) for each in known.items())) as opened:
        importer = Importer(opened.repository, opened.pictures, lines_at_once=3)
        told: list[LineReport] = []

        def stop(report: LineReport) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            importer.run(found, "test", stop)
        importer.run(found, "test", told.append)
    assert [report.earlier for report in told] == [True, True, True, False, False]
    reasons = [each.reason for report in told for each in report.remarks if each.code[0] == "C"]
    assert reasons == [
        "the category of A is 'Cap' here, another in an earlier line; this one counts"
    ]


def test_strict_applies_nothing_when_a_line_fails(tmp_path: Path) -> None:
    draw(tmp_path / "in/1.png")
    meta(tmp_path / "in", *(add(f"S{n}", "1.png") for n in range(5)), add("S9", "gone.png"))
    told, summary = imported(tmp_path / "w", tmp_path / "in", strict=True, lines_at_once=2)
    assert (summary.applied, summary.failed) == (False, 1)
    assert [report.results or report.code for report in told] == [("usable",)] * 5 + ["Unreadable"]
    assert contents(tmp_path / "w")[:2] == ((), ()) and files(tmp_path / "w") == set()
    meta(tmp_path / "in", *(add(f"S{n}", "1.png") for n in range(5)))
    told, summary = imported(tmp_path / "w", tmp_path / "in", strict=True)
    assert summary.applied and summary.counts["added"] == 5


def test_a_picture_in_the_workshop_that_was_cut_short_is_healed_by_the_next_import(
    tmp_path: Path,
) -> None:
    draw(tmp_path / "in/A/1.png")
    imported(tmp_path / "w", tmp_path / "in")
    (name,) = files(tmp_path / "w")
    place = tmp_path / "w/pictures" / name[:2] / name
    data = place.read_bytes()
    place.unlink()
    place.write_bytes(data[:10])
    imported(tmp_path / "w", tmp_path / "in")
    assert place.read_bytes() == data


def test_names_that_are_no_text_cost_their_lines_only(tmp_path: Path) -> None:
    source = tmp_path / "in"
    draw(source / "A" / "1.png")
    (source / "A" / os.fsdecode(b"\xff.png")).write_bytes(b"no picture")
    (source / os.fsdecode(b"B\xfe")).mkdir()
    assert codes(tmp_path / "w", source) == ["", "UnsupportedPicFormat", "InvalidProductId"]
    escaped = [add("A", "x"), add("A", "y")]
    rows = [json.dumps(row).replace('"x"', r'"\udcff.png"') for row in escaped]
    rows = [row.replace('"y"', r'"\ud800\u0000.png"') for row in rows]
    meta(source, *rows)
    assert codes(tmp_path / "w2", source) == ["Unreadable", "Unreadable"]
    with shop(tmp_path / "w2") as opened:
        (event,) = opened.repository.history()
        assert dict(event.note.figures) == {"failed": 2}


def test_a_region_counts_in_pixels_of_the_upright_picture(tmp_path: Path) -> None:
    """A phone held upright stores 60x40 and a note to turn it: 40 wide and 60 high."""
    note = Image.Exif()
    note[0x0112] = 6
    (tmp_path / "in").mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "in/1.jpg", exif=note)
    rows = [add("A", "1.jpg", Region=region) for region in ("0,40,0,60", "0,60,0,40")]
    meta(tmp_path / "in", *rows)
    assert codes(tmp_path / "w", tmp_path / "in") == ["", "RegionOutsidePicture"]


def test_an_import_that_is_none_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(ImportRefused) as caught:
        imported(tmp_path / "w", tmp_path / "in", Form.INCREMENT)
    assert caught.value.code == "MissingManifest"


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    def peak_bytes(lines: int) -> int:
        source = tmp_path / f"in{lines}"
        draw(source / "1.png")
        meta(source, *(add(f"S{n // 5}", f"v{n}", PicFile="1.png") for n in range(lines)))
        with shop(tmp_path / f"w{lines}") as opened:
            importer = Importer(opened.repository, opened.pictures, lines_at_once=100)
            importer.run(find(source), "warm", lambda report: None)
            (source / "skus.csv").write_text("sku\n")  # another import, so all lines once more
            tracemalloc.start()
            try:
                importer.run(find(source), "test", lambda report: None)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert peak_bytes(2000) < 1.1 * peak_bytes(500)


@pytest.mark.parametrize(("listed", "lying"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_picture_is_found_in_whichever_unicode_form_its_name_lies(
    tmp_path: Path, listed: Literal["NFC", "NFD"], lying: Literal["NFC", "NFD"]
) -> None:
    draw(tmp_path / "in" / f"{unicodedata.normalize(lying, 'Käse')}.png")
    rows = f"file,sku\n{unicodedata.normalize(listed, 'Käse')}.png,A\n"
    (tmp_path / "in/list.csv").write_text(rows)
    assert codes(tmp_path / "w", tmp_path / "in") == [""]
    assert [each.name for each in contents(tmp_path / "w")[1]] == ["Käse.png"]
