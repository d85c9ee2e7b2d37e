# SPDX-License-Identifier: Apache-2.0
"""`kiosk refusals`: what people said is not a SKU, and taking it back."""

from __future__ import annotations

import argparse
import json
import os
from datetime import datetime
from pathlib import Path

from kiosk.cli.options import Verbs, add_config, load_config
from kiosk.cli.visible import visible
from kiosk.config import state_directory
from kiosk.errors import StateError, UsageError
from kiosk.refusals import REFUSALS_FILE, Refusal, read, undo

SHORT = 8
"""Characters of an id that are printed; any beginning that only one has will do."""
_TABLE = "{id:<8}  {at:<19}  {sku:<20}  {similarity:>10}  {decision:<32}  {state}"


def register(subparsers: Verbs) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "refusals",
        help="list and undo what people said is not a SKU",
        description='A tap on "wrong" keeps the features of what was seen, so that the same wrong '
        "answer is not accepted again on this kiosk.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="print what was refused on this kiosk")
    listing.add_argument("--all", action="store_true", help="also what was undone")
    listing.add_argument("--json", action="store_true", help="one JSON object per line")
    listing.set_defaults(run=run_list)
    undoing = actions.add_parser(
        "undo", help="take one refusal back; a running kiosk hears of it within a second"
    )
    undoing.add_argument("id", metavar="ID", help="as listed, or its beginning")
    undoing.set_defaults(run=run_undo)
    for each in (listing, undoing):
        each.add_argument(
            "--state",
            type=Path,
            metavar="DIR",
            help="the kiosk's state directory (default: the one of the configuration)",
        )
        add_config(each)


def run_list(args: argparse.Namespace) -> int:
    """Print the refusals. Raises StateError."""
    found = [refusal for refusal in _read(args) if refusal.holds or args.all]
    if args.json:
        for refusal in found:
            body = refusal.as_journal() | {"sku": refusal.sku, "decision_id": refusal.decision_id}
            print(json.dumps(body, ensure_ascii=False))
        return os.EX_OK
    headings = ("id", "at", "sku", "similarity", "decision", "state")
    print(_TABLE.format(**{name: name for name in headings}))
    for refusal in reversed(found):
        print(_line(refusal))
    print(f"{len(found)} refusals" if len(found) != 1 else "1 refusal")
    return os.EX_OK


def run_undo(args: argparse.Namespace) -> int:
    """Undo one. Raises StateError, or UsageError when no or more than one refusal is meant."""
    meant = [each for each in _read(args) if args.id and each.refusal_id.startswith(args.id)]
    held = [each for each in meant if each.holds]
    if len(held) != 1:
        reason = "there is no such refusal"
        if held:
            reason = f"{len(held)} refusals begin so; write more of the id"
        elif meant:
            reason = "it is undone already"
        raise UsageError(f"{args.id}: {reason}; see `kiosk refusals list`")
    undo(_file(args), held[0].refusal_id)
    print(f"{visible(held[0].sku)} is no longer refused for what was seen {_at(held[0])}.")
    return os.EX_OK


def _file(args: argparse.Namespace) -> Path:
    folder: Path = args.state or state_directory(load_config(args))
    if not folder.is_dir():
        raise StateError(f"{folder}: is no folder; name the kiosk's state directory with --state")
    return folder / REFUSALS_FILE


def _read(args: argparse.Namespace) -> tuple[Refusal, ...]:
    path = _file(args)
    return read(path) if path.exists() else ()  # nothing was refused yet


def _line(refusal: Refusal) -> str:
    return _TABLE.format(
        id=refusal.refusal_id[:SHORT],
        at=_at(refusal),
        sku=visible(refusal.sku),
        similarity=f"{refusal.similarity:.3f}",
        decision=visible(refusal.decision_id),
        state="holds" if refusal.holds else "undone",
    ).rstrip()


def _at(refusal: Refusal) -> str:
    """Local time; as it is when it is none."""
    try:
        return datetime.fromisoformat(refusal.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return visible(refusal.at)
