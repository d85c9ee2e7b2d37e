# SPDX-License-Identifier: Apache-2.0
"""`kiosk orders`: the expected lists that were checked, and their signed results."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from kiosk.cli.options import Verbs, add_config, add_state, load_config
from kiosk.cli.visible import visible
from kiosk.config import state_directory
from kiosk.errors import OrderError
from kiosk.orders import database, result
from kiosk.orders.values import Order, Signed, Verdict

MOST = 1_000
COLUMNS = ("line", "sku", "barcode", "text", "quantity", "counted", "over", "missing")
_TABLE = "{created:<16}  {stage:<8}  {outcome:<16}  {lines:>5}  {id:<8}  {number}"


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "orders",
        help="list, show or export checked orders",
        description="Expected lists that were checked at the kiosk, with their signed results.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list orders, the newest first")
    listing.add_argument("--json", action="store_true", help="one JSON object per order and line")
    listing.set_defaults(run=run_list)
    show = actions.add_parser("show", help="say what was counted and whether a result is unchanged")
    show.add_argument("order", metavar="ORDER", help="its number, its id or how the id begins")
    show.set_defaults(run=run_show)
    export = actions.add_parser(
        "export",
        help="print an order for another program",
        description="Print the signed result byte for byte as it was signed; an order that is not "
        "closed as it stands. Exit code 65 when the result was altered.",
    )
    export.add_argument("order", metavar="ORDER", help="its number, its id or how the id begins")
    export.add_argument("--csv", action="store_true", help="the lines, comma-separated")
    export.set_defaults(run=run_export)
    for each in (listing, show, export):
        add_state(each)
        add_config(each)


def run_list(args: argparse.Namespace) -> int:
    with database.reading(_path(args)) as connection:
        found = database.listed(connection, MOST)
    if args.json:
        for order, outcome in found:
            body = {"id": order.order_id, "number": order.number, "stage": order.stage.value}
            body |= {"created_at": order.created_at, "closed_at": order.closed_at}
            print(json.dumps({**body, "outcome": outcome}, ensure_ascii=False))
        return os.EX_OK
    heads = {name: name for name in ("created", "stage", "outcome", "lines", "id", "number")}
    print(_TABLE.format(**heads))
    for order, outcome in found:
        cells = {"stage": order.stage.value, "outcome": outcome or "-", "lines": len(order.lines)}
        cells |= {"created": order.created_at[:16], "id": order.order_id[:8]}
        print(_TABLE.format(**cells, number=visible(order.number)).rstrip())
    return os.EX_OK


def run_show(args: argparse.Namespace) -> int:
    order, signed = _found(args)
    print(f"order {visible(order.number)} ({order.order_id}), {order.stage.value}")
    print(f"created {order.created_at}")
    for row in _rows(order):
        called = " ".join(str(row[name]) for name in ("sku", "barcode", "text") if row[name])
        extra = f", {row['over']} too many" if row["over"] else ""
        print(f"  {row['counted']:>5} of {row['quantity']:<5}{extra}  {visible(called)}")
    for strange in result.differences(order)["not_on_list"]:
        print(f"  {strange['shown']:>5} not on the list  {visible(strange['sku'])}")
    if signed is None:
        return os.EX_OK
    print(f"{signed.outcome}, signed by {visible(signed.signed_by)} at {signed.closed_at}")
    good = result.unchanged(signed)
    print(f"sha256 {signed.sha256}: {'unchanged' if good else 'ALTERED since it was signed'}")
    return os.EX_OK if good else os.EX_DATAERR


def run_export(args: argparse.Namespace) -> int:
    order, signed = _found(args)
    if args.csv:
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_rows(order))
    elif signed is not None:
        _print_bytes(signed.canonical)
    else:
        print(json.dumps(asdict(order), ensure_ascii=False))
    if signed is not None and not result.unchanged(signed):
        raise OrderError("altered", f"order {order.number}: its result was altered after signing")
    return os.EX_OK


def _print_bytes(canonical: str) -> None:
    """What was hashed, whatever encoding the terminal has."""
    if sys.stdout is not None:  # closed by the caller
        sys.stdout.flush()
        sys.stdout.buffer.write(canonical.encode())


def _found(args: argparse.Namespace) -> tuple[Order, Signed | None]:
    with database.reading(_path(args)) as connection:
        return database.found(connection, database.named(connection, args.order))


def _rows(order: Order) -> list[dict[str, str | int]]:
    tally = order.tally
    rows: list[dict[str, str | int]] = []
    for line in order.lines:
        counted = tally.get((line.number, Verdict.MATCH), 0)
        row: dict[str, str | int] = {"line": line.number, "sku": line.sku, "barcode": line.barcode}
        row |= {"text": line.text, "quantity": line.quantity, "counted": counted}
        row |= {"over": tally.get((line.number, Verdict.ALREADY_COUNTED), 0)}
        rows.append({**row, "missing": line.quantity - counted})
    return rows


def _path(args: argparse.Namespace) -> Path:
    folder = args.state or state_directory(load_config(args))
    return Path(folder) / database.ORDERS_FILE
