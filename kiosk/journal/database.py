# SPDX-License-Identifier: Apache-2.0
"""The journal's SQLite file, opened as `kiosk.sqlite_file` has it and brought up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kiosk.durable import sync
from kiosk.journal.schema import SCHEMA_VERSION, bring_up
from kiosk.sqlite_file import checked_version, make_durable

JOURNAL_FILE = "journal.sqlite"
"""Its name in the state directory."""

REPLACED = "The journal file was removed or replaced while the kiosk ran."


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The database, created when it is missing. Autocommit mode: transactions are explicit.

    Raises sqlite3.Error, OSError, or StateError when a newer kiosk wrote it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        version = check_version(connection, path)
        make_durable(connection)
        connection.execute("PRAGMA journal_size_limit = 4194304")
        bring_up(connection, version)
        if version == 0:
            sync(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version, 0 for an empty file. Raises StateError when it is newer than ours."""
    return checked_version(connection, path, "journal", SCHEMA_VERSION)
