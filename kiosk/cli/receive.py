# SPDX-License-Identifier: Apache-2.0
"""`kiosk receive`: head office takes what kiosks send, and looks into it."""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import waitress

from kiosk.cli.journal import parse_since
from kiosk.cli.options import Verbs
from kiosk.cli.visible import visible
from kiosk.durable import write_durably
from kiosk.errors import BusyError, UsageError
from kiosk.event import Event
from kiosk.journal.entries import instant
from kiosk.receive import Query, create_receiver
from kiosk.receive.app import MAX_BODY_BYTES
from kiosk.receive.database import EventStore
from kiosk.receive.heard import remarks
from kiosk.receive.mqtt import Listener
from kiosk.receive.sql import open_events
from kiosk.receive.tokens import ANY, TokenFile, add_token

DATABASE = "an SQLite file, or postgresql://user@host/name (default: %(default)s)"


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "receive",
        help="head office: take the journals of kiosks and look into them",
        description="The other end of `kiosk upload`.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _register_taking(actions)
    parcels = actions.add_parser("parcels", help="write the proposals that came into a folder")
    parcels.add_argument("folder", type=Path, metavar="DIR")
    parcels.add_argument("--database", default="events.sqlite", metavar="WHERE", help=DATABASE)
    parcels.set_defaults(run=run_parcels)
    token = actions.add_parser("token", help="make a token for one kiosk and print it")
    token.add_argument("kiosk", metavar="KIOSK", help=f"a kiosk's id, or {ANY!r} for all of them")
    token.add_argument("--tokens", type=Path, default=Path("tokens.txt"), metavar="FILE")
    token.set_defaults(run=run_token)
    query = actions.add_parser("query", help="what kiosks sent")
    query.add_argument("--database", default="events.sqlite", metavar="WHERE", help=DATABASE)
    for name in ("kiosk", "kind", "sku"):
        query.add_argument(f"--{name}", default="", help=f"only of this {name}")
    query.add_argument("--since", metavar="WHEN", help="2026-11-20, or 2h, 3d, 1w ago")
    query.add_argument("--until", metavar="WHEN", help="likewise; the moment itself is left out")
    query.add_argument("--json", action="store_true", help="one JSON object per line")
    query.add_argument("--counts", action="store_true", help="only how many, by kiosk and kind")
    query.set_defaults(run=run_query)
    kiosks = actions.add_parser(
        "kiosks",
        help="which kiosks were heard, from which devices, first and last, and what is odd",
    )
    kiosks.add_argument("--database", default="events.sqlite", metavar="WHERE", help=DATABASE)
    kiosks.set_defaults(run=run_kiosks)


def run_parcels(arguments: argparse.Namespace) -> int:
    """One file for each; those that are there already are not written again."""
    arguments.folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with closing(open_events(arguments.database, made=False)) as store:
        for kiosk, digest, parcel in store.parcels():
            path = arguments.folder / f"{kiosk}-{digest[:16]}.zip"
            if not path.exists():
                write_durably(path, parcel)
                count += 1
    print(f"{count} new in {arguments.folder}")
    return os.EX_OK


def _register_taking(actions: Verbs) -> None:
    serve = actions.add_parser("serve", help="take events over HTTP until it is stopped")
    serve.add_argument("--database", default="events.sqlite", metavar="WHERE", help=DATABASE)
    serve.add_argument("--tokens", type=Path, default=Path("tokens.txt"), metavar="FILE")
    serve.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8090, help="port (default: %(default)s)")
    serve.set_defaults(run=run_serve)
    listen = actions.add_parser("mqtt", help="take events from an MQTT broker until it is stopped")
    listen.add_argument("broker", metavar="mqtt://USER@HOST")
    listen.add_argument("--database", default="events.sqlite", metavar="WHERE", help=DATABASE)
    listen.add_argument("--password-file", type=Path, metavar="FILE")
    listen.set_defaults(run=run_mqtt)


def run_serve(arguments: argparse.Namespace) -> int:
    """TLS and the public address are for a web server before it."""
    tokens = TokenFile(arguments.tokens)
    with closing(open_events(arguments.database)) as store:
        store.put([])  # a database that cannot be used is said now, not to the first kiosk
        app = create_receiver(store, tokens.kiosk_of)
        try:
            server = waitress.create_server(
                app,
                host=arguments.host,
                port=arguments.port,
                ident=None,
                max_request_body_size=MAX_BODY_BYTES,
            )
        except OSError as error:
            where = f"port {arguments.port} on {arguments.host}"
            if error.errno == errno.EADDRINUSE:
                raise BusyError(
                    f"{where} is in use; stop what listens, or choose --port"
                ) from error
            reason = f"{where}: cannot be listened on ({error.strerror}); choose --host or --port"
            raise UsageError(reason) from error
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # waitress ends well by that
        address = f"http://{arguments.host}:{server.effective_port}"
        print(f"Taking events at {address} (stop it with Ctrl-C)", flush=True)
        server.run()
    return os.EX_OK


def run_mqtt(arguments: argparse.Namespace) -> int:
    password = arguments.password_file.read_text().strip() if arguments.password_file else ""
    with closing(open_events(arguments.database)) as store:
        store.put([])
        listener = Listener(arguments.broker, store, password=password)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: listener.stop())
        print(f"Listening at {arguments.broker} (stop it with Ctrl-C)", flush=True)
        listener.run()
    return os.EX_OK


def run_token(arguments: argparse.Namespace) -> int:
    """Printed once; only its hash is kept."""
    print(add_token(arguments.tokens, arguments.kiosk))
    return os.EX_OK


def run_query(arguments: argparse.Namespace) -> int:
    """Raises StateError, UsageError."""
    now = datetime.now(UTC)
    since, until = (
        instant(parse_since(text, now)) if text else ""
        for text in (arguments.since, arguments.until)
    )
    query = Query(arguments.kiosk, arguments.kind, arguments.sku, since, until)
    with closing(open_events(arguments.database, made=False)) as store:
        if arguments.counts:
            _remark(store)
            for (kiosk, kind), count in store.counts(query).items():
                print(f"{kiosk:<34}  {kind:<16}  {count:>8}")
            return os.EX_OK
        for event in store.find(query):
            as_json = json.dumps(event.as_json(), ensure_ascii=False)
            print(as_json if arguments.json else _line(event))
    return os.EX_OK


def run_kiosks(arguments: argparse.Namespace) -> int:
    """Raises StateError."""
    with closing(open_events(arguments.database, made=False)) as store:
        for each in store.heard():
            print(f"{each.kiosk:<34}  {each.device:<16}  {each.first[:16]}  {each.last[:16]}")
        _remark(store)
    return os.EX_OK


def _remark(store: EventStore) -> None:
    """What somebody should look into, beside what was asked."""
    for kiosk, said in remarks(store.heard()).items():
        for remark in said:
            print(f"{visible(kiosk)}: {visible(remark)}", file=sys.stderr)


def _line(event: Event) -> str:
    cells = (event.at[:19], event.kiosk[:12], event.kind, event.outcome or "", event.sku or "")
    at, kiosk, kind, outcome, sku = map(visible, cells)
    return f"{at}  {kiosk:<12}  {kind:<14}  {outcome:<8}  {sku}".rstrip()
