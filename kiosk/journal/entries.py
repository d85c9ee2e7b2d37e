# SPDX-License-Identifier: Apache-2.0
"""What one journal entry is: from a decision, a tap or a note to columns, and back to a dict.

Rule: an entry holds the whole evidence of a decision and no picture.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kiosk.journal.looks import LookRow, codes_of, facts_of, number, plain, rows
from kiosk.values import Decision, Note, Thresholds

_OVERHEAD = 300
"""Bytes of a row beside its texts and blobs."""
_METHOD = 100
"""Characters kept of how thresholds were measured."""
COLUMNS = ("kind", "decision_id", "visit_id", "at", "outcome", "rule", "sku", "body")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row, ready to be written."""

    kind: str
    decision_id: str
    visit_id: str
    at: str
    outcome: str | None
    rule: str | None
    sku: str | None
    body: str
    looks: tuple[LookRow, ...] = ()
    """Of a decision: what a replay needs."""

    @property
    def bytes(self) -> int:
        """About what it takes in memory and on the disk."""
        return _OVERHEAD + len(self.body) + sum(look.bytes for look in self.looks)

    @property
    def key(self) -> tuple[str, str, str]:
        """The journal keeps one entry of these."""
        return self.decision_id, self.kind, self.at

    def without_features(self) -> Entry:
        """The same without local features, by far the largest part of it."""
        return replace(self, looks=tuple(replace(look, features=None) for look in self.looks))

    def row(self) -> tuple[str | None, ...]:
        """The values of COLUMNS, as SQLite can hold them."""
        return tuple(_storable(getattr(self, column)) for column in COLUMNS)


def instant(when: datetime) -> str:
    """The journal's form of a time: UTC, microseconds, sorts as text."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def of_decision(decision: Decision, *, features: bool = True) -> Entry:
    """The entry of a decision, with its looks; `features`: and their local features.

    Never raises for a well-typed decision.
    """
    body = {
        "similarity": number(decision.similarity),
        "margin": number(decision.margin),
        "agreement": list(decision.agreement),
        "matches": [facts_of(match) for match in decision.matches],
        "box": [number(value) for value in decision.box.as_list()],
        "frame_size": [int(side) for side in decision.frame_size],
        "sequence": int(decision.sequence),
        "moment": decision.moment,
        "category": decision.category,
        "codes": codes_of(decision.codes),
        "waited_ms": number(decision.waited_ms),
        "thresholds": _thresholds(decision.thresholds),
        "hashes": asdict(decision.hashes),
        "timings": plain(asdict(decision.timings)),
    }
    at = _sortable(decision.at)
    return Entry(
        "decision",
        decision.decision_id,
        decision.visit_id,
        at,
        decision.outcome.value,
        decision.rule.value,
        decision.sku,
        json.dumps(body, separators=(",", ":")),
        rows(decision, decision.decision_id, at, features=features),
    )


def of_confirmation(decision: Decision, sku: str, when: datetime) -> Entry:
    """The entry of a tap: which SKU a person said it is, and what the kiosk had said."""
    body = {"said": decision.outcome.value, "offered": [match.sku for match in decision.matches]}
    return Entry(
        "confirmation",
        decision.decision_id,
        decision.visit_id,
        instant(when),
        None,
        None,
        sku,
        json.dumps(body, separators=(",", ":")),
    )


def of_note(note: Note, when: datetime) -> Entry:
    """The entry of a note; `when` counts if it does not say when it happened.

    What JSON cannot say becomes null or its text: a note is no reason to stop.
    """
    text = json.dumps(_sayable(note.body), separators=(",", ":"))
    at = _sortable(note.at) if note.at else instant(when)
    return Entry(note.kind, note.decision_id, note.visit_id, at, None, None, note.sku, text)


def as_dict(row: int, values: Sequence[Any]) -> dict[str, Any]:
    """A stored row (its id and the values of COLUMNS) as readers get it: `body` is `evidence`."""
    entry: dict[str, Any] = {"id": row, **dict(zip(COLUMNS, values, strict=True))}
    entry["evidence"] = json.loads(entry.pop("body"))
    return entry


def _thresholds(thresholds: Thresholds) -> dict[str, Any]:
    """Without the claims and the whole method, which belong to the release and not to one
    decision."""
    fields = asdict(thresholds)
    del fields["claims"]
    fields["method"] = textwrap.shorten(thresholds.method, _METHOD, placeholder=" …")
    return plain(fields)


def _storable(text: str | None) -> str | None:
    """Lone surrogates (from a badly decoded file name) cannot be stored: they become "?"."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _sortable(at: str) -> str:
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        when = datetime.now(UTC)  # a strange time is no reason to lose an entry
    return instant(when if when.tzinfo else when.replace(tzinfo=UTC))


def _sayable(value: Any) -> Any:  # noqa: ANN401 - whatever a note holds
    if isinstance(value, Mapping):
        return {str(name): _sayable(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_sayable(each) for each in value]
    if value is None or isinstance(value, str | int):
        return value
    try:
        found = float(value)
    except (TypeError, ValueError):
        return str(value)
    return found if math.isfinite(found) else None
