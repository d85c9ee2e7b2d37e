# SPDX-License-Identifier: Apache-2.0
"""The filter language: `int_attr >= 100 AND (str_attr in ("a", "b") OR category = "Bag")`.

    filter     = conjunction { OR conjunction }
    conjunction = term { AND term }
    term       = "(" filter ")" | field operator value | field [NOT] IN "(" value { "," value } ")"
    operator   = < | <= | = | != | >= | >
    value      = whole number | "text" | 'text'      (\\" \\' \\\\ inside a text)
    field      = name | `name with anything in it`

AND binds tighter than OR; words are known in any case. Integer attributes are compared with
numbers, string attributes with `=`, `!=`, `in` and `not in` only. Any other field is an attribute
of the SKU, compared as a number when the filter gives one. What a SKU does not have is neither
equal nor unequal to anything. Parsing is pure; a parsed filter is a value and a predicate.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kiosk.errors import FilterError
from kiosk.imports.tokens import Token, tokens
from kiosk.values import Record

MAX_CHARACTERS = 4096
MAX_DEPTH = 50
Value = int | str

_INTEGER = re.compile(r"int_?attr[1-4]?")
_TEXT = re.compile(r"str_?attr[1-4]?")
_SAME = {
    "productid": "sku",
    "item_id": "sku",
    "categoryid": "category",
    "cat_id": "category",
    "customcontent": "custom_content",
    "cust_content": "custom_content",
    "picname": "picture",
}
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
_OF_TEXTS = {"=", "!="}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against one value."""

    field: str
    sign: str
    value: Value

    def matches(self, row: Mapping[str, Value]) -> bool:
        return _compared(row.get(self.field), self.sign, self.value)


@dataclass(frozen=True, slots=True)
class Membership:
    """One field against several values."""

    field: str
    values: tuple[Value, ...]
    excluded: bool

    def matches(self, row: Mapping[str, Value]) -> bool:
        found = row.get(self.field)
        if self.excluded:
            return all(_compared(found, "!=", value) for value in self.values)
        return any(_compared(found, "=", value) for value in self.values)


@dataclass(frozen=True, slots=True)
class All:
    """Every part matches."""

    parts: tuple[Filter, ...]

    def matches(self, row: Mapping[str, Value]) -> bool:
        return all(part.matches(row) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part matches."""

    parts: tuple[Filter, ...]

    def matches(self, row: Mapping[str, Value]) -> bool:
        return any(part.matches(row) for part in self.parts)


Filter = Comparison | Membership | All | Any


def parse(text: str) -> Filter:
    """A filter from its text. Raises FilterError naming the position and what was expected."""
    if len(text) > MAX_CHARACTERS:
        raise FilterError(text, MAX_CHARACTERS, f"at most {MAX_CHARACTERS} characters", "more")
    return _Parser(text).whole()


def row_of(record: Record) -> dict[str, Value]:
    """What a filter sees of a SKU."""
    row: dict[str, Value] = {field_name(name): text for name, text in record.attributes}
    return row | {"sku": record.sku, "name": record.name, "category": record.category}


def field_name(text: str) -> str:
    """The one name of a field: `IntAttr2`, `intAttr2` and `int_attr2` are the same."""
    name = unicodedata.normalize("NFC", text.strip().lower())
    if _INTEGER.fullmatch(name) or _TEXT.fullmatch(name):
        digit = name[-1] if name[-1] in "234" else ""
        return f"{name[:3]}_attr{digit}"
    return _SAME.get(name, name)


def _compared(found: Value | None, sign: str, value: Value) -> bool:
    if found is None:
        return False
    if isinstance(value, int):
        number = _number(found)
        if number is None:
            return sign == "!="  # a text, so surely not that number
        return _COMPARE[sign](number, value)
    return (str(found) == value) is (sign == "=")


def _number(found: Value) -> int | None:
    if isinstance(found, int):
        return found
    return int(found) if re.fullmatch(r"-?[0-9]{1,18}", found) else None


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Filter:
        found = self._any()
        if self._now.kind != "end":
            raise self._expected("AND, OR or the end")
        return found

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._now
        self._at += 1
        return token

    def _expected(self, what: str) -> FilterError:
        return FilterError(self._text, self._now.position, what, self._now.shown)

    def _any(self) -> Filter:
        parts = [self._all()]
        while self._now.is_word("or"):
            self._next()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self) -> Filter:
        parts = [self._term()]
        while self._now.is_word("and"):
            self._next()
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _term(self) -> Filter:
        named = self._now.kind in ("name", "quoted")
        if named and not self._now.is_word("and", "or", "not", "in"):
            return self._about(field_name(self._next().text))
        if self._now.text != "(" or self._now.kind != "sign":
            raise self._expected("a field or (")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._expected(f"at most {MAX_DEPTH} parentheses inside each other")
        self._next()
        inside = self._any()
        self._close("AND, OR or )")
        self._depth -= 1
        return inside

    def _about(self, field: str) -> Filter:
        excluded = self._now.is_word("not")
        if excluded:
            self._next()
            if not self._now.is_word("in"):
                raise self._expected("in")
        if self._now.is_word("in"):
            self._next()
            return Membership(field, self._values(field), excluded)
        allowed = sorted(_OF_TEXTS) if _TEXT.fullmatch(field) else list(_COMPARE)
        if self._now.kind != "sign" or self._now.text not in allowed:
            raise self._expected(", ".join(allowed) + ", in or not in")
        sign = self._next().text
        return Comparison(field, sign, self._value(field, texts=sign in _OF_TEXTS))

    def _values(self, field: str) -> tuple[Value, ...]:
        if self._now.text != "(":
            raise self._expected("(")
        self._next()
        values = [self._value(field)]
        while self._now.text == ",":
            self._next()
            values.append(self._value(field))
        self._close(", or )")
        return tuple(values)

    def _value(self, field: str, *, texts: bool = True) -> Value:
        numbers = not _TEXT.fullmatch(field)
        texts = texts and not _INTEGER.fullmatch(field)
        if self._now.kind == "number" and numbers:
            return int(self._next().text)
        if self._now.kind == "text" and texts:
            return self._next().text
        kinds = ["a whole number"] * numbers + ['a text in "quotes"'] * texts
        raise self._expected(" or ".join(kinds))

    def _close(self, expected: str) -> None:
        if self._now.text != ")" or self._now.kind != "sign":
            raise self._expected(expected)
        self._next()
