# SPDX-License-Identifier: Apache-2.0
"""Reading the journal: beside a running kiosk, or from a card that cannot be written."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from kiosk.errors import JournalMissing, StateError
from kiosk.journal.database import check_version
from kiosk.journal.entries import COLUMNS, as_dict, instant
from kiosk.journal.looks import LOOK_COLUMNS
from kiosk.journal.schema import OWED_COLUMNS, TOLD_COLUMNS
from kiosk.sqlite_file import is_damage

_PAGE = 500
_QUERY = (
    f"SELECT id, {', '.join(COLUMNS)} FROM entries WHERE id > ? AND at >= ? ORDER BY id LIMIT ?"
)


def read(path: Path, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Entries in the order they were written, from `since` (aware; None: all) on.

    Each is a dict: id, kind, decision_id, visit_id, at (UTC), outcome, rule, sku, evidence.
    Raises JournalMissing when there is none, StateError when it is damaged or a newer kiosk's.
    """
    last, floor = 0, instant(since) if since else ""
    try:
        with opened(path) as connection:
            # Page by page: one long read would keep the kiosk from tidying its write-ahead log.
            while rows := connection.execute(_QUERY, (last, floor, _PAGE)).fetchall():
                yield from (as_dict(row[0], row[1:]) for row in rows)
                last = rows[-1][0]
    except ValueError as error:  # the evidence of an entry is no JSON any more
        raise StateError(
            f"{path} is damaged after entry {last} ({error}): copy it elsewhere and look into it"
        ) from error


@contextmanager
def opened(path: Path, *, copied: bool = True) -> Iterator[sqlite3.Connection]:
    """The journal at `path`, to be read only; `copied`: from a copy where nothing else helps.

    Raises as `read`, also for errors in the block.
    """
    if not path.is_file():
        raise JournalMissing(
            f"there is no journal at {path}: name the kiosk's state directory with "
            "--state, or start the kiosk once"
        )
    try:
        with ExitStack() as stack:
            yield _open(path, stack, copied=copied)
    except sqlite3.Error as error:
        kind = "is damaged" if is_damage(error) else "cannot be read"
        raise StateError(f"{path} {kind} ({error}): copy it elsewhere and look into it") from error


def _open(path: Path, stack: ExitStack, *, copied: bool) -> sqlite3.Connection:
    try:
        return _connect(path, "mode=ro", stack)
    except sqlite3.OperationalError as error:
        if is_damage(error):
            raise
    # A write-ahead log needs a writable folder even for reading; without one, immutable mode reads
    # the main file alone. Entries still in the log are only seen in a copy that may be written.
    wal = path.with_name(path.name + "-wal")
    if not wal.exists() or wal.stat().st_size == 0:
        return _connect(path, "immutable=1", stack)
    if not copied:
        raise sqlite3.OperationalError("its folder cannot be written")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kiosk-journal-")))
    for source in (path, wal):
        shutil.copyfile(source, folder / source.name)
    return _connect(folder / path.name, "mode=rw", stack)


def _connect(path: Path, how: str, stack: ExitStack) -> sqlite3.Connection:
    connection = stack.enter_context(
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=5))
    )
    version = check_version(connection, path)
    if version == 0:  # a kiosk that has just started: nothing is written yet
        connection.execute(f"CREATE TEMP TABLE entries (id INTEGER, {', '.join(COLUMNS)})")
    if version < 2:  # no kiosk of this version has written yet: no looks were kept
        connection.execute(f"CREATE TEMP TABLE looks (id INTEGER, {', '.join(LOOK_COLUMNS)})")
    if version < 3:  # nor was anything sent
        connection.execute("CREATE TEMP TABLE sent (taker TEXT, up_to INTEGER)")
        connection.execute("CREATE TEMP TABLE dropped (kind TEXT, entries INTEGER)")
    if version < 4:
        connection.execute(f"CREATE TEMP TABLE told ({', '.join(TOLD_COLUMNS)})")
        connection.execute(f"CREATE TEMP TABLE owed ({', '.join(OWED_COLUMNS)})")
    return connection
