# SPDX-License-Identifier: Apache-2.0
"""`kiosk keys`: who may sign what. The work is in `keywork`, which needs head office's packages."""

from __future__ import annotations

import argparse
from pathlib import Path

from kiosk.cli.office import in_office
from kiosk.cli.options import Verbs
from kiosk.cli.signing import add_passphrase, add_signing

_WORK = "kiosk.cli.keywork"


def register(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "keys",
        help="make, rotate, revoke and show the keys that sign releases",
        description="A trust folder says which keys count: root keys, of which several sign "
        "together, one key for each channel, and those of snapshot and timestamp. It holds nothing "
        "secret and may be copied. Every private key stays, encrypted, in the folder where it was "
        "made.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _register_make(actions)
    _register_init(actions)
    _register_changes(actions)
    sign = actions.add_parser(
        "sign",
        help="sign what was changed with the keys at hand",
        description="Add the signatures of the root keys in DIR. When enough are there, the change "
        "counts; kiosks see it with the next publication.",
    )
    _add_trust(sign)
    sign.add_argument(
        "--from",
        dest="copies",
        type=Path,
        action="append",
        default=[],
        metavar="COPY",
        help="take over the signatures in a copy of the trust folder that was signed elsewhere",
    )
    add_signing(sign)
    sign.set_defaults(run=in_office(_WORK, "sign"))
    drop = actions.add_parser("drop", help="forget a change that is not signed yet")
    _add_trust(drop)
    drop.set_defaults(run=in_office(_WORK, "drop"))
    show = actions.add_parser("show", help="say which keys count, and what is still to be signed")
    _add_trust(show)
    show.set_defaults(run=in_office(_WORK, "show"))


def _register_make(actions: Verbs) -> None:
    make = actions.add_parser(
        "make",
        help="make one key of your own",
        description="Make a key in DIR: private.pem, which never leaves it, and public.json, which "
        "you give to whoever keeps the trust folder.",
    )
    make.add_argument("folder", type=Path, metavar="DIR")
    make.add_argument("--name", help="whose key it is, in words (default: the name of the folder)")
    make.add_argument(
        "--unattended",
        action="store_true",
        help="keep the passphrase beside the key, for what signs without people",
    )
    add_passphrase(make)
    make.set_defaults(run=in_office(_WORK, "make"))


def _register_init(actions: Verbs) -> None:
    init = actions.add_parser(
        "init",
        help="begin a trust folder",
        description="Begin a trust folder. Keys that no --public names are made in --make DIR, a "
        "folder for each.",
    )
    _add_trust(init)
    init.add_argument(
        "--public",
        action="append",
        default=[],
        metavar="ROLE=FILE",
        help="the public.json of a key for root, snapshot, timestamp or a channel; several for one "
        "role may be given",
    )
    init.add_argument("--make", type=Path, metavar="DIR", help="make the other keys here")
    init.add_argument("--root-keys", type=int, default=3, metavar="N", help="default: 3")
    init.add_argument(
        "--threshold",
        type=int,
        default=2,
        metavar="N",
        help="how many root keys must sign together (default: 2)",
    )
    init.add_argument(
        "--channels",
        nargs="+",
        default=["stable", "canary"],
        metavar="NAME",
        help="default: stable canary",
    )
    init.add_argument(
        "--unattended",
        action="store_true",
        help="keep the passphrase beside the snapshot and timestamp keys made here, so that "
        "`kiosk catalog refresh` runs without people",
    )
    add_signing(init)
    init.set_defaults(run=in_office(_WORK, "init"))


def _register_changes(actions: Verbs) -> None:
    add = actions.add_parser("add", help="let one more key sign for a role, or begin a channel")
    _add_trust(add)
    _add_role(add)
    _add_change(add, "add")
    rotate = actions.add_parser("rotate", help="put a new key in the place of an old one")
    _add_trust(rotate)
    _add_role(rotate)
    rotate.add_argument(
        "--old", metavar="KEY", help="id or holder, where the role has several keys"
    )
    _add_change(rotate, "rotate")
    revoke = actions.add_parser("revoke", help="let a lost key count for nothing any more")
    _add_trust(revoke)
    revoke.add_argument("key", metavar="KEY", help="the start of its id, or its holder")
    _add_change(revoke, "revoke")
    renew = actions.add_parser("renew", help="sign root and the list of channels for a new term")
    _add_trust(renew)
    _add_change(renew, "renew")


def _add_change(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "--threshold", type=int, metavar="N", help="from now on this many root keys sign together"
    )
    add_signing(parser)
    parser.set_defaults(run=in_office(_WORK, name))


def _add_role(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", metavar="ROLE", help="root, snapshot, timestamp or a channel")
    parser.add_argument("public", type=Path, metavar="FILE", help="public.json of the new key")


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("trust", type=Path, metavar="TRUST", help="the trust folder")
