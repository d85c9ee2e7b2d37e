# SPDX-License-Identifier: Apache-2.0
"""`kiosk additions`: what was enrolled on this kiosk, taking it back, taking it to head office."""

from __future__ import annotations

import argparse
import json
import os
from datetime import datetime
from pathlib import Path

from kiosk.additions import ADDITIONS_FILE, Addition, bundle, read, undo
from kiosk.cli.options import Verbs, add_config, load_config
from kiosk.cli.visible import visible
from kiosk.config import state_directory
from kiosk.durable import write_durably
from kiosk.errors import StateError, UsageError
from kiosk.store import STORE_FOLDER, Store

SHORT = 8
"""Characters of an id that are printed; any beginning that only one has will do."""
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
        each.add_argument(
            "--state",
            type=Path,
            metavar="DIR",
            help="the kiosk's state directory (default: the one of the configuration)",
        )
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
    meant = [each for each in _read(args) if args.id and each.addition_id.startswith(args.id)]
    held = [each for each in meant if each.holds]
    if len(held) != 1:
        reason = "there is no such addition"
        if held:
            reason = f"{len(held)} additions begin so; write more of the id"
        elif meant:
            reason = "it is undone already"
        raise UsageError(f"{args.id}: {reason}; see `kiosk additions list`")
    undo(_state(args) / ADDITIONS_FILE, held[0].addition_id)
    print(f"{visible(held[0].sku)}, added {_at(held[0])}, is not searched any more.")
    return os.EX_OK


def run_export(args: argparse.Namespace) -> int:
    """Write the bundle, whole or not at all. Raises StateError."""
    folder = _state(args)
    held = [addition for addition in _read(args) if addition.holds]
    if not _read(args):
        raise UsageError(f"{folder}: nothing was added on this kiosk; there is nothing to export")
    write_durably(
        args.file, bundle(folder / ADDITIONS_FILE, Store(folder / STORE_FOLDER).kiosk_id())
    )
    print(f"{len(held)} additions with their pictures: {visible(str(args.file))}")
    return os.EX_OK


def _state(args: argparse.Namespace) -> Path:
    folder: Path = args.state or state_directory(load_config(args))
    if not folder.is_dir():
        raise StateError(f"{folder}: is no folder; name the kiosk's state directory with --state")
    return folder


def _read(args: argparse.Namespace) -> tuple[Addition, ...]:
    path = _state(args) / ADDITIONS_FILE
    return read(path) if path.exists() else ()  # nothing was added yet


def _line(addition: Addition) -> str:
    state = "holds" if addition.holds else "in the catalog" if addition.adopted else "undone"
    return _TABLE.format(
        id=addition.addition_id[:SHORT],
        at=_at(addition),
        sku=visible(addition.sku),
        views=len(addition.views),
        name=visible(addition.record.name),
        state=state,
    ).rstrip()


def _at(addition: Addition) -> str:
    """Local time; as it is when it is none."""
    try:
        return datetime.fromisoformat(addition.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return visible(addition.at)
