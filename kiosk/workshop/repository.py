# SPDX-License-Identifier: Apache-2.0
"""What every database of a workshop can do: SQLite, PostgreSQL, or memory, all by one contract.

Rule: whatever is written is written in one transaction, whole or not at all, and every writing
transaction that changes rows takes the next number (`seq`); reading is always in one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from kiosk.workshop.changes import Change, Gone, Picture, Result, Sku


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the history: `what` is import, add, remove, build, publish, rollback, proposal or
    collect."""

    what: str
    about: str
    """In words, one line."""
    who: str = ""
    """Empty: whoever runs this process."""
    figures: tuple[tuple[str, int], ...] = ()
    """Such as ("added", 12)."""


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the history."""

    number: int
    at: str
    """UTC, ISO 8601."""
    note: Note
    seq: int
    """The workshop's number when it was written."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line of an import that was refused."""

    line: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An import as far as it came: what is before `next_line` is done for good."""

    job_id: int
    key: str
    """What it imports, such as kind and sha256 of the file: one unfinished job per key."""
    about: str
    next_line: int
    """The first line that is not done, from 1."""
    counts: dict[str, int] = field(default_factory=dict)
    """Pictures so far by `Result.value`, SKUs as `sku_added` and so on, and lines that `failed`."""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """How far an import comes with a batch: committed together with its rows."""

    job_id: int
    from_line: int
    """The job's `next_line` as this process knows it."""
    to_line: int
    """Its `next_line` afterwards."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """A release that was built from this workshop."""

    release: str
    folder: str
    """Below the workshop's `releases`, or a path of its own."""
    seq: int
    """The number of the workshop's contents it was built from."""
    at: str = ""
    """UTC, ISO 8601; set when it is noted."""


class Verdict(Enum):
    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An addition that a kiosk made, as head office sees it."""

    proposal_id: str
    """Given by the kiosk: the same one again changes nothing."""
    kiosk_id: str
    sku: str
    body: str
    """JSON of whoever made it: name, barcodes, pictures, features."""
    made_at: str
    verdict: Verdict = Verdict.OPEN
    reason: str = ""
    decided_at: str = ""
    decided_by: str = ""


class Reading(Protocol):
    """One snapshot of a workshop. Everything in order of SKU, then picture name, by code point."""

    @property
    def seq(self) -> int:
        """The number this snapshot is up to date with: what `since` takes the next time."""

    def counts(self) -> tuple[int, int]:
        """How many SKUs and pictures there are."""

    def sku(self, sku: str) -> Sku | None: ...

    def skus(self, since: int = 0) -> Iterator[Sku]:
        """Those added or changed after number `since`, by default all; a few at a time: a million
        do not have to fit into memory."""

    def pictures(self, sku: str | None = None, since: int = 0) -> Iterator[Picture]:
        """Those of all SKUs or of one, added or changed after number `since`, a few at a time."""

    def gone(self, since: int) -> Iterator[Gone]:
        """What was taken away after number `since` and is not there again."""

    def categories(self) -> dict[str, int | None]:
        """Those made known by PutCategory, with their numbers; empty: any category will do."""


class Repository(Protocol):
    """A workshop's database. Methods raise WorkshopError saying what to do: the database refuses,
    is damaged or gone (then nothing of the call is written, and it may be made again)."""

    def apply(
        self, changes: Sequence[Change], *, step: Step | None = None, note: Note | None = None
    ) -> tuple[Result, ...]:
        """Make all changes in their order, or none; one result for each.

        Raises WorkshopError for one that cannot be stored (`kiosk.workshop.limits.mistake` tells
        beforehand), BusyError when another process has taken the import of `step` further.
        """

    def reading(self) -> AbstractContextManager[Reading]: ...

    def begin_import(self, key: str, about: str) -> ImportJob:
        """The unfinished job of that key, to go on with, or a new one."""

    def finish_import(self, job_id: int, note: Note) -> None:
        """All lines are done; the same key begins anew the next time."""

    def problems(self, job_id: int) -> Iterator[Problem]:
        """The refused lines of an import, at most MOST_PROBLEMS of them."""

    def identity(self) -> str:
        """Names this catalog and no other one, for ever, in hexadecimal digits."""

    def note(self, note: Note) -> None: ...

    def history(self, most: int = 1000) -> list[Event]:
        """The newest first."""

    def note_release(self, built: Built, note: Note) -> None: ...

    def releases(self) -> list[Built]:
        """The newest first."""

    def propose(self, proposals: Sequence[Proposal]) -> int:
        """Keep those that are new; how many were. A decided one stays decided."""

    def proposals(self, verdict: Verdict | None = None) -> list[Proposal]:
        """In the order they came."""

    def decide(
        self, proposal_id: str, verdict: Verdict, reason: str = "", changes: Sequence[Change] = ()
    ) -> None:
        """Accept or reject an open proposal, with the changes that follow from it.

        Raises WorkshopError when there is none, or it is decided already.
        """

    def close(self) -> None: ...


MOST_PROBLEMS = 10_000
"""Refused lines that are kept for one import; all are counted."""
