# SPDX-License-Identifier: Apache-2.0
"""The tables of the journal, and how those of an older kiosk become them.

Rule: a migration is one transaction, so that a power cut leaves the old journal or the new one, and
it rewrites no entry, so that it needs neither time nor space on a full card.
"""

from __future__ import annotations

import sqlite3

from kiosk.sqlite_file import transaction

SCHEMA_VERSION = 4
"""`PRAGMA user_version` of the database; a newer one is refused, never guessed at."""

_ENTRIES = """CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    visit_id TEXT NOT NULL,
    at TEXT NOT NULL,
    outcome TEXT,
    rule TEXT,
    sku TEXT,
    body TEXT NOT NULL
)"""
# entries_once makes writing a batch again harmless: a commit that failed may have reached the disk.
_INDEXES = (
    "CREATE UNIQUE INDEX entries_once ON entries (decision_id, kind, at)",
    "CREATE INDEX entries_at ON entries (at)",
)
_LOOKS = (
    """CREATE TABLE looks (
    id INTEGER PRIMARY KEY,
    decision_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    body BLOB NOT NULL,
    embedding BLOB,
    features BLOB
)""",
    "CREATE UNIQUE INDEX looks_once ON looks (decision_id, number, at)",
    "CREATE INDEX looks_at ON looks (at)",
    # Features are swept sooner than the rest: only rows that still have some are looked through.
    "CREATE INDEX looks_features ON looks (at) WHERE features IS NOT NULL",
)
_SENDING = (
    # Up to which entry each taker, such as head office, has everything for good.
    "CREATE TABLE sent (taker TEXT PRIMARY KEY, up_to INTEGER NOT NULL) WITHOUT ROWID",
    # Entries that had to go for want of space before any taker had them.
    "CREATE TABLE dropped (kind TEXT PRIMARY KEY, entries INTEGER NOT NULL) WITHOUT ROWID",
)
TOLD_COLUMNS = ("taker", "confirmed", "held", "code", "message", "since")
OWED_COLUMNS = ("taker", "entry", "message", "tried")
_TELLING = (
    # When each taker last confirmed something, and what has stopped a pass since.
    "CREATE TABLE told (taker TEXT PRIMARY KEY, confirmed TEXT NOT NULL, held INTEGER NOT NULL, "
    "code TEXT NOT NULL, message TEXT NOT NULL, since TEXT NOT NULL) WITHOUT ROWID",
    # What belongs to an entry, such as pictures, and was too large for a taker, when tried last.
    "CREATE TABLE owed (taker TEXT NOT NULL, entry INTEGER NOT NULL, message TEXT NOT NULL, "
    "tried TEXT NOT NULL, PRIMARY KEY (taker, entry)) WITHOUT ROWID",
)


def bring_up(connection: sqlite3.Connection, version: int) -> None:
    """Make the tables of an empty database (version 0), or those of an older kiosk the present
    ones, all or nothing. The connection is in autocommit mode. Raises sqlite3.Error."""
    if version == SCHEMA_VERSION:
        return
    with transaction(connection):
        if version == 0:
            for statement in (_ENTRIES, *_INDEXES):
                connection.execute(statement)
        elif version == 1:
            _without_kinds(connection)
        for since, statements in ((2, _LOOKS), (3, _SENDING), (4, _TELLING)):
            for statement in statements if version < since else ():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _without_kinds(connection: sqlite3.Connection) -> None:
    """Version 1 held `kind` against a list of two: the same table without it.

    A constraint that goes changes no row: the text of the table is all there is to change (the way
    that SQLite's documentation of ALTER TABLE gives, section 7, for exactly this).
    """
    cookie = int(connection.execute("PRAGMA schema_version").fetchone()[0])
    connection.execute("PRAGMA writable_schema = ON")
    try:
        connection.execute(
            "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = 'entries'",
            (_ENTRIES,),
        )
        # Every other connection reads the tables anew when this number has changed.
        connection.execute(f"PRAGMA schema_version = {cookie + 1}")
    finally:
        connection.execute("PRAGMA writable_schema = OFF")
