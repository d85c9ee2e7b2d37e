# SPDX-License-Identifier: Apache-2.0
"""`kiosk sync`: get the release that the channel announces. The work is in `syncwork`: what it
needs stays out of the memory of the kiosk that answers.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable

from kiosk.cli.options import Verbs, add_config, add_state

_WORK = "kiosk.cli.syncwork"


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "sync",
        help="get the newest release of this kiosk's channel",
        description="One pass: ask sync.source (or --from) what is announced, prove it, fetch what "
        "is missing, test it, and make it current; a running kiosk takes it over within a second. "
        "Whatever happens, what answers now goes on answering. Exit codes: 0 nothing is wrong; 75 "
        "nobody answers, the stick is not in or older than what is here, what is published is past "
        "its date, or this clock cannot be right; 65 what came is not what was signed; 69 the "
        "release is not for this kiosk, or failed.",
    )
    _add_source(parser)
    parser.add_argument(
        "--once",
        action="store_true",
        help="do not try again where nobody answers (otherwise for up to ten minutes)",
    )
    parser.add_argument(
        "--accept-expired",
        action="store_true",
        help="take a copy that is past its date, such as a stick that lay around; it must be "
        "signed, and newer than what is here",
    )
    _add_state(parser)
    parser.set_defaults(run=_later("run_sync"))
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=False)
    joining = actions.add_parser(
        "enrol",
        help="tell this kiosk whose catalogs to believe",
        description="Believe the root that is published at ADDRESS, if its fingerprint is the one "
        "that `kiosk keys show` prints at head office. Without --fingerprint it only shows it.",
    )
    _add_source(joining)
    joining.add_argument(
        "--fingerprint", metavar="DIGITS", help="64 digits; spaces and colons do not count"
    )
    joining.add_argument(
        "--replace",
        action="store_true",
        help="move a kiosk that believes another one: catalog and numbers begin anew",
    )
    _add_state(joining)
    joining.set_defaults(run=_later("run_enrol"))
    show = actions.add_parser("show", help="say how sync stands, and whom this kiosk believes")
    _add_state(show)
    show.set_defaults(run=_later("run_show"))
    allow = actions.add_parser(
        "allow", help="let a release come again that was put back on this kiosk"
    )
    allow.add_argument("release", metavar="RELEASE", help="its id, as `kiosk sync show` prints it")
    _add_state(allow)
    allow.set_defaults(run=_later("run_allow"))
    back = actions.add_parser(
        "rollback", help="go back to the release before, by hand, until there is another one"
    )
    _add_state(back)
    back.set_defaults(run=_later("run_rollback"))


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="source",
        metavar="ADDRESS",
        help="an http(s) address or a folder, such as a USB stick (default: sync.source)",
    )


def _add_state(parser: argparse.ArgumentParser) -> None:
    add_state(parser)
    add_config(parser)


def _later(name: str) -> Callable[[argparse.Namespace], int]:
    """What runs `name` of the work, which is imported by then."""

    def run(arguments: argparse.Namespace) -> int:
        return int(getattr(importlib.import_module(_WORK), name)(arguments))

    return run
