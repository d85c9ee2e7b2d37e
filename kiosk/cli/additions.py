# SPDX-License-Identifier: Apache-2.0
"""`kiosk additions`: what was enrolled on this kiosk, taking it back, taking it to head office."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from kiosk.additions import ADDITIONS_FILE, Addition, bundle, read, undo
from kiosk.cli.made_here import SHORT, folder_of, local, meant
from kiosk.cli.options import Verbs, add_config, add_state
from kiosk.cli.visible import visible
from kiosk.durable import write_durably
from kiosk.errors import UsageError
from kiosk.store import STORE_FOLDER, Store

_TABLE = "{id:<8}  {at:<19}  {sku:<20}  {views:>5}  {name:<32}  {state}"


def register(subparsers: Verbs) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "additions",
        help="list, undo and export what was enrolled on this kiosk",
        description="Items that were added on the page /enrol are searched on this kiosk only, "
        "until head office has them in a release.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="print what was added on this kiosk")
    listing.add_argument("--all", action="store_true", help="also what was undone")
    listing.add_argument("--json", action="store_true", help="one JSON object per line")
    listing.set_defaults(run=run_list)
    undoing = actions.add_parser(
        "undo", help="take one addition back; a running kiosk hears of it within a second"
    )
    undoing.add_argument("id", metavar="ID", help="as listed, or its beginning")
    undoing.set_defaults(run=run_undo)
    exporting = actions.add_parser(
        "export", help="write all of them with their pictures, for `kiosk catalog proposals`"
    )
    exporting.add_argument("file", type=Path, metavar="FILE.zip")
    exporting.set_defaults(run=run_export)
    for each in (listing, undoing, exporting):
        add_state(each)
        add_config(each)


def run_list(args: argparse.Namespace) -> int:
    """Print the additions. Raises StateError."""
    found = [addition for addition in _read(args) if addition.holds or args.all]
    if args.json:
        for addition in found:
            print(json.dumps(addition.as_journal(), ensure_ascii=False))
        return os.EX_OK
    headings = ("id", "at", "sku", "views", "name", "state")
    print(_TABLE.format(**{name: name for name in headings}))
    for addition in reversed(found):
        print(_line(addition))
    print(f"{len(found)} additions" if len(found) != 1 else "1 addition")
    return os.EX_OK


def run_undo(args: argparse.Namespace) -> int:
    """Undo one. Raises StateError, or UsageError when no or more than one addition is meant."""
    held = meant(_read(args), args.id, "addition")
    undo(folder_of(args) / ADDITIONS_FILE, held.addition_id)
    print(f"{visible(held.sku)}, added {local(held.at)}, is not searched any more.")
    return os.EX_OK


def run_export(args: argparse.Namespace) -> int:
    """Write the bundle, whole or not at all. Raises StateError."""
    folder = folder_of(args)
    found = _read(args)
    if not found:
        raise UsageError(f"{folder}: nothing was added on this kiosk; there is nothing to export")
    write_durably(
        args.file, bundle(folder / ADDITIONS_FILE, Store(folder / STORE_FOLDER).kiosk_id())
    )
    held = sum(addition.holds for addition in found)
    print(f"{held} additions with their pictures: {visible(str(args.file))}")
    return os.EX_OK


def _read(args: argparse.Namespace) -> tuple[Addition, ...]:
    path = folder_of(args) / ADDITIONS_FILE
    return read(path) if path.exists() else ()  # nothing was added yet


def _line(addition: Addition) -> str:
    state = "holds" if addition.holds else "in the catalog" if addition.adopted else "undone"
    return _TABLE.format(
        id=addition.addition_id[:SHORT],
        at=local(addition.at),
        sku=visible(addition.sku),
        views=len(addition.views),
        name=visible(addition.record.name),
        state=state,
    ).rstrip()
