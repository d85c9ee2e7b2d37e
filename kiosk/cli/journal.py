# SPDX-License-Identifier: Apache-2.0
"""`kiosk journal`: read back what the kiosk decided and what people confirmed."""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from kiosk.cli.options import Verbs, add_config, add_state, load_config
from kiosk.cli.visible import visible
from kiosk.config import state_directory
from kiosk.errors import UsageError
from kiosk.journal import JOURNAL_FILE, read

Entries = Iterable[dict[str, Any]]

CSV_COLUMNS = (
    *("at", "kind", "outcome", "sku", "similarity", "margin", "rule", "decision_id", "visit_id"),
    *("release", "detector", "embedder"),
)
_TABLE = "{at:<19}  {kind:<14}  {outcome:<8}  {sku:<20}  {similarity:>10}  {margin:>6}  {rule}"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def register(subparsers: Verbs) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "journal",
        help="read back decisions, and what people said and signed",
        description="Print the journal: every decision with its evidence, every tap, every "
        "refusal, every signed list. In the table a SKU in brackets is only the nearest, not an "
        "answer.",
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        help="only newer entries: 2026-11-20, 2026-11-20T14:30 (local time), or 30m, 2h, 3d, 1w",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object per line, all evidence")
    form.add_argument("--csv", action="store_true", help="comma-separated, with a header")
    add_state(parser)
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the journal. Raises JournalMissing, StateError, or UsageError for a wrong --since."""
    since = parse_since(args.since, datetime.now(UTC)) if args.since else None
    folder = args.state or state_directory(load_config(args))
    entries = _begun(read(folder / JOURNAL_FILE, since))
    write: Callable[[Entries], None] = _table
    if args.json:
        write = _json
    elif args.csv:
        write = _csv
    write(entries)
    return os.EX_OK


def parse_since(text: str, now: datetime) -> datetime:
    """`2h`, `3d`… before `now`, or an ISO date or time, local unless it says otherwise."""
    age = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    try:
        if age:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {text!r}: write a date (2026-11-20), a time (2026-11-20T14:30) or an age "
            "(30m, 2h, 3d, 1w)"
        ) from None


def _begun(entries: Iterator[dict[str, Any]]) -> Entries:
    """The same entries with the first one read: an error comes before any heading."""
    return itertools.chain(list(itertools.islice(entries, 1)), entries)


def _json(entries: Entries) -> None:
    for entry in entries:
        print(json.dumps(entry, ensure_ascii=False))


def _csv(entries: Entries) -> None:
    writer = csv.DictWriter(sys.stdout, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        writer.writerow({**entry, **entry["evidence"], **entry["evidence"].get("hashes", {})})


def _table(entries: Entries) -> None:
    headings = {name: name for name in CSV_COLUMNS}
    print(_TABLE.format(**headings))
    count = 0
    for line in _lines(entries):
        print(line)
        count += 1
    print(f"{count} entries" if count != 1 else "1 entry")


def _lines(entries: Entries) -> Iterator[str]:
    for entry in entries:
        evidence = entry["evidence"]
        cells = {name: visible(entry[name] or "") for name in ("kind", "outcome", "sku", "rule")}
        if not cells["sku"] and evidence.get("matches"):
            cells["sku"] = visible(f"({evidence['matches'][0]['sku']})")
        at = datetime.fromisoformat(entry["at"]).astimezone()
        cells["at"] = at.strftime("%Y-%m-%d %H:%M:%S")
        for name in ("similarity", "margin"):
            value = evidence.get(name)
            cells[name] = "" if value is None else f"{value:.3f}"
        yield _TABLE.format(**cells).rstrip()
