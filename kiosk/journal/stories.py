# SPDX-License-Identifier: Apache-2.0
"""A decision read back whole: its entry, its looks, and what people said of it afterwards.

What is damaged in one decision is that decision's trouble: the others can still be read.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kiosk.errors import DecisionMissing, StateError, UsageError
from kiosk.journal.entries import COLUMNS, as_dict, instant
from kiosk.journal.looks import as_look
from kiosk.journal.reader import opened
from kiosk.values import Look, Thresholds

NEWEST = "last"
"""Stands for the id of the newest decision."""
_PAGE = 100
"""Decisions read at a time: with their local features some 5 MB."""
_ALL = f"SELECT id, {', '.join(COLUMNS)} FROM entries"
_SINCE = f"{_ALL} WHERE kind = 'decision' AND id > ? AND at >= ? ORDER BY id LIMIT {_PAGE}"
_LAST = f"{_ALL} WHERE kind = 'decision' ORDER BY id DESC LIMIT 1"
_BY_ID = f"{_ALL} WHERE kind = 'decision' AND decision_id = ?"
_PREFIXED = (
    "SELECT DISTINCT decision_id FROM entries "
    "WHERE kind = 'decision' AND decision_id >= ? AND decision_id < ? LIMIT 3"
)
_AFTERWARDS = f"{_ALL} WHERE decision_id = ? AND kind <> 'decision' ORDER BY id"
_LOOKS = (
    "SELECT number, body, embedding, CASE WHEN ? THEN features END FROM looks "
    "WHERE decision_id = ? ORDER BY number"
)


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """One decision of the journal with everything that belongs to it."""

    entry: Mapping[str, Any]
    """As `kiosk.journal.read` gives it."""
    thresholds: Thresholds
    """Those it was made with."""
    looks: tuple[Look, ...]
    """Oldest first; empty when an older kiosk recorded it, or when they are damaged."""
    afterwards: tuple[Mapping[str, Any], ...]
    """Entries that name this decision: confirmations, refusals, what was counted."""
    damage: str = ""
    """What cannot be read of it, and what to do; empty: nothing."""

    @property
    def decision_id(self) -> str:
        return str(self.entry["decision_id"])

    @property
    def evidence(self) -> Mapping[str, Any]:
        """The body of the entry."""
        found: Mapping[str, Any] = self.entry["evidence"]
        return found

    @property
    def has_features(self) -> bool:
        """The local features of the look that settled it are still there."""
        return bool(self.looks) and self.looks[-1].features is not None


def story(path: Path, decision_id: str) -> Story:
    """The decision whose id begins with `decision_id`; "last": the newest.

    Raises DecisionMissing when there is none, UsageError when several begin like this, StateError
    when it cannot be read.
    """
    with opened(path) as connection:
        if decision_id == NEWEST:
            row = connection.execute(_LAST).fetchone()
        else:
            row = connection.execute(_BY_ID, (_whole_id(connection, decision_id, path),)).fetchone()
        if row is None and decision_id == NEWEST:
            raise DecisionMissing(f"{path} holds no decision yet: show the kiosk an item first")
        if row is None:
            raise DecisionMissing(
                f"{path} holds no decision {decision_id!r}: see `kiosk journal` for those it holds"
            )
        return _story(connection, row)


def stories(path: Path, since: datetime | None = None, *, features: bool = True) -> Iterator[Story]:
    """Every decision from `since` (aware; None: all) on, in the order they were written, a few in
    memory at a time; `features`: with local features, where they are kept.

    Raises as `kiosk.journal.read`; damage within a decision is in its story.
    """
    last, floor = 0, instant(since) if since else ""
    with opened(path) as connection:
        while rows := connection.execute(_SINCE, (last, floor)).fetchall():
            for row in rows:
                yield _story(connection, row, features=features)
            last = rows[-1][0]


def _whole_id(connection: sqlite3.Connection, prefix: str, path: Path) -> str:
    if not prefix:
        raise UsageError("a decision is named by the beginning of its id, or by `last`")
    if not prefix.isascii():  # no id is like that, and not all of it can be looked for
        return ""
    if connection.execute(_BY_ID, (prefix,)).fetchone() is not None:
        return prefix
    beyond = prefix + "\U0010ffff"
    found = [row[0] for row in connection.execute(_PREFIXED, (prefix, beyond))]
    if len(found) > 1:
        raise UsageError(
            f"{path} holds several decisions that begin with {prefix!r}, such as {found[0]} and "
            f"{found[1]}: write more of the id"
        )
    return str(found[0]) if found else prefix


def _story(connection: sqlite3.Connection, row: tuple[Any, ...], *, features: bool = True) -> Story:
    identity = str(row[1 + COLUMNS.index("decision_id")])
    damage = ""
    try:
        entry = as_dict(row[0], row[1:])
        thresholds = _thresholds(entry["evidence"]["thresholds"])
        release = str(entry["evidence"]["hashes"]["release"])
    except (ValueError, TypeError, KeyError) as error:
        entry = {"id": row[0], **dict(zip(COLUMNS, row[1:], strict=True)), "evidence": {}}
        thresholds, release = _NONE, ""
        damage = f"decision {identity}: its evidence is damaged ({error}); check the card or disk"
    looks: tuple[Look, ...] = ()
    if not damage:
        try:
            rows = connection.execute(_LOOKS, (features, identity)).fetchall()
            looks = tuple(as_look(each, thresholds, release) for each in rows)
        except StateError as error:
            damage = f"decision {identity}: {error}"
    after = tuple(_readable(connection.execute(_AFTERWARDS, (identity,))))
    return Story(entry, thresholds, looks, after, damage)


def _readable(rows: Iterator[tuple[Any, ...]]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        try:
            yield as_dict(row[0], row[1:])
        except ValueError:  # the columns still say what was tapped
            yield {"id": row[0], **dict(zip(COLUMNS, row[1:], strict=True)), "evidence": {}}


_NONE = Thresholds(accept=2.0, choose=2.0, margin=2.0, method="not readable", samples=0)


def _thresholds(facts: Mapping[str, Any]) -> Thresholds:
    """Fields that this kiosk does not know are another version's: they are left out."""
    known = {field.name for field in dataclasses.fields(Thresholds)} - {"claims"}
    return Thresholds(**{name: value for name, value in facts.items() if name in known})
