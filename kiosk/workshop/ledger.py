# SPDX-License-Identifier: Apache-2.0
"""The books of a workshop in tables: imports, history, releases built, proposals of kiosks."""

from __future__ import annotations

import getpass
import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from kiosk.errors import WorkshopError
from kiosk.workshop.changes import Change, Result
from kiosk.workshop.database import Database, Row, Session
from kiosk.workshop.repository import (
    MOST_PROBLEMS,
    Built,
    Event,
    ImportJob,
    Note,
    Problem,
    Proposal,
    Step,
    Verdict,
)
from kiosk.workshop.rules import stepped

_JOB = "SELECT id, key, about, next_line, counts, done FROM imports"
_PROPOSAL = (
    "SELECT proposal, kiosk, sku, body, made_at, verdict, reason, decided_at, decided_by "
    "FROM proposals"
)


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def whoever() -> str:
    """The account this process runs under, as far as it has a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def storable(text: str) -> str:
    """A text about something, such as a path, as every database can keep it."""
    return (
        text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="backslashreplace").decode()
    )


def storable_note(note: Note) -> Note:
    """A note as it is kept: who it was is known, and every database can hold it."""
    return Note(note.what, storable(note.about), storable(note.who or whoever()), note.figures)


def storable_proposal(one: Proposal) -> Proposal:
    """A new proposal as it is kept: what a kiosk says is nothing that could be relied on."""
    return Proposal(
        storable(one.proposal_id),
        storable(one.kiosk_id),
        storable(one.sku),
        storable(one.body),
        storable(one.made_at),
    )


class Ledger:
    """The part of a `Repository` that is not about rows of the catalog."""

    def __init__(self, database: Database) -> None:
        self._books = database

    def begin_import(self, key: str, about: str) -> ImportJob:
        about = storable(about)

        def work(session: Session) -> ImportJob:
            found = session.rows(f"{_JOB} WHERE key = ? AND done = 0", key)
            if found:
                return _job(found[0])
            put = "INSERT INTO imports (key, about, next_line, counts, done) VALUES (?,?,1,'{}',0)"
            number = int(session.rows(f"{put} RETURNING id", key, about)[0][0])
            return ImportJob(number, key, about, 1)

        return self._books.write(work)

    def finish_import(self, job_id: int, note: Note) -> None:
        def work(session: Session) -> None:
            if session.rows("UPDATE imports SET done = 1 WHERE id = ? RETURNING id", job_id):
                self._write_note(session, note)

        self._books.write(work)

    def problems(self, job_id: int) -> Iterator[Problem]:
        with self._books.reading() as session:
            query = "SELECT line, code, text FROM problems WHERE import = ? ORDER BY id"
            yield from (Problem(*row) for row in session.stream(query, job_id))

    def identity(self) -> str:
        def work(session: Session) -> str:
            session.ensure("identity", "id TEXT NOT NULL")
            found = session.rows("SELECT id FROM identity")
            if not found:
                put = "INSERT INTO identity VALUES (?) RETURNING id"
                found = session.rows(put, secrets.token_hex(16))
            return str(found[0][0])

        return self._books.write(work)

    def note(self, note: Note) -> None:
        self._books.write(lambda session: self._write_note(session, note))

    def history(self, most: int = 1000) -> list[Event]:
        query = "SELECT id, at, what, about, who, figures, seq FROM history ORDER BY id DESC"
        with self._books.reading() as session:
            return [_event(row) for row in session.rows(f"{query} LIMIT ?", most)]

    def note_release(self, built: Built, note: Note) -> None:
        def work(session: Session) -> None:
            put = "INSERT INTO releases (release, folder, seq, at) VALUES (?,?,?,?)"
            session.many(put, [(built.release, built.folder, built.seq, built.at or now())])
            self._write_note(session, note)

        self._books.write(work)

    def releases(self) -> list[Built]:
        with self._books.reading() as session:
            query = "SELECT release, folder, seq, at FROM releases ORDER BY id DESC"
            return [Built(*row) for row in session.rows(query)]

    def propose(self, proposals: Sequence[Proposal]) -> int:
        def work(session: Session) -> int:
            put = (
                "INSERT INTO proposals (proposal, kiosk, sku, body, made_at, verdict, reason, "
                "decided_at, decided_by) VALUES (?,?,?,?,?,'open','','','') "
                "ON CONFLICT (proposal) DO NOTHING RETURNING id"
            )
            kept = map(storable_proposal, proposals)
            heads = ((p.proposal_id, p.kiosk_id, p.sku, p.body, p.made_at) for p in kept)
            return sum(len(session.rows(put, *head)) for head in heads)

        return self._books.write(work)

    def proposals(self, verdict: Verdict | None = None) -> list[Proposal]:
        wanted, values = ("WHERE verdict = ?", (verdict.value,)) if verdict else ("", ())
        with self._books.reading() as session:
            found = session.rows(f"{_PROPOSAL} {wanted} ORDER BY id", *values)
        return [_proposal(row) for row in found]

    def _decide(self, session: Session, proposal_id: str, verdict: Verdict, reason: str) -> None:
        found = session.rows(f"{_PROPOSAL} WHERE proposal = ?", proposal_id)
        check_open(_proposal(found[0]) if found else None, proposal_id)
        session.rows(
            "UPDATE proposals SET verdict = ?, reason = ?, decided_at = ?, decided_by = ? "
            "WHERE proposal = ? RETURNING id",
            *(verdict.value, storable(reason), now(), whoever(), proposal_id),
        )

    def _advance(
        self, session: Session, step: Step, changes: Sequence[Change], results: Sequence[Result]
    ) -> None:
        """Take an import as far as the batch that this transaction writes."""
        found = session.rows(f"{_JOB} WHERE id = ?", step.job_id)
        job = stepped(_job(found[0]) if found else None, step, changes, results)
        session.many(
            "UPDATE imports SET next_line = ?, counts = ? WHERE id = ?",
            [(job.next_line, json.dumps(job.counts), job.job_id)],
        )
        count = "SELECT count(*) FROM problems WHERE import = ?"
        room = MOST_PROBLEMS - (int(session.rows(count, job.job_id)[0][0]) if step.problems else 0)
        session.many(
            "INSERT INTO problems (import, line, code, text) VALUES (?,?,?,?)",
            (
                (job.job_id, one.line, one.code, storable(one.text))
                for one in step.problems[: max(room, 0)]
            ),
        )

    def _write_note(self, session: Session, note: Note) -> None:
        kept = storable_note(note)
        session.many(
            "INSERT INTO history (at, what, about, who, figures, seq) "
            "SELECT ?, ?, ?, ?, ?, seq FROM state",
            [(now(), kept.what, kept.about, kept.who, json.dumps(kept.figures))],
        )


def check_open(proposal: Proposal | None, proposal_id: str) -> Proposal:
    """The proposal. Raises WorkshopError unless it can be decided."""
    if proposal is None:
        raise WorkshopError(f"there is no proposal {proposal_id!r}; list them to see their ids")
    if proposal.verdict is not Verdict.OPEN:
        raise WorkshopError(
            f"proposal {proposal_id} was {proposal.verdict.value} already, at {proposal.decided_at}"
        )
    return proposal


def _job(row: Row) -> ImportJob:
    return ImportJob(row[0], row[1], row[2], row[3], json.loads(row[4]), bool(row[5]))


def _event(row: Row) -> Event:
    figures = tuple((str(name), int(count)) for name, count in json.loads(row[5]))
    return Event(row[0], row[1], Note(row[2], row[3], row[4], figures), row[6])


def _proposal(row: Row) -> Proposal:
    proposal, kiosk, sku, body, made_at, verdict, reason, decided_at, decided_by = row
    decided = (Verdict(verdict), reason, decided_at, decided_by)
    return Proposal(proposal, kiosk, sku, body, made_at, *decided)
