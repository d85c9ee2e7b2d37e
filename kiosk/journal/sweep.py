# SPDX-License-Identifier: Apache-2.0
"""What the journal forgets: old entries with their looks, and sooner their local features.

Small transactions: a writer that waits for the card must not wait for a year's worth of rows.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from kiosk.journal.entries import instant

_ROWS = 1_000
_OLD_ENTRIES = "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE at < ? LIMIT ?)"
_OLD_LOOKS = "DELETE FROM looks WHERE id IN (SELECT id FROM looks WHERE at < ? LIMIT ?)"
_OLD_FEATURES = (
    "UPDATE looks SET features = NULL WHERE id IN "
    "(SELECT id FROM looks WHERE at < ? AND features IS NOT NULL LIMIT ?)"
)


def sweep(connection: sqlite3.Connection, keep: timedelta, keep_features: timedelta) -> int:
    """Forget what is older. Gives the number of entries deleted. Raises sqlite3.Error."""
    newest = connection.execute("SELECT max(at) FROM entries").fetchone()[0]
    # A clock that runs ahead must not empty the journal: age counts from the newest entry.
    now = min(instant(datetime.now(UTC)), newest or "")
    if not now:
        return 0
    today = datetime.fromisoformat(now)
    _all(connection, _OLD_FEATURES, instant(_before(today, keep_features)))
    oldest = instant(_before(today, keep))
    _all(connection, _OLD_LOOKS, oldest)
    return _all(connection, _OLD_ENTRIES, oldest)


def _before(today: datetime, age: timedelta) -> datetime:
    try:
        return today - age
    except OverflowError:  # a clock at the year 1970 and a century to keep
        return datetime.min.replace(tzinfo=UTC)


def _all(connection: sqlite3.Connection, statement: str, oldest: str) -> int:
    changed = 0
    while rows := connection.execute(statement, (oldest, _ROWS)).rowcount:
        changed += rows
    return changed
