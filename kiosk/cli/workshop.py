# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog init|add|remove|list|history`: head office's working copy of a catalog."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from kiosk.catalog.tables import sku_id
from kiosk.cli.options import Verbs
from kiosk.cli.visible import row, visible
from kiosk.errors import UsageError
from kiosk.imports.filter import parse
from kiosk.values import Box
from kiosk.workshop.adding import AddReport, add
from kiosk.workshop.changes import (
    INTS,
    STRINGS,
    Change,
    Picture,
    PutCategory,
    PutSku,
    RemovePicture,
    RemoveSku,
    Result,
)
from kiosk.workshop.folder import DEFAULT_NAME, PICTURES, Settings, init, workshop
from kiosk.workshop.listing import Item, as_json, filtered, items
from kiosk.workshop.repository import Event, Note

_FOLDER = "WORKSHOP"
_HISTORY = 50


def register(actions: Verbs) -> None:
    """Add them to the actions of `kiosk catalog`."""
    _register_init(actions)
    _register_add(actions)
    remove = actions.add_parser(
        "remove",
        help="take a SKU, or pictures of it, out of a workshop",
        description="Take pictures of a SKU away, or the SKU with all its pictures when none is "
        "named. Taking away what is not there succeeds.",
    )
    remove.add_argument("workshop", type=Path, metavar=_FOLDER)
    remove.add_argument("sku", metavar="SKU")
    remove.add_argument("pictures", nargs="*", metavar="PICTURE", help="its name in the workshop")
    remove.set_defaults(run=run_remove)
    listing = actions.add_parser(
        "list",
        help="list the SKUs of a workshop",
        description="One line per SKU: how many pictures, category, name.",
    )
    listing.add_argument("workshop", type=Path, metavar=_FOLDER)
    listing.add_argument(
        "--filter",
        metavar="EXPR",
        help="only pictures that match, such as: int_attr >= 100 AND category in ('Rings', 'Toys')",
    )
    listing.add_argument("--json", action="store_true", help="one JSON object per SKU and line")
    listing.set_defaults(run=run_list)
    history = actions.add_parser(
        "history", help="say who imported, built, published or rolled back what, newest first"
    )
    history.add_argument("workshop", type=Path, metavar=_FOLDER)
    history.add_argument(
        "--most", type=int, default=_HISTORY, metavar="N", help=f"lines (default: {_HISTORY})"
    )
    history.add_argument("--json", action="store_true", help="one JSON object per line")
    history.set_defaults(run=run_history)


def _register_init(actions: Verbs) -> None:
    parser = actions.add_parser(
        "init",
        help="make a workshop: the folder in which a catalog is worked on",
        description="Make a workshop, or make categories known in one that is there. It keeps "
        "copies of all pictures, so nothing depends on the originals.",
    )
    parser.add_argument("workshop", type=Path, metavar=_FOLDER)
    parser.add_argument(
        "--database",
        default="",
        metavar="URL",
        help="postgresql://USER@HOST/DATABASE, for several people at once; the password belongs "
        "into ~/.pgpass (default: a file in the folder)",
    )
    parser.add_argument(
        "--name",
        default=DEFAULT_NAME,
        help=f"of the catalog, as several may lie in one database (default: {DEFAULT_NAME})",
    )
    parser.add_argument(
        "--pictures",
        default=PICTURES,
        metavar="DIR",
        help="where the pictures are kept, such as a shared disk (default: in the folder)",
    )
    parser.add_argument(
        "--category",
        action="append",
        default=[],
        metavar="[NUMBER=]NAME",
        help="a category that imports may name, by its number too; without any they may name all",
    )
    parser.set_defaults(run=run_init)


def _register_add(actions: Verbs) -> None:
    parser = actions.add_parser(
        "add",
        help="add a SKU, pictures of it, or what is known of it, to a workshop",
        description="Add pictures to a SKU, which is made when it is new. A picture is called by "
        "its file name; the same name again overwrites it. What is not given stays as it was. One "
        "line per picture; exit code 65 when some cannot be used.",
    )
    parser.add_argument("workshop", type=Path, metavar=_FOLDER)
    parser.add_argument("sku", metavar="SKU")
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE")
    parser.add_argument("--name")
    parser.add_argument("--category")
    parser.add_argument("--barcode", action="append", help="may be repeated; replaces all of them")
    parser.add_argument(
        "--attribute",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"of the SKU; {INTS[0]}, {INTS[1]} … and {STRINGS[0]} … are of the pictures; may be "
        "repeated",
    )
    parser.add_argument(
        "--custom", default="", metavar="TEXT", help="custom content of the pictures"
    )
    parser.add_argument(
        "--region",
        metavar="x1,x2,y1,y2",
        help="where the item is in the pictures, in pixels (default: it is looked for)",
    )
    parser.add_argument("--flip", choices=("yes", "no"), help="may references be mirrored?")
    parser.set_defaults(run=run_add)


def run_init(arguments: argparse.Namespace) -> int:
    settings = Settings(arguments.name, arguments.database, arguments.pictures)
    categories: list[Change] = [_category(text) for text in arguments.category]
    made = init(arguments.workshop, settings)
    with workshop(arguments.workshop) as shop:
        shop.repository.apply(categories)
        with shop.repository.reading() as reading:
            skus, pictures = reading.counts()
    verdict = "made" if made else "is there already"
    print(visible(f"workshop {arguments.workshop}: {verdict}, {skus} SKUs, {pictures} pictures"))
    return os.EX_OK


def _category(text: str) -> PutCategory:
    number, separator, name = text.partition("=")
    if not separator:
        return PutCategory(text)
    if not number.isascii() or not number.isdigit() or not name:
        raise UsageError(f"--category {text}: write NAME or NUMBER=NAME")
    return PutCategory(name, int(number))


def run_add(arguments: argparse.Namespace) -> int:
    attributes = [_pair(text) for text in arguments.attribute]
    like = _like(arguments, dict(attributes))
    put = PutSku(
        _sku(arguments.sku),
        arguments.name,
        arguments.category,
        None if arguments.barcode is None else tuple(arguments.barcode),
        tuple(pair for pair in attributes if pair[0] not in (*INTS, *STRINGS)),
        None if arguments.flip is None else arguments.flip == "yes",
    )
    with workshop(arguments.workshop) as shop:
        reports = add(shop, put, arguments.pictures, like)
    for report in reports:
        print(_add_line(report, put.sku))
    return os.EX_DATAERR if any(report.code for report in reports) else os.EX_OK


def _add_line(report: AddReport, sku: str) -> str:
    verdict = f"FAILED {report.code}" if report.code else report.note
    return row(verdict, report.name or "record", sku, report.note if report.code else "")


def _sku(text: str) -> str:
    try:
        return sku_id(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise UsageError(f"--attribute {text}: write KEY=VALUE")
    return name.strip(), value.strip()


def _like(arguments: argparse.Namespace, attributes: dict[str, str]) -> Picture:
    """What the pictures of one call have alike."""
    try:
        ints = tuple(int(attributes[name]) if name in attributes else None for name in INTS)
    except ValueError as error:
        raise UsageError(f"{', '.join(INTS)} are whole numbers ({error})") from error
    strings = tuple(attributes.get(name) for name in STRINGS)
    region = None
    if arguments.region is not None:
        try:
            x1, x2, y1, y2 = map(float, arguments.region.split(","))
        except ValueError:
            raise UsageError(f"--region {arguments.region}: write x1,x2,y1,y2") from None
        region = Box(x1, y1, x2, y2)
    return Picture("", "", "", region, arguments.custom, ints, strings)


def run_remove(arguments: argparse.Namespace) -> int:
    names, sku = list(dict.fromkeys(arguments.pictures)), _sku(arguments.sku)
    changes: list[Change] = [RemovePicture(sku, name) for name in names]
    about = ", ".join([f"{sku}: {names[0]}", *names[1:5]]) if names else sku
    with workshop(arguments.workshop) as shop:
        results = shop.repository.apply(changes or [RemoveSku(sku)], note=Note("remove", about))
    for name, result in zip(names or [""], results, strict=True):
        verdict = "was not there" if result is Result.ABSENT else result.value
        print(row(verdict, name or "all of it", sku))
    return os.EX_OK


def run_list(arguments: argparse.Namespace) -> int:
    wanted = None if arguments.filter is None else parse(arguments.filter)
    with workshop(arguments.workshop) as shop, shop.repository.reading() as reading:
        found = items(reading)
        for item in found if wanted is None else filtered(found, wanted):
            text = json.dumps(as_json(item), ensure_ascii=False) if arguments.json else _line(item)
            print(text)
    return os.EX_OK


def _line(item: Item) -> str:
    record, count = item.sku.record, len(item.pictures)
    pictures = f"{count} pictures" if count != 1 else "1 picture"
    return row(record.sku, pictures, record.category, record.name)


def run_history(arguments: argparse.Namespace) -> int:
    with workshop(arguments.workshop) as shop:
        events = shop.repository.history(max(arguments.most, 0))
    for event in events:
        note = event.note
        body: dict[str, Any] = {
            "at": event.at,
            "who": note.who,
            "what": note.what,
            "about": note.about,
        }
        body |= {"figures": dict(note.figures), "seq": event.seq}
        print(json.dumps(body, ensure_ascii=False) if arguments.json else _told(event))
    return os.EX_OK


def _told(event: Event) -> str:
    note = event.note
    figures = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in note.figures)
    return row(event.at, note.who or "-", note.what, note.about, figures)
