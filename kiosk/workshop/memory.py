# SPDX-License-Identifier: Apache-2.0
"""A workshop's database that is gone with its process: for tests, and for trying an import."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from kiosk.workshop.changes import Change, Gone, Picture, Result, Sku
from kiosk.workshop.ledger import (
    check_open,
    now,
    storable,
    storable_note,
    storable_proposal,
    whoever,
)
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
from kiosk.workshop.rules import (
    Key,
    Known,
    Settled,
    Touched,
    check,
    settle,
    stepped,
    told,
    touched,
)

_K = TypeVar("_K")
_V = TypeVar("_V")


class MemoryRepository:
    """A `Repository` of dictionaries. For one thread."""

    def __init__(self) -> None:
        self._held = Known()
        self._changed: dict[Key, int] = {}
        """Number of the last change of a picture, or of a SKU (empty name); also of gone ones."""
        self._seq = 0
        self._jobs: dict[int, ImportJob] = {}
        self._problems: dict[int, list[Problem]] = {}
        self._history: list[Event] = []
        self._releases: list[Built] = []
        self._proposals: dict[str, Proposal] = {}
        self._identity = secrets.token_hex(16)

    def apply(
        self, changes: Sequence[Change], *, step: Step | None = None, note: Note | None = None
    ) -> tuple[Result, ...]:
        check(changes)
        settled = settle(changes, self._known(touched(changes)))
        if step is not None:
            job = stepped(self._jobs.get(step.job_id), step, changes, settled.results)
            self._jobs[step.job_id] = job
            kept = self._problems.setdefault(step.job_id, [])
            kept += (
                replace(one, text=storable(one.text))
                for one in step.problems[: MOST_PROBLEMS - len(kept)]
            )
        self._take(settled)
        if note is not None:
            self.note(told(note, changes, settled.results))
        return settled.results

    @contextmanager
    def reading(self) -> Iterator[MemoryReading]:
        held = self._held
        copied = Known(dict(held.skus), dict(held.pictures), dict(held.categories))
        yield MemoryReading(copied, dict(self._changed), self._seq)

    def begin_import(self, key: str, about: str) -> ImportJob:
        for job in self._jobs.values():
            if job.key == key and not job.done:
                return job
        job = ImportJob(len(self._jobs) + 1, key, storable(about), 1)
        self._jobs[job.job_id] = job
        return job

    def finish_import(self, job_id: int, note: Note) -> None:
        if job_id in self._jobs:
            self._jobs[job_id] = replace(self._jobs[job_id], done=True)
            self.note(note)

    def problems(self, job_id: int) -> Iterator[Problem]:
        return iter(tuple(self._problems.get(job_id, ())))

    def identity(self) -> str:
        return self._identity

    def note(self, note: Note) -> None:
        kept = storable_note(note)
        self._history.append(Event(len(self._history) + 1, now(), kept, self._seq))

    def history(self, most: int = 1000) -> list[Event]:
        return self._history[::-1][:most]

    def note_release(self, built: Built, note: Note) -> None:
        self._releases.append(replace(built, at=built.at or now()))
        self.note(note)

    def releases(self) -> list[Built]:
        return self._releases[::-1]

    def propose(self, proposals: Sequence[Proposal]) -> int:
        before = len(self._proposals)
        for kept in map(storable_proposal, proposals):
            self._proposals.setdefault(kept.proposal_id, kept)
        return len(self._proposals) - before

    def proposals(self, verdict: Verdict | None = None) -> list[Proposal]:
        return [one for one in self._proposals.values() if verdict in (None, one.verdict)]

    def decide(
        self, proposal_id: str, verdict: Verdict, reason: str = "", changes: Sequence[Change] = ()
    ) -> None:
        check(changes)
        proposal = check_open(self._proposals.get(proposal_id), proposal_id)
        self._proposals[proposal_id] = replace(
            proposal,
            verdict=verdict,
            reason=storable(reason),
            decided_at=now(),
            decided_by=whoever(),
        )
        about = f"{verdict.value} {proposal_id}" + (f": {reason}" if reason else "")
        self.apply(changes, note=Note("proposal", about))

    def close(self) -> None:
        """Nothing to close."""

    def _known(self, wanted: Touched) -> Known:
        held, emptied = self._held, wanted.emptied
        keys = wanted.pictures | {key for key in held.pictures if emptied and key[0] in emptied}
        return Known(
            {sku: held.skus[sku] for sku in wanted.skus if sku in held.skus},
            {key: held.pictures[key] for key in keys if key in held.pictures},
            dict(held.categories),
        )

    def _take(self, settled: Settled) -> None:
        if not settled.changes_rows:
            return
        self._seq += 1
        _laid(self._held.skus, settled.skus)
        _laid(self._held.pictures, settled.pictures)
        self._held.categories.update(settled.categories)
        for key in [*((sku, "") for sku in settled.skus), *settled.pictures]:
            self._changed[key] = self._seq


class MemoryReading:
    """A `Reading` of copies."""

    def __init__(self, held: Known, changed: dict[Key, int], seq: int) -> None:
        self._held = held
        self._changed = changed
        self._seq = seq

    @property
    def seq(self) -> int:
        return self._seq

    def counts(self) -> tuple[int, int]:
        return len(self._held.skus), len(self._held.pictures)

    def sku(self, sku: str) -> Sku | None:
        return self._held.skus.get(sku)

    def skus(self, since: int = 0) -> Iterator[Sku]:
        held = self._held.skus
        return (held[sku] for sku in sorted(held) if self._changed[sku, ""] > since)

    def pictures(self, sku: str | None = None, since: int = 0) -> Iterator[Picture]:
        held = self._held.pictures
        keys = sorted(key for key in held if sku in (None, key[0]))
        return (held[key] for key in keys if self._changed[key] > since)

    def gone(self, since: int) -> Iterator[Gone]:
        for (sku, name), seq in sorted(self._changed.items()):
            there = (sku, name) in self._held.pictures if name else sku in self._held.skus
            if seq > since and not there:
                yield Gone(sku, name)

    def categories(self) -> dict[str, int | None]:
        return dict(sorted(self._held.categories.items()))


def _laid(held: dict[_K, _V], changed: Mapping[_K, _V | None]) -> None:
    """Take over what is different; None is gone."""
    for key, value in changed.items():
        if value is None:
            held.pop(key, None)
        else:
            held[key] = value
