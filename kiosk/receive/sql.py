# SPDX-License-Identifier: Apache-2.0
"""Events in SQLite or PostgreSQL, by the same statements: one table, the event's id its key.

A batch is one transaction; a connection that was lost is opened anew for the next call.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kiosk.errors import StateError
from kiosk.event import Event
from kiosk.journal.entries import instant
from kiosk.receive import heard
from kiosk.receive.database import Query
from kiosk.sqlite_file import checked_version, explain, make_durable

VERSION = 1
_COLUMNS = (
    *("event_id", "kiosk", "kind", "at", "decision_id", "visit_id"),
    *("outcome", "rule", "sku", "body"),
)
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS events (event_id TEXT PRIMARY KEY, kiosk TEXT NOT NULL, "
    "kind TEXT NOT NULL, at TEXT NOT NULL, decision_id TEXT NOT NULL, visit_id TEXT NOT NULL, "
    "outcome TEXT, rule TEXT, sku TEXT, body TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS events_kiosk ON events (kiosk, at, event_id)",
    "CREATE INDEX IF NOT EXISTS events_kind ON events (kind, at)",
    "CREATE INDEX IF NOT EXISTS events_sku ON events (sku, at)",
    "CREATE TABLE IF NOT EXISTS parcels (kiosk TEXT NOT NULL, sha256 TEXT NOT NULL, "
    "parcel BYTEA NOT NULL, PRIMARY KEY (kiosk, sha256))",
    heard.TABLE,
)
_PARCEL = "INSERT INTO parcels VALUES (?, ?, ?) ON CONFLICT (kiosk, sha256) DO NOTHING"
_NEXT_PARCEL = (
    "SELECT kiosk, sha256, parcel FROM parcels WHERE (kiosk, sha256) > (?, ?) "
    "ORDER BY kiosk, sha256 LIMIT 1"
)
_INSERT = (
    f"INSERT INTO events ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)}) "
    "ON CONFLICT (event_id) DO NOTHING"
)
_PAGE = 500
_KEPT = "kiosk receive keeps events"


class SqlEvents:
    """Use `open_events`."""

    def __init__(
        self,
        connect: Callable[[], Any],
        mark: str,
        errors: tuple[type[Exception], ...],
        told: Callable[[Exception], str],
    ) -> None:
        """`connect` opens a connection with the tables in it; `mark` stands for a value in a
        statement; `told` says what to do about one of `errors`.
        """
        self._lock = threading.Lock()
        self._connect = connect
        self._mark = mark
        self._errors = errors
        self._told = told
        self._connection: Any = None

    def put(self, events: Iterable[Event]) -> int:
        told = list(events)
        rows = {event.event_id: _row(event) for event in told}
        marks = ", ".join("?" for _ in rows)
        with self._transaction() as cursor:
            if not rows:
                return 0
            cursor.execute(
                self._sql(f"SELECT count(*) FROM events WHERE event_id IN ({marks})"), tuple(rows)
            )
            known = int(cursor.fetchone()[0])
            cursor.executemany(self._sql(_INSERT), list(rows.values()))
            for event in heard.device_events(told):
                cursor.execute(self._sql(heard.OF_KIOSK), (event.kiosk,))
                before = [heard.Heard(*row) for row in cursor.fetchall()]
                now = heard.again(before, event, instant(datetime.now(UTC)))
                cursor.execute(self._sql(heard.KEEP), now.row)
            return len(rows) - known

    def heard(self) -> list[heard.Heard]:
        with self._transaction() as cursor:
            cursor.execute(heard.ALL)
            return [heard.Heard(*row) for row in cursor.fetchall()]

    def keep(self, kiosk: str, parcel: bytes) -> str:
        digest = hashlib.sha256(parcel).hexdigest()
        with self._transaction() as cursor:
            cursor.execute(self._sql(_PARCEL), (kiosk, digest, parcel))
        return digest

    def parcels(self) -> Iterator[tuple[str, str, bytes]]:
        last = ("", "")
        while True:
            with self._transaction() as cursor:
                cursor.execute(self._sql(_NEXT_PARCEL), last)
                row = cursor.fetchone()
            if row is None:
                return
            yield row[0], row[1], bytes(row[2])
            last = row[0], row[1]

    def find(self, query: Query) -> Iterator[Event]:
        """Page by page: a writer never waits for a reader."""
        last = ("", "", "")
        where, values = _where(query)
        statement = (
            f"SELECT {', '.join(_COLUMNS)} FROM events WHERE {where} AND "
            f"(kiosk, at, event_id) > (?, ?, ?) ORDER BY kiosk, at, event_id LIMIT {_PAGE}"
        )
        while True:
            with self._transaction() as cursor:
                cursor.execute(self._sql(statement), (*values, *last))
                rows = cursor.fetchall()
            yield from (_event(row) for row in rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1][1], rows[-1][3], rows[-1][0]

    def counts(self, query: Query) -> dict[tuple[str, str], int]:
        where, values = _where(query)
        statement = (
            f"SELECT kiosk, kind, count(*) FROM events WHERE {where} GROUP BY kiosk, kind "
            "ORDER BY kiosk, kind"
        )
        with self._transaction() as cursor:
            cursor.execute(self._sql(statement), values)
            return {(kiosk, kind): int(count) for kiosk, kind, count in cursor.fetchall()}

    def close(self) -> None:
        with self._lock:
            self._drop()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                cursor = self._connection.cursor()
                try:
                    yield cursor
                    self._connection.commit()
                except BaseException:
                    self._connection.rollback()
                    raise
                finally:
                    cursor.close()
            except self._errors as error:
                self._drop()
                raise StateError(self._told(error)) from error

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _sql(self, statement: str) -> str:
        return statement.replace("?", self._mark)


def sqlite_events(path: Path) -> SqlEvents:
    """The database at `path`, made when it is missing."""

    def connect() -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
        try:
            checked_version(connection, path, "events", VERSION)
            make_durable(connection)
            with connection:
                for statement in (*_SCHEMA, f"PRAGMA user_version = {VERSION}"):
                    connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    return SqlEvents(connect, "?", (sqlite3.Error, OSError), lambda error: explain(error, path))


def postgres_events(address: str) -> SqlEvents:
    """The database at a `postgresql://` address. Raises StateError without its driver."""
    try:
        import psycopg  # only head office has it, and only where it is used
    except ImportError as error:
        raise StateError(f"{address}: needs psycopg; set up with `make office`") from error

    def connect() -> Any:  # noqa: ANN401 - psycopg is not always there
        connection = psycopg.connect(address, connect_timeout=10)
        with connection.transaction():
            # Two receivers that start at once would both make the table.
            connection.execute("SELECT pg_advisory_xact_lock(7426001)")
            for statement in _SCHEMA:
                connection.execute(statement)
        return connection

    def told(error: Exception) -> str:
        return f"{_KEPT} in PostgreSQL, which refuses ({error}); start it, or mend what it says"

    return SqlEvents(connect, "%s", (psycopg.Error, OSError), told)


def open_events(where: str, *, made: bool = True) -> SqlEvents:
    """A `postgresql://` address, or the path of an SQLite file; `made`: when it is missing.

    Raises StateError.
    """
    if where.startswith(("postgresql://", "postgres://")):
        return postgres_events(where)
    if not made and not Path(where).is_file():
        raise StateError(f"there is no database at {where}: name it with --database")
    return sqlite_events(Path(where))


def _row(event: Event) -> tuple[str | None, ...]:
    body = json.dumps(event.body, separators=(",", ":"), sort_keys=True)
    return *(getattr(event, name) for name in _COLUMNS[:-1]), body


def _event(row: tuple[Any, ...]) -> Event:
    return Event(**dict(zip(_COLUMNS[:-1], row, strict=False)), body=json.loads(row[-1]))


def _where(query: Query) -> tuple[str, tuple[str, ...]]:
    asked = (
        ("kiosk = ?", query.kiosk),
        ("kind = ?", query.kind),
        ("sku = ?", query.sku),
        ("at >= ?", query.since),
        ("at < ?", query.until),
    )
    used = [(condition, value) for condition, value in asked if value]
    return " AND ".join(["1 = 1", *(each for each, _ in used)]), tuple(each for _, each in used)
