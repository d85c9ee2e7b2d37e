# SPDX-License-Identifier: Apache-2.0
"""A workshop in tables: the statements that every SQL database understands alike.

What a change means is `kiosk.workshop.rules`; how a database locks, commits and fails is its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from kiosk.workshop import rows
from kiosk.workshop.changes import Change, Gone, Picture, RemoveSku, Result, Sku
from kiosk.workshop.database import Database, Row, Session
from kiosk.workshop.ledger import Ledger
from kiosk.workshop.limits import mistake
from kiosk.workshop.repository import (
    Note,
    Step,
    Verdict,
)
from kiosk.workshop.rules import Known, Settled, Touched, check, settle, told, touched

_AT_ONCE = 400
"""Keys looked up by one statement: databases limit how many values it may have."""


class SqlRepository(Ledger):
    """A `Repository` on one database, for one thread; others open their own."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._database = database

    def apply(
        self, changes: Sequence[Change], *, step: Step | None = None, note: Note | None = None
    ) -> tuple[Result, ...]:
        check(changes)

        def work(session: Session) -> tuple[Result, ...]:
            settled = _made(session, changes)
            if step is not None:
                self._advance(session, step, changes, settled.results)
            if note is not None:
                self._write_note(session, told(note, changes, settled.results))
            return settled.results

        return self._database.write(work)

    def decide(
        self, proposal_id: str, verdict: Verdict, reason: str = "", changes: Sequence[Change] = ()
    ) -> None:
        check(changes)

        def work(session: Session) -> None:
            self._decide(session, proposal_id, verdict, reason)
            results = _made(session, changes).results
            about = f"{verdict.value} {proposal_id}" + (f": {reason}" if reason else "")
            self._write_note(session, told(Note("proposal", about), changes, results))

        self._database.write(work)

    @contextmanager
    def reading(self) -> Iterator[SqlReading]:
        with self._database.reading() as session:
            yield SqlReading(session)

    def close(self) -> None:
        self._database.close()


class SqlReading:
    """A `Reading` on one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # Read at once: it is what fixes the snapshot in a database that waits for a statement.
        self._seq = int(session.rows("SELECT seq FROM state")[0][0])

    @property
    def seq(self) -> int:
        return self._seq

    def counts(self) -> tuple[int, int]:
        found = self._session.rows(
            "SELECT (SELECT count(*) FROM skus), (SELECT count(*) FROM pictures)"
        )[0]
        return int(found[0]), int(found[1])

    def sku(self, sku: str) -> Sku | None:
        if mistake(RemoveSku(sku)) is not None:  # it cannot be there, nor be asked for
            return None
        found = self._session.rows(f"{rows.SKUS} WHERE sku = ?", sku)
        return rows.sku_of(found[0]) if found else None

    def skus(self, since: int = 0) -> Iterator[Sku]:
        wanted, values = ("WHERE seq > ?", (since,)) if since else ("", ())
        found = self._session.stream(f"{rows.SKUS} {wanted} ORDER BY sku", *values)
        return map(rows.sku_of, found)

    def pictures(self, sku: str | None = None, since: int = 0) -> Iterator[Picture]:
        if sku is not None and mistake(RemoveSku(sku)) is not None:
            return iter(())
        asked = [("sku = ?", sku)] if sku is not None else []
        asked += [("seq > ?", since)] if since else []  # type: ignore[list-item]  # of any type
        wanted = f"WHERE {' AND '.join(text for text, _ in asked)}" if asked else ""
        values = (value for _, value in asked)
        found = self._session.stream(f"{rows.PICTURES} {wanted} ORDER BY sku, name", *values)
        return map(rows.picture_of, found)

    def gone(self, since: int) -> Iterator[Gone]:
        query = "SELECT sku, name FROM gone WHERE seq > ? ORDER BY sku, name"
        return (Gone(sku, name) for sku, name in self._session.stream(query, since))

    def categories(self) -> dict[str, int | None]:
        return _categories(self._session)


def _made(session: Session, changes: Sequence[Change]) -> Settled:
    """Make the changes within a transaction."""
    settled = settle(changes, _known(session, touched(changes)))
    if settled.changes_rows:
        seq = int(session.rows("SELECT seq FROM state")[0][0]) + 1
        _write(session, settled, seq)
        session.rows("UPDATE state SET seq = ? RETURNING seq", seq)
    return settled


def _known(session: Session, wanted: Touched) -> Known:
    pictures = (rows.picture_of(row) for row in _found_pictures(session, wanted))
    return Known(
        {row[0]: rows.sku_of(row) for row in _found_skus(session, rows.SKUS, wanted.skus)},
        {(picture.sku, picture.name): picture for picture in pictures},
        _categories(session),
    )


def _found_skus(session: Session, query: str, skus: Iterable[str]) -> Iterator[Row]:
    remaining = iter(skus)
    while some := list(islice(remaining, _AT_ONCE)):
        yield from session.rows(f"{query} WHERE sku IN ({','.join('?' * len(some))})", *some)


def _found_pictures(session: Session, wanted: Touched) -> Iterator[Row]:
    yield from _found_skus(session, rows.PICTURES, wanted.emptied)
    remaining = (key for key in wanted.pictures if key[0] not in wanted.emptied)
    while some := list(islice(remaining, _AT_ONCE)):
        keys = ",".join(["(?,?)"] * len(some))
        # Joined: SQLite looks through all pictures for each `(sku, name) IN (VALUES …)`.
        wanted_keys = f"WITH wanted(of_sku, called) AS (VALUES {keys})"
        joined = f"{rows.PICTURES} JOIN wanted ON sku = of_sku AND name = called"
        yield from session.rows(
            f"{wanted_keys} {joined}", *(value for key in some for value in key)
        )


def _categories(session: Session) -> dict[str, int | None]:
    return dict(session.rows("SELECT name, number FROM categories ORDER BY name"))


def _write(session: Session, settled: Settled, seq: int) -> None:
    """Rows and the list of what is gone; `None` in `settled` is gone."""
    skus = [(key, sku) for key, sku in settled.skus.items() if sku is not None]
    pictures = [picture for picture in settled.pictures.values() if picture is not None]
    there = [(sku, "") for sku, _ in skus] + [(one.sku, one.name) for one in pictures]
    lost = [(sku, "") for sku, now in settled.skus.items() if now is None]
    lost += [key for key, now in settled.pictures.items() if now is None]
    session.many(rows.PUT_SKU, ((*rows.of_sku(sku), seq) for _, sku in skus))
    session.many(rows.PUT_PICTURE, ((*rows.of_picture(one), seq) for one in pictures))
    session.many("DELETE FROM gone WHERE sku = ? AND name = ?", there)
    session.many("DELETE FROM skus WHERE sku = ? AND ? = ''", lost)
    session.many("DELETE FROM pictures WHERE sku = ? AND name = ?", lost)
    session.many(
        "INSERT INTO gone VALUES (?,?,?) ON CONFLICT (sku, name) DO UPDATE SET seq = excluded.seq",
        ((sku, name, seq) for sku, name in lost),
    )
    session.many(
        "INSERT INTO categories VALUES (?,?) "
        "ON CONFLICT (name) DO UPDATE SET number = excluded.number",
        settled.categories.items(),
    )
