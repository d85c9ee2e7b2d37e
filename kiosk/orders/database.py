# SPDX-License-Identifier: Apache-2.0
"""`orders.sqlite`: every order, every count, every signed result.

WAL with synchronous=FULL: what was committed survives a power cut. An order that was touched is
written in one transaction, so that a list is there whole or not at all.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from kiosk.durable import sync
from kiosk.errors import OrderError, StateError
from kiosk.orders.rows import COLUMNS, OrderDamaged, order_of
from kiosk.orders.values import Count, Order, Signed
from kiosk.sqlite_file import checked_version, make_durable, transaction

T = TypeVar("T")
_log = logging.getLogger(__name__)

ORDERS_FILE = "orders.sqlite"
"""Its name in the state directory."""
VERSION = 1

_SCHEMA = f"""
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY, number TEXT NOT NULL, stage TEXT NOT NULL, created_at TEXT NOT NULL,
    expecting INTEGER NOT NULL, closed_at TEXT NOT NULL);
CREATE INDEX orders_stage ON orders (stage, created_at);
CREATE TABLE lists (order_id TEXT PRIMARY KEY REFERENCES orders, lines TEXT NOT NULL);
CREATE TABLE counts (
    order_id TEXT NOT NULL REFERENCES orders, number INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (order_id, number)) WITHOUT ROWID;
CREATE TABLE results (
    order_id TEXT PRIMARY KEY REFERENCES orders, outcome TEXT NOT NULL, signed_by TEXT NOT NULL,
    canonical TEXT NOT NULL, sha256 TEXT NOT NULL, noted INTEGER NOT NULL);
PRAGMA user_version = {VERSION};
"""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The database, made when it is missing; autocommit, transactions are explicit.

    Raises sqlite3.Error, OSError, or StateError when a newer kiosk wrote it.
    """
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    connection.text_factory = _text
    try:
        version = checked_version(connection, path, "orders", VERSION)
        make_durable(connection)
        connection.execute("PRAGMA journal_size_limit = 4194304")
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            sync(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The database for reading, beside a running kiosk. Raises StateError."""
    if not path.is_file():
        raise StateError(
            f"there are no orders at {path}: name the kiosk's state directory, or check an order "
            "first"
        )
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
            connection.text_factory = _text
            if checked_version(connection, path, "orders", VERSION) == 0:
                raise StateError(f"{path} holds no orders yet: start the kiosk once")
            yield connection
    except (sqlite3.Error, ValueError) as error:
        if isinstance(error, OrderError):
            raise
        raise StateError(
            f"{path} cannot be read ({error}): copy it elsewhere and look into it"
        ) from error


def write(
    connection: sqlite3.Connection,
    order: Order,
    counts: Iterable[Count],
    signed: Signed | None = None,
    *,
    lines: bool = True,
) -> None:
    """Store an order as it is now, these of its counts, and its result, all or nothing.

    `lines`: its list is new or changed; a long one is not written again with every count.
    """
    with transaction(connection):
        head = (order.order_id, order.number, order.stage.value, order.created_at)
        connection.execute(_PUT_ORDER, (*head, order.expecting, order.closed_at))
        if lines:
            listed = json.dumps([asdict(line) for line in order.lines], ensure_ascii=False)
            connection.execute(
                "INSERT OR REPLACE INTO lists VALUES (?,?)", (order.order_id, listed)
            )
        connection.executemany(
            "INSERT OR REPLACE INTO counts VALUES (?,?,?)",
            ((order.order_id, each.number, json.dumps(asdict(each))) for each in counts),
        )
        if signed is not None:
            told = (signed.outcome, signed.signed_by, signed.canonical, signed.sha256)
            connection.execute(
                "INSERT OR REPLACE INTO results VALUES (?,?,?,?,?,0)", (order.order_id, *told)
            )


def noted(connection: sqlite3.Connection, order_id: str) -> None:
    """The journal has this result."""
    connection.execute("UPDATE results SET noted = 1 WHERE order_id = ?", (order_id,))


def unnoted(connection: sqlite3.Connection) -> list[Signed]:
    """Results that the journal may not have: the kiosk ended in between."""
    rows = connection.execute(f"{_RESULTS} WHERE noted = 0").fetchall()
    return [Signed(*row) for row in rows]


def forget(connection: sqlite3.Connection, keep_days: int) -> int:
    """Delete orders that were closed more than `keep_days` ago. Returns how many."""
    newest = connection.execute("SELECT max(closed_at) FROM orders").fetchone()[0]
    # A clock that runs ahead must not empty the store: age counts from the newest result.
    now = datetime.now(UTC)
    try:
        now = min(now, datetime.fromisoformat(newest)) if newest else now
    except (TypeError, ValueError):  # damaged: no time to count from
        return 0
    before = (now - timedelta(days=keep_days)).isoformat()
    connection.execute("BEGIN IMMEDIATE")
    old = "SELECT order_id FROM orders WHERE stage = 'closed' AND closed_at < ?"
    for table in ("counts", "results", "lists"):
        connection.execute(f"DELETE FROM {table} WHERE order_id IN ({old})", (before,))
    gone = connection.execute(
        "DELETE FROM orders WHERE stage = 'closed' AND closed_at < ?", (before,)
    ).rowcount
    connection.execute("COMMIT")
    return gone


def unclosed(connection: sqlite3.Connection) -> list[Order]:
    """Orders that are open or wait, in the order they came, with their counts; not damaged ones."""
    query = f"{_ORDERS} WHERE stage != 'closed' ORDER BY created_at, orders.rowid"
    rows = connection.execute(query).fetchall()
    return _readable(rows, lambda row: _with_counts(connection, row))


def listed(connection: sqlite3.Connection, most: int) -> list[tuple[Order, str]]:
    """The newest orders, without their counts, each with its outcome (empty: not closed); not
    damaged ones."""
    query = (
        f"SELECT {COLUMNS}, ifnull(outcome, '') FROM orders JOIN lists USING (order_id) "
        "LEFT JOIN results USING (order_id) ORDER BY created_at DESC, orders.rowid DESC LIMIT ?"
    )
    rows = connection.execute(query, (most,)).fetchall()
    return _readable(rows, lambda row: (order_of(row[:-1], ()), row[-1]))


def found(connection: sqlite3.Connection, order_id: str) -> tuple[Order, Signed | None]:
    """An order with its counts and, once closed, its result.

    Raises OrderError: no_such_order; OrderDamaged.
    """
    row = connection.execute(f"{_ORDERS} WHERE order_id = ?", (order_id,)).fetchone()
    if row is None:
        raise no_such_order(order_id)
    result = connection.execute(f"{_RESULTS} WHERE order_id = ?", (order_id,)).fetchone()
    return _with_counts(connection, row), Signed(*result) if result else None


def named(connection: sqlite3.Connection, text: str) -> str:
    """The id of the order with this number (the newest), this id, or an id that begins so.

    Raises OrderError: no_such_order, or ambiguous when several ids begin so.
    """
    if not text.isprintable():  # no number is like that, and not all of it can be looked for
        raise no_such_order(text)
    exact = "SELECT order_id FROM orders WHERE order_id = ?1 OR number = ?1 "
    row = connection.execute(f"{exact} ORDER BY created_at DESC LIMIT 1", (text,)).fetchone()
    if row is not None:
        return str(row[0])
    begins = "SELECT order_id FROM orders WHERE ?1 != '' AND substr(order_id, 1, length(?1)) = ?1"
    rows = connection.execute(f"{begins} LIMIT 2", (text,)).fetchall()
    if len(rows) > 1:
        raise OrderError("ambiguous", f"several orders have an id that begins with {text[:80]!r}")
    if not rows:
        raise no_such_order(text)
    return str(rows[0][0])


def no_such_order(order_id: str) -> OrderError:
    return OrderError(
        "no_such_order", f"there is no order {order_id[:80]!r}: list them to see their ids"
    )


_PUT_ORDER = (
    "INSERT INTO orders VALUES (?,?,?,?,?,?) ON CONFLICT (order_id) DO UPDATE SET "
    "stage = excluded.stage, expecting = excluded.expecting, closed_at = excluded.closed_at"
)
_ORDERS = f"SELECT {COLUMNS} FROM orders JOIN lists USING (order_id)"
_RESULTS = (
    "SELECT order_id, number, outcome, signed_by, closed_at, canonical, sha256 "
    "FROM results JOIN orders USING (order_id)"
)


def _with_counts(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Order:
    query = "SELECT body FROM counts WHERE order_id = ? ORDER BY number"
    bodies = connection.execute(query, (row[0],)).fetchall()
    return order_of(row, (body for (body,) in bodies))


def _readable(found: Iterable[tuple[Any, ...]], read: Callable[[tuple[Any, ...]], T]) -> list[T]:
    """What `read` makes of each row; one damaged order must not hide the others."""
    orders = []
    for row in found:
        try:
            orders.append(read(row))
        except OrderDamaged as error:
            _log.error("left out: %s", error)
    return orders


def _text(stored: bytes) -> str:
    """A text of the database; a byte that something has altered is no reason to read nothing."""
    return stored.decode("utf-8", "replace")
