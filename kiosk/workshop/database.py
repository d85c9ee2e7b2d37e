# SPDX-License-Identifier: Apache-2.0
"""What a database has to do for `kiosk.workshop.sql`, and the tables it has to have.

Rule: one writer at a time. A database locks its workshop before `work` reads anything, so that two
imports at once end in the union of both, and numbers (`seq`) are committed in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]

VERSION = 1
"""Of the tables below."""


class Session(Protocol):
    """One transaction. Statements have `?` where values go, and neither `%` nor other `?`."""

    def rows(self, statement: str, *values: Any) -> list[Row]:  # noqa: ANN401 - SQL is untyped
        ...

    def many(self, statement: str, rows: Iterable[Row]) -> None:
        """The statement once for each of `rows`."""

    def stream(self, statement: str, *values: Any) -> Iterator[Row]:  # noqa: ANN401
        """The rows, a few at a time, for as long as the transaction lasts."""

    def ensure(self, table: str, columns: str) -> None:
        """Make a table that workshops made before it do not have."""


class Database(Protocol):
    """Methods raise WorkshopError or BusyError in words for people, never the driver's errors."""

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction of the only writer and commit, or leave all as it was.

        It may be run again from the beginning when the database asks for that.
        """

    def reading(self) -> AbstractContextManager[Session]:
        """A transaction that sees one snapshot and writes nothing."""

    def close(self) -> None: ...


_TABLES = """
CREATE TABLE state (version INTEGER NOT NULL, seq {big} NOT NULL);
CREATE TABLE skus (
    sku {text} PRIMARY KEY, name {text} NOT NULL, category {text} NOT NULL, barcodes TEXT NOT NULL,
    attributes TEXT NOT NULL, flip SMALLINT, seq {big} NOT NULL){ordered};
CREATE INDEX skus_seq ON skus (seq);
CREATE TABLE pictures (
    sku {text} NOT NULL, name {text} NOT NULL, sha256 TEXT NOT NULL,
    x1 {real}, y1 {real}, x2 {real}, y2 {real}, custom TEXT NOT NULL,
    int1 {big}, int2 {big}, int3 {big}, int4 {big}, str1 TEXT, str2 TEXT, str3 TEXT, str4 TEXT,
    seq {big} NOT NULL, PRIMARY KEY (sku, name)){ordered};
CREATE INDEX pictures_seq ON pictures (seq);
CREATE TABLE gone (
    sku {text} NOT NULL, name {text} NOT NULL, seq {big} NOT NULL,
    PRIMARY KEY (sku, name)){ordered};
CREATE INDEX gone_seq ON gone (seq);
CREATE TABLE categories (name {text} PRIMARY KEY, number {big});
CREATE TABLE imports (
    id {identity}, key TEXT NOT NULL, about TEXT NOT NULL, next_line {big} NOT NULL,
    counts TEXT NOT NULL, done SMALLINT NOT NULL);
CREATE UNIQUE INDEX imports_open ON imports (key) WHERE done = 0;
CREATE TABLE problems (
    id {identity}, import {big} NOT NULL, line {big} NOT NULL, code TEXT NOT NULL,
    text TEXT NOT NULL);
CREATE INDEX problems_import ON problems (import, id);
CREATE TABLE history (
    id {identity}, at TEXT NOT NULL, what TEXT NOT NULL, about TEXT NOT NULL, who TEXT NOT NULL,
    figures TEXT NOT NULL, seq {big} NOT NULL);
CREATE TABLE releases (
    id {identity}, release TEXT NOT NULL, folder TEXT NOT NULL, seq {big} NOT NULL,
    at TEXT NOT NULL);
CREATE TABLE proposals (
    id {identity}, proposal TEXT NOT NULL UNIQUE, kiosk TEXT NOT NULL, sku TEXT NOT NULL,
    body TEXT NOT NULL, made_at TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL,
    decided_at TEXT NOT NULL, decided_by TEXT NOT NULL);
INSERT INTO state VALUES ({version}, 0);
"""


def tables(**types: str) -> list[str]:
    """Statements that make the tables, in the words of one database: big, real, text,
    identity, and ordered for tables that lie in the order of their key."""
    filled = _TABLES.format(version=VERSION, **types)
    return [statement for part in filled.split(";") if (statement := part.strip())]
