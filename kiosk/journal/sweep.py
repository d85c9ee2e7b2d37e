# SPDX-License-Identifier: Apache-2.0
"""What the journal forgets: old entries with their looks, and sooner their local features; and
where it grows too large, what is worth least first.

Small transactions: a writer that waits for the card must not wait for a year's worth of rows. The
newest entry stays, whatever its age: ids go on from it, and takers count by ids.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from kiosk.journal.entries import instant
from kiosk.sqlite_file import transaction

_ROWS = 1_000
_OLD_LOOKS = "DELETE FROM looks WHERE id IN (SELECT id FROM looks WHERE at < ? LIMIT ?)"
_OLD_FEATURES = (
    "UPDATE looks SET features = NULL WHERE id IN "
    "(SELECT id FROM looks WHERE at < ? AND features IS NOT NULL LIMIT ?)"
)
RANKS = (("decision",), ("confirmation", "refusal", "refusal-undone"))
"""Kinds of entries by what they are worth, the least first; all others come after these."""
_LEAST_ROWS = 100
_FEATURES_FIRST = (
    "UPDATE looks SET features = NULL WHERE id IN "
    "(SELECT id FROM looks WHERE features IS NOT NULL ORDER BY at LIMIT ?)"
)
_LOOKS_NEXT = "DELETE FROM looks WHERE id IN (SELECT id FROM looks ORDER BY id LIMIT ?)"
_NOT_THE_NEWEST = "id < (SELECT max(id) FROM entries)"
_UNSENT = "id > (SELECT coalesce(max(up_to), 0) FROM sent)"


def sweep(connection: sqlite3.Connection, keep: timedelta, keep_features: timedelta) -> int:
    """Forget what is older. Gives the number of entries deleted; those that no taker had are
    counted in `dropped`. Raises sqlite3.Error.
    """
    newest = connection.execute("SELECT max(at) FROM entries").fetchone()[0]
    # A clock that runs ahead must not empty the journal: age counts from the newest entry.
    now = min(instant(datetime.now(UTC)), newest or "")
    if not now:
        return 0
    today = datetime.fromisoformat(now)
    _all(connection, _OLD_FEATURES, instant(_before(today, keep_features)))
    oldest = instant(_before(today, keep))
    _all(connection, _OLD_LOOKS, oldest)
    deleted = 0
    while gone := _drop(connection, "at < ?", (oldest,), _ROWS):
        deleted += gone
    return deleted


def _before(today: datetime, age: timedelta) -> datetime:
    try:
        return today - age
    except OverflowError:  # a clock at the year 1970 and a century to keep
        return datetime.min.replace(tzinfo=UTC)


def _all(connection: sqlite3.Connection, statement: str, oldest: str) -> None:
    while connection.execute(statement, (oldest, _ROWS)).rowcount:
        pass


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the journal takes, without pages that are free to be used again."""
    size, pages, free = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    return size * (pages - free)


def sweep_space(connection: sqlite3.Connection, most_bytes: int) -> int:
    """Forget what is worth least until the journal takes no more than that: local features, looks,
    then entries by their rank, each oldest first. Gives the number of entries deleted; those that
    no taker had are counted in `dropped`. Raises sqlite3.Error.
    """
    for statement in (_FEATURES_FIRST, _LOOKS_NEXT):
        while used_bytes(connection) > most_bytes:
            if not connection.execute(statement, (_LEAST_ROWS,)).rowcount:
                break
    deleted = 0
    for where, kinds in _ranked():
        while used_bytes(connection) > most_bytes:
            gone = _drop(connection, where, kinds, _LEAST_ROWS)
            if not gone:
                break
            deleted += gone
    return deleted


def _ranked() -> list[tuple[str, tuple[str, ...]]]:
    named = tuple(kind for kinds in RANKS for kind in kinds)
    marks = [", ".join("?" for _ in kinds) for kinds in (*RANKS, named)]
    ways = [f"kind IN ({mark})" for mark in marks[:-1]] + [f"kind NOT IN ({marks[-1]})"]
    return list(zip(ways, (*RANKS, named), strict=True))


def _drop(connection: sqlite3.Connection, where: str, values: tuple[str, ...], most: int) -> int:
    """Delete some of the oldest that are so, counted in the same transaction."""
    chosen = f"SELECT id FROM entries WHERE {where} AND {_NOT_THE_NEWEST} ORDER BY at LIMIT ?"
    unsent = f"SELECT kind, count(*) FROM entries WHERE id IN ({chosen}) AND {_UNSENT}"
    with transaction(connection):
        lost = connection.execute(f"{unsent} GROUP BY kind", (*values, most)).fetchall()
        gone = connection.execute(
            f"DELETE FROM entries WHERE id IN ({chosen})", (*values, most)
        ).rowcount
        connection.executemany(
            "INSERT INTO dropped VALUES(?, ?) "
            "ON CONFLICT (kind) DO UPDATE SET entries = entries + excluded.entries",
            lost,
        )
    return gone
