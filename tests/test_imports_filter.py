# SPDX-License-Identifier: Apache-2.0
"""The filter language: what it means, read a second time by SQLite, and where it is wrong."""

from __future__ import annotations

import itertools
import random
import sqlite3
from contextlib import closing

import pytest

from kiosk.errors import FilterError
from kiosk.imports.filter import All, Any, Comparison, Membership, Value, parse, row_of
from kiosk.values import Record


def test_the_documented_examples() -> None:
    assert parse("int_attr>=100") == Comparison("int_attr", ">=", 100)
    assert parse('str_attr!="value1"') == Comparison("str_attr", "!=", "value1")
    both = Comparison("int_attr", "=", 1000), Comparison("str_attr", "=", "value1")
    assert parse('int_attr=1000 AND str_attr="value1"') == All(both)
    long = 'intAttr = 1000 AND  intAttr2 = 200 AND strAttr = "str2345" AND strAttr2="str9999"'
    row: dict[str, Value] = {"int_attr": 1000, "int_attr2": 200, "str_attr": "str2345"}
    assert parse(long).matches(row | {"str_attr2": "str9999"})
    assert not parse(long).matches(row)


def test_and_binds_tighter_than_or_and_parentheses_tighter_than_both() -> None:
    a, b, c = (Comparison(f"int_attr{number}", "=", 1) for number in ("", "2", "3"))
    assert parse("int_attr=1 or int_attr2=1 and int_attr3=1") == Any((a, All((b, c))))
    assert parse("int_attr=1 AND int_attr2=1 OR int_attr3=1") == Any((All((a, b)), c))
    assert parse("(int_attr=1 OR int_attr2=1) AND int_attr3=1") == All((Any((a, b)), c))


def test_in_and_not_in() -> None:
    assert parse("str_attr in ('a','b')") == Membership("str_attr", ("a", "b"), excluded=False)
    excluded = parse("int_attr NOT IN (1, -2)")
    assert excluded == Membership("int_attr", (1, -2), excluded=True)
    assert [excluded.matches({"int_attr": number}) for number in (1, -2, 3)] == [False, False, True]


def test_what_a_sku_does_not_have_is_neither_equal_nor_unequal_nor_outside_a_list() -> None:
    for text in ("int_attr = 1", "int_attr != 1", "int_attr not in (1)", "int_attr < 5"):
        assert not parse(text).matches({})


def test_attributes_of_a_record_in_any_spelling_and_as_numbers() -> None:
    record = Record("A-1", "Ring", "Rings", attributes=(("Colour", "red"), ("weight g", "12")))
    row = row_of(record)
    assert parse('colour = "red" AND `weight g` >= 12 AND category != "Bag"').matches(row)
    assert not parse("`Weight g` > 12").matches(row)
    assert parse("colour != 5").matches(row) and not parse("colour < 5").matches(row)
    assert parse(r'sku in ("A-1", "it\"s \\ fine")').matches(row)


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", 0, "a field or ("),
        ("int_attr", 8, "<, <=, =, !=, >=, >, in or not in"),
        ("int_attr = ", 11, "a whole number"),
        ('int_attr = "5"', 11, "a whole number"),
        ("str_attr < 'a'", 9, "!=, =, in or not in"),
        ("str_attr = 5", 11, 'a text in "quotes"'),
        ("colour < 'a'", 9, "a whole number"),
        ("int_attr = 1 str_attr = 'a'", 13, "AND, OR or the end"),
        ("int_attr = 1 AND", 16, "a field or ("),
        ("(int_attr = 1", 13, "AND, OR or )"),
        ("int_attr in 1", 12, "("),
        ("int_attr in (1 2)", 15, ", or )"),
        ("int_attr in ()", 13, "a whole number"),
        ("int_attr not 1", 13, "in"),
        ("str_attr = 'open", 11, "the text to be closed"),
        ("int_attr = 1.5", 11, "a field, sign or value"),
        ("int_attr = 1 ; drop", 13, "a field, sign or value"),
        ("not in (1)", 0, "a field or ("),
        ("(" * 60 + "int_attr=1", 50, "at most 50 parentheses inside each other"),
        ("int_attr=1 OR " * 400, 4096, "at most 4096 characters"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_was_expected(
    text: str, position: int, expected: str
) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert (caught.value.position, caught.value.expected) == (position, expected)
    assert f"character {position + 1}: expected {expected}" in str(caught.value)


def test_the_place_is_pointed_at() -> None:
    with pytest.raises(FilterError) as caught:
        parse("int_attr = 1 AND int_attr2 ~ 5")
    line, pointer = str(caught.value).split("\n")[1:]
    assert line[pointer.index("^")] == "~"


def test_random_filters_agree_with_sqlite() -> None:
    """SQLite reads the same text with its own grammar: precedence, lists and missing values."""
    rng = random.Random(5)
    values: list[int | None] = [None, -1, 0, 1, 2]
    texts: list[str | None] = [None, "a", "b", "it's"]
    rows = list(itertools.product(values, values, texts))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t(int_attr, int_attr2, str_attr)")
        connection.executemany("INSERT INTO t VALUES(?,?,?)", rows)
        for _ in range(300):
            text = random_filter(rng, 3)
            sql = text.replace("it's", "it''s").replace('"', "'")
            query = f"SELECT int_attr, int_attr2, str_attr FROM t WHERE {sql} ORDER BY rowid"
            found = parse(text)
            named = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
            mine = [
                tuple(row.values())
                for row in named
                if found.matches({name: value for name, value in row.items() if value is not None})
            ]
            assert mine == connection.execute(query).fetchall(), text


COLUMNS = ("int_attr", "int_attr2", "str_attr")


def random_filter(rng: random.Random, depth: int) -> str:
    if depth and rng.random() < 0.7:
        parts = [random_filter(rng, depth - 1) for _ in range(rng.randint(1, 3))]
        joined = "".join(part + rng.choice((" AND ", " OR ")) for part in parts[:-1]) + parts[-1]
        return f"({joined})" if rng.random() < 0.5 else joined
    if rng.random() < 0.5:
        field, signs = "str_attr", ("=", "!=")
        chosen = ['"' + rng.choice(("a", "b", "c", "it's")) + '"' for _ in range(2)]
    else:
        field, signs = rng.choice(("int_attr", "int_attr2")), ("<", "<=", "=", "!=", ">=", ">")
        chosen = [str(rng.randint(-2, 3)) for _ in range(2)]
    if rng.random() < 0.3:
        return f"{field} {rng.choice(('in', 'NOT IN'))} ({', '.join(chosen)})"
    return f"{field} {rng.choice(signs)} {chosen[0]}"
