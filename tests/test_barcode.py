# SPDX-License-Identifier: Apache-2.0
"""Barcodes drawn by the library itself, put on a counter and seen as a camera sees them."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from prints import face

from kiosk.barcode import (
    MAX_CHARS,
    filed,
    is_gtin,
    normalised,
    on_item,
    printable,
    read,
    skus_of,
)
from kiosk.catalog.records import Records, write_records
from kiosk.errors import ImageError
from kiosk.values import Box, Code, Pixels, Record

EAN13, EAN8, UPCA = "4006381333931", "96385074", "036000291452"
F = zxingcpp.BarcodeFormat


def drawn(text: str | bytes, kind: zxingcpp.BarcodeFormat, module_px: int = 3, **how) -> Pixels:
    """A printed label, BGR, grey on off-white as a camera sees black on white."""
    bars = np.array(zxingcpp.create_barcode(text, kind, **how).to_image(scale=module_px))
    bars = cv2.copyMakeBorder(bars, *[6 * module_px] * 4, cv2.BORDER_CONSTANT, value=255)
    return cv2.cvtColor((bars * 0.8 + 30).astype(np.uint8), cv2.COLOR_GRAY2BGR)


def counter(*labels: tuple[Pixels, int, int], size: tuple[int, int] = (640, 480)) -> Pixels:
    """A grainy counter with labels at (x, y)."""
    grain = np.random.default_rng(5).normal(0, 4, (size[1], size[0], 3))
    scene = np.clip((120, 130, 140) + grain, 0, 255).astype(np.uint8)
    for label, x, y in labels:
        scene[y : y + label.shape[0], x : x + label.shape[1]] = label
    return scene


def turned(pixels: Pixels, degrees: float) -> Pixels:
    """Turned about its centre on a larger counter."""
    height, width = pixels.shape[:2]
    side = math.ceil(math.hypot(width, height))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turn[:, 2] += ((side - width) / 2, (side - height) / 2)
    return np.asarray(cv2.warpAffine(pixels, turn, (side, side), borderValue=(130, 130, 130)))


def texts(codes: tuple[Code, ...]) -> list[str]:
    return [code.text for code in codes]


@pytest.mark.parametrize(
    ("text", "kind", "symbology", "article"),
    [
        (EAN13, F.EAN13, "EAN-13", "04006381333931"),
        (EAN8, F.EAN8, "EAN-8", "00000096385074"),
        (UPCA, F.UPCA, "EAN-13", "00036000291452"),
        ("LOT-77A", F.Code128, "Code 128", "LOT-77A"),
        ("LOT-77A", F.Code39, "Code 39", "LOT-77A"),
        ("14006381333938", F.ITF, "ITF", "14006381333938"),
        ("hello", F.QRCode, "QR Code", "hello"),
        (f"https://id.example/01/0{EAN13}?17=270101", F.QRCode, "QR Code", "04006381333931"),
        ("SN:12", F.DataMatrix, "Data Matrix", "SN:12"),
    ],
)
def test_each_symbology_is_read_and_brought_to_one_form(
    text: str, kind: zxingcpp.BarcodeFormat, symbology: str, article: str
) -> None:
    (code,) = read(counter((drawn(text, kind), 90, 70)))
    assert (code.symbology, normalised(code.text)) == (symbology, article)


@pytest.mark.parametrize("kind", [F.DataMatrix, F.Code128, F.QRCode])
def test_a_gs1_element_string_names_its_article(kind: zxingcpp.BarcodeFormat) -> None:
    label = drawn(f"(01)0{EAN13}(10)A7", kind, 2, gs1=True)
    (code,) = read(counter((label, 60, 60), size=(720, 480)))
    assert normalised(code.text) == f"0{EAN13}"


@pytest.mark.parametrize("degrees", [0, 17, 45, 70, 90, 133, 180, 251, 315])
@pytest.mark.parametrize("kind", [F.EAN13, F.QRCode])
def test_a_code_is_read_at_any_angle_and_its_box_lies_on_it(
    kind: zxingcpp.BarcodeFormat, degrees: float
) -> None:
    label = turned(drawn(EAN13, kind), degrees)
    (code,) = read(counter((label, 150, 20), size=(720, 560)))
    assert code.text == EAN13
    x, y = code.box.centre
    middle = 150 + label.shape[1] / 2, 20 + label.shape[0] / 2
    assert math.dist((x, y), middle) < 0.2 * label.shape[1]


def test_a_small_and_a_soft_code_are_read() -> None:
    label = drawn(EAN13, F.DataMatrix, 4)
    small = cv2.resize(label, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    assert texts(read(counter((small, 200, 200)))) == [EAN13]
    soft = cv2.GaussianBlur(counter((drawn(EAN13, F.EAN13), 90, 70)), (0, 0), 1.3)
    assert texts(read(soft)) == [EAN13]


def test_the_same_picture_gives_the_same_codes_from_the_top_down_each_once() -> None:
    upper, lower = drawn(EAN8, F.EAN8, 2), drawn("B", F.QRCode, 4)
    scene = counter((lower, 40, 300), (upper, 300, 20), (upper, 300, 300))
    first = read(scene)
    assert texts(first) == [EAN8, "B"]
    assert first == read(scene.copy())


def test_only_the_code_on_the_item_counts_when_a_box_is_given() -> None:
    scene = counter((drawn(EAN8, F.EAN8, 2), 20, 20), (drawn("B", F.QRCode, 4), 400, 260))
    (code,) = read(scene, Box(380, 240, 560, 420))
    assert code.text == "B"
    assert 400 <= code.box.x1 < code.box.x2 <= 560
    assert 260 <= code.box.y1 < code.box.y2 <= 420


def test_a_label_at_the_very_edge_of_the_box_is_still_the_items() -> None:
    scene = counter((drawn(EAN8, F.EAN8, 2), 200, 100))
    assert texts(read(scene, Box(190, 130, 370, 400))) == [EAN8]


def test_prints_counters_and_stripes_hold_no_code() -> None:
    stripes = np.zeros((300, 400, 3), np.uint8)
    stripes[:, ::4] = 255
    assert read(stripes) == ()
    assert read(counter()) == ()
    for design in range(6):
        assert read(face(design)) == ()


def test_interleaved_digits_that_are_no_article_number_are_not_read() -> None:
    assert read(counter((drawn("123456", F.ITF), 90, 70))) == ()
    assert read(counter((drawn("14006381333939", F.ITF, 2), 90, 70))) == ()


def test_a_damaged_code_is_not_guessed_at() -> None:
    label = drawn(EAN13, F.EAN13)
    label[:, 120:150] = 30
    assert read(counter((label, 90, 70))) == ()


def test_a_code_with_one_bar_changed_is_never_another_article() -> None:
    label = drawn(EAN13, F.EAN13)
    for x in range(30, label.shape[1] - 30, 14):
        forged = label.copy()
        forged[:, x : x + 3] = 255 - forged[:, x : x + 3]
        assert texts(read(counter((forged, 90, 70)))) in ([], [EAN13])


def test_half_of_a_code_seen_aslant_is_not_a_shorter_code() -> None:
    label = drawn("3877668384936", F.EAN13)
    for degrees in range(0, 180, 20):
        seen = read(counter((turned(label, degrees), 120, 10), size=(720, 520)))
        assert texts(seen) in ([], ["3877668384936"])
        upper = turned(label[:, : label.shape[1] * 2 // 3], degrees)
        assert read(counter((upper, 120, 10), size=(720, 520))) == ()


def test_a_picture_that_may_not_be_written_to_is_read() -> None:
    scene = counter((drawn(EAN13, F.EAN13), 90, 70))
    scene.setflags(write=False)
    assert texts(read(scene[:, :, :])) == [EAN13]


def test_a_box_outside_the_picture_is_refused() -> None:
    with pytest.raises(ImageError, match="region"):
        read(counter(), Box(2000, 2000, 2100, 2100))


def test_what_steers_a_page_or_a_terminal_is_written_out() -> None:
    label = drawn("A\x1b[2J\u202eB\n", F.QRCode, 4)
    (code,) = read(counter((label, 90, 70)))
    assert code.text.isprintable()
    assert printable("A\x1b\u202eB") == "A<U+001B><U+202E>B"


def test_an_over_long_text_is_cut_and_marked() -> None:
    label = drawn("x" * 1200, F.QRCode, 2)
    (code,) = read(counter((label, 20, 20), size=(700, 700)))
    assert len(code.text) == MAX_CHARS
    assert code.text.endswith("…")


def test_bytes_that_are_no_text_are_read_without_trouble() -> None:
    label = drawn(b"\xff\xfe\x00\x01", F.QRCode, 4)
    assert all(code.text.isprintable() for code in read(counter((label, 90, 70))))


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (" 4006381333931 ", "04006381333931"),
        ("4 006381 333931", "04006381333931"),
        ("978-3-16-148410-0", "09783161484100"),
        ("0036000291452", "00036000291452"),
        ("036000291452", "00036000291452"),
        ("(01)04006381333931(17)270101", "04006381333931"),
        ("HTTPS://EXAMPLE.ORG/shop/01/4006381333931", "04006381333931"),
        ("https://example.org/gtin/4006381333931#x", "04006381333931"),
        ("14006381333938", "14006381333938"),  # a case of them is another article
        ("4006381333932", "4006381333932"),  # wrong check digit: no article number
        ("https://example.org/01/4006381333932", "https://example.org/01/4006381333932"),
        ("https://example.org/page/4006381333931", "https://example.org/page/4006381333931"),
        ("Shelf-12 b", "Shelf-12 b"),
        ("", ""),
    ],
)
def test_codes_are_compared_in_one_form(written: str, key: str) -> None:
    assert normalised(written) == key
    assert normalised(key) == key


def test_a_check_digit_is_told_from_a_wrong_one() -> None:
    assert [is_gtin(EAN13), is_gtin(EAN8), is_gtin(UPCA)] == [True] * 3
    last = int(EAN13[-1])
    wrong = [EAN13[:-1] + str(digit) for digit in range(10) if digit != last]
    assert not any(is_gtin(text) for text in (*wrong, "", "123", "٤٠٠٦٣٨١٣٣٣٩٣١"))


def code(text: str) -> Code:
    return Code(text, "EAN-13", Box(0, 0, 1, 1))


def test_codes_are_looked_up_among_the_records() -> None:
    records = [
        Record("TEA", "Tea", "", (EAN13,)),
        Record("TEA-XL", "Tea, large", "", (f"0{EAN13}", "BOX-9")),
        Record("SOAP", "Soap", "", (UPCA,)),
        Record("PLAIN", "Nothing on it", ""),
    ]
    known = filed(records)
    assert skus_of([code(EAN13)], known) == ("TEA", "TEA-XL")
    assert skus_of([code(f"0{UPCA}")], known) == ("SOAP",)
    assert skus_of([code("https://example.org/offer"), code(f"0{UPCA}")], known) == ("SOAP",)
    assert skus_of([code(EAN13), code("BOX-9")], known) == ("TEA-XL",)
    assert skus_of([code("BOX-9"), code(UPCA)], known) == ("TEA-XL", "SOAP")
    assert skus_of([code("nobody")], known) == ()
    assert skus_of([], known) == ()


def test_a_catalog_finds_its_skus_by_any_form_of_their_codes(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    write_records(path, [Record("TEA", "Tea", "", (EAN13, "T-1")), Record("SOAP", "", "")], [])
    records = Records.open(path)
    try:
        assert records.by_barcode(f"(01)0{EAN13}") == ("TEA",)
        assert records.by_barcode(" T-1 ") == ("TEA",)
        assert records.by_barcode(EAN8) == ()
    finally:
        records.close()


LEFT, RIGHT = Box(0, 0, 100, 100), Box(110, 0, 210, 100)


@pytest.mark.parametrize(
    ("x", "others", "mine"),
    [
        (50, [RIGHT], True),
        (102, [RIGHT], True),
        (108, [RIGHT], False),
        (112, [RIGHT], False),
        (130, [], True),
        (105, [RIGHT], False),
        (90, [Box(80, 0, 180, 100)], False),
        (50, [Box(-20, -20, 300, 120)], True),
        (50, [Box(40, 40, 60, 60)], False),
        (50, [LEFT], True),
    ],
    ids=[
        "on the item",
        "a tag beside it",
        "a tag beside the neighbour",
        "at the edge of the neighbour",
        "a tag of an item that is alone",
        "as near to one as to the other",
        "where two items overlap",
        "on an item that lies on a larger one",
        "on something that lies on the item",
        "the item itself is no neighbour",
    ],
)
def test_a_code_of_the_neighbour_is_not_the_items(x: int, others: list[Box], mine: bool) -> None:
    seen = Code(EAN13, "EAN-13", Box(x - 2, 48, x + 2, 52))
    assert on_item([seen], LEFT, others) == ((seen,) if mine else ())
