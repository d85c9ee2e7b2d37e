# SPDX-License-Identifier: Apache-2.0
"""`kiosk refusals`: what people said is not a SKU, and taking it back."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from kiosk.cli.made_here import SHORT, folder_of, local, meant
from kiosk.cli.options import Verbs, add_config, add_state
from kiosk.cli.visible import visible
from kiosk.refusals import REFUSALS_FILE, Refusal, read, undo

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
        add_state(each)
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
    held = meant(_read(args), args.id, "refusal")
    undo(_file(args), held.refusal_id)
    print(f"{visible(held.sku)} is no longer refused for what was seen {local(held.at)}.")
    return os.EX_OK


def _file(args: argparse.Namespace) -> Path:
    return folder_of(args) / REFUSALS_FILE


def _read(args: argparse.Namespace) -> tuple[Refusal, ...]:
    path = _file(args)
    return read(path) if path.exists() else ()  # nothing was refused yet


def _line(refusal: Refusal) -> str:
    return _TABLE.format(
        id=refusal.refusal_id[:SHORT],
        at=local(refusal.at),
        sku=visible(refusal.sku),
        similarity=f"{refusal.similarity:.3f}",
        decision=visible(refusal.decision_id),
        state="holds" if refusal.holds else "undone",
    ).rstrip()
