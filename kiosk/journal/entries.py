# SPDX-License-Identifier: Apache-2.0
"""What one journal entry is: from a decision or a confirmation to columns, and back to a dict.

Rule: an entry holds the whole evidence of a decision and no picture.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from kiosk.values import Decision, Match, Thresholds

SCHEMA_VERSION = 1
"""`PRAGMA user_version` of the database; a newer one is refused, never guessed at."""

SCHEMA = f"""
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('decision', 'confirmation')),
    decision_id TEXT NOT NULL,
    visit_id TEXT NOT NULL,
    at TEXT NOT NULL,
    outcome TEXT,
    rule TEXT,
    sku TEXT,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX entries_once ON entries (decision_id, kind, at);
CREATE INDEX entries_at ON entries (at);
PRAGMA user_version = {SCHEMA_VERSION};
"""
# entries_once makes writing a batch again harmless: a commit that failed may have reached the disk.

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

    def row(self) -> tuple[str | None, ...]:
        """The values of COLUMNS, as SQLite can hold them."""
        return tuple(_storable(getattr(self, column)) for column in COLUMNS)


def instant(when: datetime) -> str:
    """The journal's form of a time: UTC, microseconds, sorts as text."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def of_decision(decision: Decision) -> Entry:
    """The entry of a decision. Never raises for a well-typed decision."""
    body = {
        "similarity": _number(decision.similarity),
        "margin": _number(decision.margin),
        "agreement": list(decision.agreement),
        "matches": [_match(match) for match in decision.matches],
        "box": [_number(value) for value in decision.box.as_list()],
        "frame_size": [int(side) for side in decision.frame_size],
        "sequence": int(decision.sequence),
        "thresholds": _thresholds(decision.thresholds),
        "hashes": asdict(decision.hashes),
        "timings": _plain(asdict(decision.timings)),
    }
    return Entry(
        "decision",
        decision.decision_id,
        decision.visit_id,
        _sortable(decision.at),
        decision.outcome.value,
        decision.rule.value,
        decision.sku,
        json.dumps(body, separators=(",", ":")),
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


def as_dict(number: int, values: Sequence[Any]) -> dict[str, Any]:
    """A stored row (its id and the values of COLUMNS) as readers get it: `body` is `evidence`."""
    entry: dict[str, Any] = {"id": number, **dict(zip(COLUMNS, values, strict=True))}
    entry["evidence"] = json.loads(entry.pop("body"))
    return entry


def _match(match: Match) -> dict[str, Any]:
    """Without a second look the three facts there are; with one, what it found as well."""
    facts: dict[str, Any] = {
        "sku": match.sku,
        "similarity": _number(match.similarity),
        "reference": int(match.reference),
    }
    if match.verified is not None:
        facts |= {"evidence": _number(match.evidence), "verified": _plain(asdict(match.verified))}
    return facts


def _thresholds(thresholds: Thresholds) -> dict[str, Any]:
    """Without the claims, which belong to the release and not to one decision."""
    fields = asdict(thresholds)
    del fields["claims"]
    return _plain(fields)


def _storable(text: str | None) -> str | None:
    """Lone surrogates (from a badly decoded file name) cannot be stored: they become "?"."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _sortable(at: str) -> str:
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        when = datetime.now(UTC)  # a strange time is no reason to lose an entry
    return instant(when if when.tzinfo else when.replace(tzinfo=UTC))


def _number(value: float) -> float | None:
    """A plain float for JSON (numpy's float32 is none); None for what JSON cannot say."""
    plain = float(value)
    return plain if math.isfinite(plain) else None


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int) else _number(value)
        for name, value in fields.items()
    }
