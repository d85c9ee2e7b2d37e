# SPDX-License-Identifier: Apache-2.0
"""Lists as people send them: JSON and CSV in every dialect, whole or not at all."""

from __future__ import annotations

import pytest
from order_parts import EAN, RECORDS

from kiosk.errors import OrderError
from kiosk.orders.draft import MAX_LINES, lines_of, order_number, rows_of
from kiosk.orders.table import rows_of_text


def read(text: str) -> list[tuple[str, str, int, str]]:
    lines = lines_of(rows_of_text(text), lambda sku: sku in RECORDS)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    return [(line.sku, line.barcode, line.quantity, line.text) for line in lines]


def refused(text: str) -> OrderError:
    with pytest.raises(OrderError) as caught:
        read(text)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "sku,quantity\nA,2\nB,1\n",
        "A,2\nB,1",
        "\ufeffSKU;Menge\r\nA;2\r\nB;1\r\n",
        "A\t2\nB\t1\n\n",
        '"A","2"\n"B","1"\n',
        "quantity|sku\n2|A\n1|B",
        "A;2,0\nB;1,00",
        "A, 2 \n B,1,",
        "A\nB\nA\n",
        "sku\nA\nA\nB",
    ],
)
def test_every_dialect_of_one_list_is_the_same_list(text: str) -> None:
    assert read(text) == [("A", "", 2, ""), ("B", "", 1, "")]


def test_barcodes_are_told_from_skus_by_the_header_the_catalog_or_the_check_digit() -> None:
    assert read(f"{EAN},2,Oat flakes") == [("", EAN, 2, "Oat flakes")]
    assert read("4006381333932,2") == [("4006381333932", "", 2, "")], "a wrong check digit"
    assert read("ean,qty,name\n123,2,Tea") == [("", "123", 2, "Tea")]
    assert read("sku,barcode,quantity\nA,,1\n,123,2") == [("A", "", 1, ""), ("", "123", 2, "")]
    lines = lines_of(rows_of_text(f"{EAN},1"), lambda sku: sku == EAN)
    assert lines[0].sku == EAN, "a catalog may use barcodes as SKUs"


def test_a_quoted_name_keeps_its_delimiter() -> None:
    assert read('A,2,"Nuts, salted"') == [("A", "", 2, "Nuts, salted")]


def test_every_wrong_line_is_named_and_nothing_is_taken() -> None:
    error = refused('sku,quantity\nA,2\nB,two\n,3\nC,0\nD,1.5\nE,1.000\nF,\n"G\nH",1')
    assert error.code == "bad_list"
    assert [mistake.split(":")[0] for mistake in error.mistakes] == [
        *("line 3", "line 4", "line 5", "line 6", "line 7", "line 8", "line 10")
    ]
    assert "'two'" in error.mistakes[0] and "sku or a barcode" in error.mistakes[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("sku,quantity\n", "empty"),
        ('A,2\n"B,1', "line 2"),
        ("A,2\0", "no text"),
        ("quantity,name\n2,Tea", "no column sku or barcode"),
        (f"{'x' * 300},1", "at most 200"),
    ],
)
def test_what_is_no_list_is_refused_in_words(text: str, said: str) -> None:
    assert said in str(refused(text))


def test_a_list_that_is_too_long_is_refused_before_it_is_read() -> None:
    assert refused("\n".join(f"S{n},1" for n in range(MAX_LINES + 1))).code == "too_many_lines"
    assert len(read("\n".join(f"S{n},1" for n in range(MAX_LINES)))) == MAX_LINES


def test_many_mistakes_are_said_in_part() -> None:
    error = refused("\n".join(["A,1"] + ["A,x"] * 50))
    assert error.mistakes[-1] == "and 30 more"


def test_json_lines_are_checked_field_by_field() -> None:
    rows = rows_of([{"sku": "A", "quantity": 2}, {"barcode": EAN}, {"code": EAN, "text": "Oats"}])
    lines = lines_of(rows, lambda sku: sku in RECORDS)
    assert [(line.sku, line.barcode, line.quantity) for line in lines] == [
        *(("A", "", 2), ("", EAN, 1), ("", EAN, 1))
    ]
    for body, said in (
        ({}, "array"),
        ([], "empty"),
        ([1], "lines[0]: must be an object"),
        ([{"sku": "A", "qty": 1}], "'qty' means nothing"),
        ([{"sku": 7}], "sku must be"),
        ([{"sku": "A\nB"}], "one line of text"),
        ([{"sku": "A", "quantity": True}], "whole number"),
        ([{"sku": "A", "quantity": 1.5}], "whole number"),
        ([{"sku": "A", "quantity": 10**400}], "whole number"),
        ([{"quantity": 1}], "needs a sku"),
    ):
        with pytest.raises(OrderError) as caught:
            lines_of(rows_of(body), lambda sku: False)
        assert said in str(caught.value), body


def test_an_order_needs_a_number_people_can_read() -> None:
    assert order_number(" PO 4711 ") == "PO 4711"
    for value in ("", "  ", "x" * 81, "a\nb", "\u202eabc", None, 7):
        with pytest.raises(OrderError):
            order_number(value)
